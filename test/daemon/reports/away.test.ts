import { expect } from "chai";

import { Aftermath } from "../../../src/daemon/reports/aftermath.ts";
import { Proofs } from "../../../src/daemon/reports/proofs.ts";
import type { Hex } from "../../../src/protocol/bytes.ts";
import { readEntryProof } from "../../../src/protocol/report/logProofs.ts";
import { payerEnvelope } from "../../support/envelopes.ts";
import { PAYER_KEY } from "../support.ts";
import { Network } from "./network.ts";
import { EPOCH_SECONDS, IN_EPOCH_NS, SECOND_NS } from "./support.ts";

const DAY = 86_400n;

describe("daemon/reports: a node that was away", () => {
  let network: Network;
  afterEach(() => network.close());

  /** So many reports of four nodes, an envelope of node 200 in each, with node 100 away from the second on. */
  async function reports(count: number): Promise<Hex[]> {
    network = await Network.of(4);
    for (let n = 0; n < count; n++) {
      if (n === 1) network.down.add(100);
      const ns = IN_EPOCH_NS + BigInt(n) * EPOCH_SECONDS * SECOND_NS;
      network.deliver(200, payerEnvelope(n, 200, PAYER_KEY), ns);
      await network.meterAll();
      await network.untilReported();
      network.chain.time += EPOCH_SECONDS;
    }
    network.down.clear();
    return network.chain.chain.map(({ digest }) => digest);
  }

  it("does not forget what it attested when that came on chain while it was away", async () => {
    const [first] = await reports(1);
    network.chain.time += 30n * DAY;
    const head = await network.chain.head();
    network.chain.head = async () => ({ ...head, epoch: network.chain.time / EPOCH_SECONDS - 1n });
    const { store, options } = network.node(100);
    // Killed before it saw that.
    await store.change(first!, { state: "built" });
    await new Aftermath(options).step();
    expect(await store.summary(first!)).to.include({ state: "final" });
    expect(await store.get(first!)).not.to.equal(undefined);
    // Nor where so many newer ones are that it is not looked at any more.
    await store.change(first!, { state: "built" });
    const crowded = Object.assign(Object.create(store) as typeof store, { latest: async () => [] });
    await new Aftermath({ ...options, store: crowded }).step();
    expect(await store.summary(first!)).to.include({ state: "final" });
  });

  it("forgets what never came on chain after twenty epochs, and asks the chain about it no more than it must", async () => {
    const [first] = await reports(1);
    network.chain.chain.pop();
    await network.node(100).store.change(first!, { state: "built" });
    network.chain.time += 5n * EPOCH_SECONDS;
    let asked = 0;
    const standing = network.chain.standing.bind(network.chain);
    network.chain.standing = async (digest) => (asked++, standing(digest));
    const { store, options } = network.node(100);
    const aftermath = new Aftermath(options);
    for (let i = 0; i < 3; i++) await aftermath.step();
    expect(asked).to.equal(1);
    network.chain.head = async () => {
      return { digest: first!, length: 0n, round: 0, epoch: network.chain.time / EPOCH_SECONDS };
    };
    network.chain.time += 30n * EPOCH_SECONDS;
    await aftermath.step();
    expect(await store.get(first!)).to.equal(undefined);
  });

  it("gets the reports that it missed from whoever shows what their digests stand for, and serves them too", async () => {
    const digests = await reports(5);
    network.liars.set(200, { contents: async () => new Uint8Array(50) });
    const { store, options } = network.node(100);
    const aftermath = new Aftermath(options);
    await aftermath.step();
    for (const digest of digests) {
      const state = network.chain.time >= (await network.chain.standing(digest)).finalAt ? "final" : "accepted";
      expect(await store.summary(digest)).to.include({ state });
    }
    for (const [n, digest] of digests.entries()) {
      const { range, entry } = (await new Proofs(store).entry(digest, 200, BigInt(n + 1)))!;
      expect(readEntryProof(range.range, BigInt(n + 1), entry)).to.include({ kind: "present" });
    }
    // Known for good: nobody is asked again.
    network.chain.standing = () => Promise.reject(new Error("asked"));
    network.down.add(200).add(300).add(400);
    let asked = 0;
    options.peers = { ...options.peers, contents: async () => (asked++, new Uint8Array()) };
    await aftermath.step().catch(() => {});
    expect(asked).to.equal(0);
  });

  it("tries again later when nobody serves one, and does the rest meanwhile", async () => {
    const digests = await reports(3);
    const { store, options } = network.node(100);
    const aftermath = new Aftermath(options);
    network.down.add(200).add(300).add(400);
    await aftermath.step();
    expect(await store.summary(digests[0]!)).to.include({ state: "final" });
    expect(await store.summary(digests[2]!)).to.equal(undefined);
    network.down.clear();
    await aftermath.step();
    expect(await store.summary(digests[1]!)).not.to.equal(undefined);
    expect(await store.summary(digests[2]!)).not.to.equal(undefined);
  });
});
