import { expect } from "chai";

import { NetworkView } from "../../src/node/network.ts";
import type { Address } from "../../src/protocol/bytes.ts";
import { silentLog } from "../../src/platform/log.ts";
import { ManualClock } from "../support/manualClock.ts";
import { FakeChain } from "./support/fakeChain.ts";

/** When keys were retired, unix seconds, and a time before. */
const RETIRED = 1_700_000_000n;
const NOW = (RETIRED - 10n) * 1_000_000_000n;

const key = (i: number): Address => `0x${i.toString(16).padStart(40, "0")}`;

async function view() {
  const chain = new FakeChain();
  chain.nodes.push({ id: 200, signer: key(1), isCanonical: true, httpAddress: "http://127.0.0.1:1" });
  const clock = new ManualClock();
  const network = new NetworkView(chain, clock, silentLog);
  await network.refresh();
  return { chain, clock, network };
}

describe("node/network isKey", () => {
  it("knows the key in use without asking, and asks once for one that was rotated away", async () => {
    const { chain, network } = await view();
    expect(await network.isKey(200, key(1), NOW)).to.equal(true);
    expect(chain.keyQuestions).to.equal(0);
    chain.pastKeys.set(`200:${key(2)}`, RETIRED);
    expect(await network.isKey(200, key(2), NOW)).to.equal(true);
    expect(await network.isKey(200, key(2), NOW)).to.equal(true);
    expect(chain.keyQuestions).to.equal(1);
    // Another node's key proves nothing about this one.
    expect(await network.isKey(300, key(2), NOW)).to.equal(false);
  });

  it("takes a stranger for one for a minute, after which a rotation may have made it a key", async () => {
    const { chain, clock, network } = await view();
    expect(await network.isKey(200, key(3), NOW)).to.equal(false);
    chain.pastKeys.set(`200:${key(3)}`, RETIRED);
    expect(await network.isKey(200, key(3), NOW)).to.equal(false);
    clock.advance(60_000);
    expect(await network.isKey(200, key(3), NOW)).to.equal(true);
    expect(chain.keyQuestions).to.equal(2);
  });

  it("asks at most 20 times in 10 s about a node, and says so instead of calling a key forged", async () => {
    const { chain, clock, network } = await view();
    for (let i = 0; i < 20; i++) expect(await network.isKey(200, key(100 + i), NOW)).to.equal(false);
    const refused = await network.isKey(200, key(500), NOW).catch((error: Error) => error);
    expect((refused as Error).message).to.contain("asked too often");
    expect(chain.keyQuestions).to.equal(20);
    expect(await network.isKey(300, key(500), NOW)).to.equal(false);
    clock.advance(10_000);
    expect(await network.isKey(200, key(500), NOW)).to.equal(false);
  });

  it("takes from a retired key what is dated before its retirement, and two minutes after, no more", async () => {
    const { chain, network } = await view();
    chain.pastKeys.set(`200:${key(2)}`, RETIRED);
    const at = (seconds: bigint) => network.isKey(200, key(2), (RETIRED + seconds) * 1_000_000_000n);
    expect(await at(-100_000n)).to.equal(true);
    expect(await at(120n)).to.equal(true);
    expect(await at(121n)).to.equal(false);
    expect(await at(1_000_000n)).to.equal(false);
    expect(chain.keyQuestions).to.equal(1);
  });

  it("asks once about a key that is new in the registry, however many envelopes it signed", async () => {
    const { chain, network } = await view();
    chain.nodes[0]!.signer = key(7);
    for (let i = 0; i < 50; i++) expect(await network.isKey(200, key(7), NOW)).to.equal(true);
    expect(chain.keyQuestions).to.equal(1);
  });

  it("rejects when the chain does not answer", async () => {
    const { chain, network } = await view();
    chain.failure = new Error("no answer");
    const rejected = await network.isKey(200, key(9), NOW).catch((error: Error) => error);
    expect((rejected as Error).message).to.equal("no answer");
  });
});
