import { expect } from "chai";

import type { AttestedReport } from "../../../src/daemon/reports/ports.ts";
import { RollCalls } from "../../../src/daemon/reports/rollCalls.ts";
import { NO_PARENT } from "../../../src/protocol/report/report.ts";
import { Network } from "./network.ts";
import { EPOCH, EPOCH_END } from "./support.ts";

const MINUTE = 60n;
const HOUR = 3_600n;
const DAY = 86_400n;

describe("daemon/reports: roll calls", () => {
  let network: Network;
  let seats: { nodeId: number; calls: RollCalls }[];
  afterEach(() => network.close());

  /** Seats that look after roll calls; the last report was accepted ten minutes after its epoch's end. */
  async function start(count: number, isReported = true): Promise<Network["chain"]> {
    network = await Network.of(count);
    const { chain, nodes } = network;
    seats = nodes.map(({ nodeId, options }) => ({ nodeId, calls: new RollCalls(options) }));
    chain.acceptedAt = EPOCH_END + 10n * MINUTE;
    if (!isReported) return chain;
    const attested = { report: { epoch: EPOCH } } as AttestedReport;
    chain.chain.push({ digest: NO_PARENT, attested, finalAt: chain.acceptedAt + DAY });
    return chain;
  }

  /** Everybody who is there looks every minute. */
  async function pass(seconds: bigint): Promise<void> {
    for (let passed = 0n; passed < seconds; passed += MINUTE) {
      network.chain.time += MINUTE;
      network.clock.advance(60_000);
      for (const { nodeId, calls } of seats) if (!network.down.has(nodeId)) await calls.step();
    }
  }

  it("opens one after three days without a report, answers it, closes it a day later: once each", async () => {
    const chain = await start(6);
    // Four of six are no quorum.
    network.down.add(500).add(600);
    const openableAt = chain.acceptedAt + 3n * DAY;
    chain.time = openableAt - HOUR;
    await pass(HOUR - MINUTE);
    expect([chain.opened, chain.answersSent]).to.deep.equal([0, 0]);
    // The turns of the two that are gone may come first.
    await pass(HOUR);
    expect([chain.opened, chain.answers]).to.deep.equal([1, 0b1111n]);
    expect(chain.call!.answerUntil - DAY - openableAt <= 30n * MINUTE).to.equal(true);
    chain.time = chain.call!.answerUntil - HOUR;
    await pass(HOUR - MINUTE);
    expect(chain.closed).to.equal(0);
    await pass(HOUR);
    expect([chain.opened, chain.closed, chain.answersSent]).to.deep.equal([1, 1, 4]);
    await pass(HOUR);
    expect([chain.opened, chain.closed]).to.deep.equal([1, 1]);
    chain.time = openableAt + 3n * DAY;
    await pass(2n * HOUR);
    expect(chain.opened, "and another one three days after it").to.equal(2);
  });

  it("opens none before a first report", async () => {
    const chain = await start(3, false);
    chain.isRollCallDue = async () => true;
    chain.time += 10n * DAY;
    await pass(HOUR);
    expect(chain.opened).to.equal(0);
  });

  it("asks the chain nothing about opening one while reports come", async () => {
    const chain = await start(3);
    chain.isRollCallDue = async () => {
      throw new Error("asked");
    };
    chain.time = chain.acceptedAt + 2n * DAY;
    await pass(HOUR);
  });

  it("takes turns, ten minutes apart, and does not try what is not due or not worth its gas", async () => {
    const chain = await start(6);
    let isDue = false;
    const tries: bigint[] = [];
    chain.isRollCallDue = async (step) => isDue && step === "open";
    chain.openRollCall = async () => (tries.push(chain.time), false);
    chain.time = chain.acceptedAt + 4n * DAY;
    await pass(HOUR);
    expect(tries).to.deep.equal([]);
    isDue = true;
    const from = chain.time;
    await pass(18n * MINUTE);
    const seen = tries.map((at) => at - from);
    expect(
      seen.filter((after) => after <= 10n * MINUTE),
      "the first alone",
    ).to.have.length.within(1, 3);
    expect(seen.filter((after) => after > 10n * MINUTE)).to.have.length.greaterThan(2);
  });

  it("a node that did not answer itself closes nothing, and when all have answered nobody does", async () => {
    const chain = await start(6);
    chain.time = chain.acceptedAt + 5n * DAY;
    chain.call = { number: 1n, answerUntil: chain.time - MINUTE, isClosed: false };
    network.down.add(100).add(200).add(300).add(500);
    chain.answers = 0b010111n;
    await pass(2n * HOUR);
    expect(chain.closed, "nodes 400 and 600 would jail themselves").to.equal(0);
    network.down.clear();
    chain.answers = 0b111111n;
    await pass(2n * HOUR);
    expect(chain.closed).to.equal(0);
    chain.answers = 0b101111n;
    await pass(2n * HOUR);
    expect(chain.closed).to.equal(1);
  });

  it("looks again at the next step when the chain could not be read", async () => {
    const chain = await start(3);
    chain.time = chain.acceptedAt + 3n * DAY;
    chain.isDown = true;
    expect(await pass(MINUTE).catch((error: Error) => error.message)).to.equal("connection refused");
    chain.isDown = false;
    await pass(HOUR);
    expect(chain.opened).to.equal(1);
  });
});
