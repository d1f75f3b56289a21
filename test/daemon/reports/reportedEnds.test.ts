import { expect } from "chai";

import { CannotAttestError } from "../../../src/daemon/reports/errors.ts";
import { ReportedEnds } from "../../../src/daemon/reports/reportedEnds.ts";
import { payerEnvelope } from "../../support/envelopes.ts";
import { PAYER_KEY } from "../support.ts";
import { Network } from "./network.ts";
import { EPOCH_SECONDS, IN_EPOCH_NS, SECOND_NS } from "./support.ts";

const DAY = 86_400n;

describe("daemon/reports: how far final reports say that a log has come", () => {
  let network: Network;
  afterEach(() => network.close());

  /** Four nodes with two reports, of which the first is final: three envelopes of node 300 in it, two in the second. */
  async function twoReports(): Promise<void> {
    network = await Network.of(4);
    network.down.add(100);
    for (const [count, ns] of [
      [3, IN_EPOCH_NS],
      [2, IN_EPOCH_NS + EPOCH_SECONDS * SECOND_NS],
    ] as const) {
      for (let n = 0; n < count; n++) network.deliver(300, payerEnvelope(n, 300, PAYER_KEY), ns);
      await network.meterAll();
      await network.untilReported();
      network.chain.time += EPOCH_SECONDS;
    }
    network.down.clear();
    const [first, second] = network.chain.chain;
    network.chain.time = first!.finalAt;
    expect(second!.finalAt > network.chain.time).to.equal(true);
  }

  it("reads it from peers where the own store knows nothing, of the last final report and no pending one", async () => {
    await twoReports();
    const { options, store } = network.node(100);
    expect(await store.latest(5)).to.deep.equal([]);
    const ends = new ReportedEnds(options);
    expect(await ends.lastOf(300)).to.equal(3n);
    expect(await ends.lastOf(200)).to.equal(undefined);
    network.chain.time += DAY;
    expect(await ends.lastOf(300)).to.equal(5n);
  });

  it("asks nobody twice, and believes no peer that shows something else", async () => {
    await twoReports();
    let asked = 0;
    const lie = { contents: async () => (asked++, new Uint8Array(100)) };
    for (const id of [200, 300]) network.liars.set(id, lie);
    const ends = new ReportedEnds(network.node(100).options);
    expect(await ends.lastOf(300), "node 400 is honest").to.equal(3n);
    const before = asked;
    const standings: string[] = [];
    const standing = network.chain.standing.bind(network.chain);
    network.chain.standing = async (digest) => (standings.push(digest), standing(digest));
    expect(before).to.be.greaterThan(0);
    expect(await ends.lastOf(300)).to.equal(3n);
    expect(asked).to.equal(before);
    expect(standings, "of the pending one alone").to.deep.equal([network.chain.chain[1]!.digest]);
  });

  it("knows nothing before a first report, and says so when nobody shows what one says", async () => {
    network = await Network.of(4);
    expect(await new ReportedEnds(network.node(100).options).lastOf(300)).to.equal(undefined);
    await network.close();
    await twoReports();
    network.down.add(200).add(300).add(400);
    const problem = await new ReportedEnds(network.node(100).options).lastOf(300).catch((error: unknown) => error);
    expect(problem).to.be.instanceOf(CannotAttestError);
  });
});
