import { rmSync } from "node:fs";

import { expect } from "chai";

import type { SigningKey } from "../../../src/client/ports.ts";
import { isGatewayError } from "../../../src/client/errors.ts";
import { SigningKeys } from "../../../src/client/receipts/signingKeys.ts";
import { addressOf } from "../../../src/protocol/ecdsa.ts";
import { readOriginatorEnvelope } from "../../../src/protocol/envelope.ts";
import { groupMessage } from "../../support/envelopes.ts";
import { ManualClock } from "../../support/manualClock.ts";
import { GatewayHarness, publish } from "../support/gatewayHarness.ts";
import { keyOfNode, signedEnvelope } from "./support.ts";

const NEVER = new AbortController().signal;
const OLD_KEY = new Uint8Array(32).fill(0x41);
const OLD = addressOf(OLD_KEY);
const NODE = { id: 100, signer: addressOf(keyOfNode(100)), isCanonical: true, httpAddress: "http://node.test" };
const SECOND = 1_000_000_000n;
const IN_USE: SigningKey = { retiredAt: undefined, takenUntil: undefined };

describe("client/receipts/signingKeys", () => {
  let keys: Map<string, SigningKey>;
  let asked: string[];
  let clock: ManualClock;
  let signing: SigningKeys;
  let chainFails: boolean;
  beforeEach(() => {
    [keys, asked, clock, chainFails] = [new Map(), [], new ManualClock(), false];
    const signingKey = async (nodeId: number, signer: string) => {
      asked.push(`${nodeId}:${signer}`);
      if (chainFails) throw new Error("no answer");
      return keys.get(`${nodeId}:${signer}`);
    };
    signing = new SigningKeys({ chain: { signingKey }, clock, chainTimeoutMs: 1_000, clockSkewMs: 10_000 });
  });

  const signerOf = (key: Uint8Array, originatorNs = SECOND, node = NODE) =>
    signing.signerOf(readOriginatorEnvelope(signedEnvelope(100, 7n, { originatorNs }, key)), node, NEVER);

  it("asks nothing for the registered key, and nothing for another node's envelope", async () => {
    expect(await signerOf(keyOfNode(100))).to.equal(NODE.signer);
    expect(await signerOf(keyOfNode(100), SECOND, { ...NODE, id: 200 })).to.equal(undefined);
    expect(asked).to.deep.equal([]);
  });

  it("takes an earlier key up to when it was retired, give or take the clocks", async () => {
    keys.set(`100:${OLD}`, { retiredAt: 5_000n, takenUntil: 9_000n });
    expect(await signerOf(OLD_KEY, 4_999n * SECOND)).to.equal(OLD);
    expect(await signerOf(OLD_KEY, 5_010n * SECOND)).to.equal(OLD);
    expect(await signerOf(OLD_KEY, 5_010n * SECOND + 1n)).to.equal(undefined);
    expect(asked, "known from then on").to.have.length(1);
  });

  it("takes a key that is newer than what was read of the registry", async () => {
    keys.set(`100:${OLD}`, IN_USE);
    expect(await signerOf(OLD_KEY)).to.equal(OLD);
    expect(await signerOf(new Uint8Array(32).fill(0x42))).to.equal(undefined);
  });

  it("asks again after ten minutes, and for a stranger's key each time, because it may be registered", async () => {
    keys.set(`100:${OLD}`, IN_USE);
    await signerOf(OLD_KEY);
    clock.advance(600_001);
    keys.set(`100:${OLD}`, { retiredAt: 1n, takenUntil: 2n });
    expect(await signerOf(OLD_KEY, 100n * SECOND)).to.equal(undefined);
    keys.clear();
    clock.advance(600_001);
    expect(await signerOf(OLD_KEY)).to.equal(undefined);
    keys.set(`100:${OLD}`, IN_USE);
    expect(await signerOf(OLD_KEY)).to.equal(OLD);
  });

  it("asks no more than 60 times a minute, and says that it does not know", async () => {
    const codes: string[] = [];
    for (let n = 0; n < 80; n++) {
      await signerOf(OLD_KEY).catch((error: unknown) => codes.push(isGatewayError(error) ? error.code : String(error)));
    }
    expect(asked).to.have.length(60);
    expect(codes).to.have.length(20);
    expect(new Set(codes)).to.deep.equal(new Set(["chain_unavailable"]));
    clock.advance(60_000);
    expect(await signerOf(OLD_KEY)).to.equal(undefined);
  });

  it("never takes a chain that does not answer for a no", async () => {
    chainFails = true;
    const error = await signerOf(OLD_KEY).catch((caught: unknown) => caught);
    expect(isGatewayError(error, "chain_unavailable")).to.equal(true);
  });
});

describe("client/gateway and a node that rotates its key", function () {
  this.timeout(180_000);
  let harness: GatewayHarness;
  beforeEach(() => (harness = new GatewayHarness(1)));
  afterEach(() => harness.stop());

  /** From now on the node signs with the new key; the registry that the gateway has read says the old one. */
  function rotate(chainAnswers = true) {
    const [node] = harness.network.nodes;
    const before = node!.registered;
    node!.key = OLD_KEY;
    if (chainAnswers) harness.network.keys.set(`${node!.id}:${OLD}`, IN_USE);
    return before;
  }

  it("takes its receipts before the registry is read again, and keeps the node", async () => {
    const gateway = await harness.start({ limits: { registryEveryMs: 1_000_000 } });
    await harness.settle(publish(gateway, groupMessage(1)));
    rotate();
    await harness.settle(publish(gateway, groupMessage(2)));
    expect(gateway.status()).to.include({ usagePico: harness.network.chargedPico, openAttempts: 0 });
    expect(gateway.status().nodes[0]).to.include({ isAvailable: true });
  });

  it("recovers from logs what was signed with an earlier key, when the store is lost", async () => {
    const gateway = await harness.start();
    for (let n = 1; n <= 12; n++) await harness.settle(publish(gateway, groupMessage(n, { padding: 100_000 })));
    const { usagePico } = gateway.status();
    await harness.settle(gateway.close());
    rmSync(harness.storePath);
    const earlier = harness.network.nodes[0]!.registered.signer;
    const retiredAt = BigInt(harness.clock.now()) / 1_000n;
    rotate();
    harness.network.keys.set(`100:${earlier}`, { retiredAt, takenUntil: retiredAt + 1_000_000n });
    await harness.run(60_000, 1_000);
    const restarted = await harness.start();
    await harness.settle(publish(restarted, groupMessage(20)));
    expect(usagePico > 0n && restarted.status().usagePico > usagePico).to.equal(true);
    expect(restarted.status().usagePico).to.equal(harness.network.chargedPico);
  });

  it("drops it when the chain says that the key is nobody's", async () => {
    const gateway = await harness.start({ limits: { registryEveryMs: 1_000_000, holdSeconds: 1 } });
    rotate(false);
    await harness.settle(publish(gateway, groupMessage(1)).catch(() => {}));
    expect(gateway.status().nodes[0]!.problem).to.contain("no key signed");
  });

  it("neither believes nor drops it while the chain does not answer", async () => {
    const gateway = await harness.start({
      limits: { registryEveryMs: 1_000_000, holdSeconds: 1, channelEveryMs: 1e6 },
    });
    rotate(false);
    harness.network.chainIsDown = true;
    const error = await harness.settle(publish(gateway, groupMessage(1)).catch((caught: unknown) => caught));
    expect(error).to.be.instanceOf(Error);
    expect(gateway.status()).to.include({ openAttempts: 1, usagePico: 0n });
    expect(harness.logged.some(({ message }) => message.includes("misbehaves"))).to.equal(false);
    harness.network.chainIsDown = false;
    harness.network.keys.set(`100:${OLD}`, IN_USE);
    await harness.run(30_000, 100);
    expect(gateway.status()).to.include({ openAttempts: 0, usagePico: harness.network.chargedPico });
  });
});
