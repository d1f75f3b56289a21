import { setImmediate } from "node:timers/promises";

import { Code, ConnectError } from "@connectrpc/connect";
import { expect } from "chai";

import { silentLog } from "../../src/platform/log.ts";
import type { ReadOriginatorEnvelope } from "../../src/protocol/envelope.ts";
import { canonicalPayerEnvelopeSize, readOriginatorEnvelope } from "../../src/protocol/envelope.ts";
import { congestionUnits } from "../../src/protocol/fees.ts";
import { NetworkView } from "../../src/node/network.ts";
import type { PublishGate } from "../../src/node/ports.ts";
import { openGate } from "../../src/node/ports.ts";
import { Publisher } from "../../src/node/publish.ts";
import { NodeStore } from "../../src/node/store/store.ts";
import { addressOf } from "../../src/protocol/ecdsa.ts";
import { groupMessage } from "../support/envelopes.ts";
import { ManualClock } from "../support/manualClock.ts";
import { FakeChain } from "./support/fakeChain.ts";
import { keyOf, payer } from "./support/network.ts";

const MINUTE = 60_000;
const NS_PER_MS = 1_000_000n;

const UNPAID = { voucherHeader: null };

describe("node/publish with a clock and a gate by hand", () => {
  const chain = new FakeChain();
  let clock: ManualClock;
  let store: NodeStore;
  let network: NetworkView;
  let publisher: Publisher;
  let n = 0;

  beforeEach(async () => {
    chain.nodes = [{ id: 100, signer: addressOf(keyOf(100)), isCanonical: true, httpAddress: "http://127.0.0.1:1" }];
    chain.network.rates[0]!.targetRatePerMinute = 4n;
    clock = new ManualClock();
    store = new NodeStore(":memory:", silentLog);
    network = new NetworkView(chain, clock, silentLog);
    await network.refresh();
    publisher = newPublisher(openGate);
  });
  afterEach(() => store.close());

  function newPublisher(gate: PublishGate): Publisher {
    return new Publisher({ nodeId: 100, signingKey: keyOf(100), store, network, gate, clock, log: silentLog });
  }

  async function publish(count: number): Promise<ReadOriginatorEnvelope[]> {
    const envelopes = Array.from({ length: count }, () => payer(n++, 100));
    return (await publisher.publish(envelopes, UNPAID)).map((envelope) => readOriginatorEnvelope(envelope));
  }

  it("charges message and storage fee by the canonical size and the network's retention", async () => {
    const [envelope] = await publish(1);
    const fields = { unsignedClientEnvelope: groupMessage(0), targetOriginator: 100, retentionDays: 60 };
    const size = BigInt(canonicalPayerEnvelopeSize(fields));
    expect(envelope!.baseFeePico).to.equal(100n + 200n * size * 60n);
    expect(envelope!.originatorNs).to.equal(BigInt(clock.now()) * NS_PER_MS);
    expect(envelope!.expiryAt).to.equal(BigInt(clock.now() / 1000) + 60n * 86_400n);
  });

  it("counts the messages before it, of this minute and the four before, for congestion", async () => {
    const units = (window: Parameters<typeof congestionUnits>[1]) => 300n * congestionUnits(4n, window);
    const first = await publish(7);
    expect(first.map(({ congestionFeePico }) => congestionFeePico)).to.deep.equal(
      first.map((_, i) => units([BigInt(i), 0n, 0n, 0n, 0n])),
    );
    expect(first.at(-1)!.congestionFeePico).to.equal(30_000n);
    clock.advance(MINUTE);
    expect((await publish(1))[0]!.congestionFeePico).to.equal(units([0n, 7n, 0n, 0n, 0n]));
    clock.advance(5 * MINUTE);
    expect((await publish(1))[0]!.congestionFeePico).to.equal(0n);
  });

  it("uses the rates in force at the message's time", async () => {
    const later = { ...chain.network.rates[0]!, messageFeePico: 100_000n, startAt: BigInt(clock.now() / 1000 + 60) };
    chain.network.rates.push(later);
    const [before] = await publish(1);
    clock.advance(MINUTE);
    const [after] = await publish(1);
    chain.network.rates.pop();
    expect(after!.baseFeePico - before!.baseFeePico).to.equal(99_900n);
  });

  it("never lets time go back or stand still", async () => {
    const [first, second] = await publish(2);
    clock.advance(-10 * MINUTE);
    const [third] = await publish(1);
    expect(second!.originatorNs).to.equal(first!.originatorNs + 1n);
    expect(third!.originatorNs).to.equal(second!.originatorNs + 1n);
  });

  it("asks the gate once for identical calls at the same time, and again for the next one when it refused", async () => {
    const decisions: ((refusal?: ConnectError) => void)[] = [];
    const gate: PublishGate = {
      isOpen: () => true,
      admit: () =>
        new Promise((resolve, reject) => {
          decisions.push((refusal) => (refusal ? reject(refusal) : resolve({ release: () => {} })));
        }),
    };
    const publisher = newPublisher(gate);
    const calls = Array.from({ length: 4 }, () => publisher.publish([payer(n, 100), payer(n + 1, 100)], UNPAID));
    const outcomes = Promise.allSettled(calls);
    await setImmediate();
    expect(decisions).to.have.length(1);
    decisions[0]!(new ConnectError("pay first", Code.FailedPrecondition));
    await setImmediate();
    expect(decisions).to.have.length(2);
    decisions[1]!();
    const [first, ...rest] = await outcomes;
    expect(first).to.have.property("status", "rejected");
    for (const outcome of rest) expect(outcome).to.deep.equal(rest[0]).and.to.have.property("status", "fulfilled");
    expect(decisions).to.have.length(2);
    expect(store.reader.last(100).sequenceId).to.equal(2n);
  });

  it("60: checks a caller's envelope in turn, not behind a flood of another's bad ones, and bounds the flood", async () => {
    const forged = payer(n, 100);
    forged.payerSignature!.bytes[64] = 9;
    let refused = 0;
    const flood = Array.from({ length: 2_000 }, () =>
      publisher.publish([forged], { ...UNPAID, caller: "10.0.0.1" }).catch((error: ConnectError) => {
        refused++;
        return error.code;
      }),
    );
    await publisher.publish([payer(n + 1, 100)], { ...UNPAID, caller: "10.0.0.2" });
    const before = refused;
    const codes = await Promise.all(flood);
    expect(codes.filter((code) => code === Code.InvalidArgument)).to.have.length.greaterThan(0);
    expect(codes.filter((code) => code === Code.ResourceExhausted)).to.have.length.greaterThan(1_000);
    const checkedBefore = before - codes.filter((code) => code === Code.ResourceExhausted).length;
    expect(checkedBefore, "bad ones that were checked before the good one was stored").to.be.lessThan(100);
  });
});
