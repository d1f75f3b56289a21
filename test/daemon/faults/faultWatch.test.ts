import { expect } from "chai";

import { FaultWatch } from "../../../src/daemon/faults/faultWatch.ts";
import { toHex } from "../../../src/protocol/bytes.ts";
import { ManualClock } from "../../support/manualClock.ts";
import { storeAt } from "../support.ts";
import { FakeFaultChain } from "./fakeFaultChain.ts";
import { ACCUSED, FilledLog, OWN, PEER, envelopeOf, listeningLog, salts } from "./support.ts";

const PAIR = [5n, 6n].map((ns) => envelopeOf(ACCUSED, 1n, { ns })) as [Uint8Array, Uint8Array];
const NODES = [OWN, PEER].map((nodeId) => ({ nodeId, httpAddress: `http://${nodeId}`, isCanonical: true }));

interface Status {
  accused: boolean | null;
  evidence: Record<string, unknown>[];
}

describe("fault watch", () => {
  async function watch(report: boolean) {
    const ledger = await storeAt();
    const chain = new FakeFaultChain({ envelopes: () => PAIR });
    const own = new FilledLog();
    own.set(ACCUSED, 1n, PAIR[0]);
    const { log, lines } = listeningLog();
    const faults = new FaultWatch({
      ...{
        nodeId: OWN,
        envelopeLog: own,
        store: ledger.evidence,
        peers: { read: async () => [PAIR[1]] },
        chain,
        report,
      },
      ...{ randomSalt: salts(), clock: new ManualClock(), log },
    });
    const compare = () => faults.compare(NODES, new AbortController().signal);
    return { faults, chain, lines, compare, status: async () => (await faults.status()) as Status, ledger };
  }

  it("finds, reports, and shows the operator where it is", async () => {
    const { faults, chain, compare, status, ledger } = await watch(true);
    await compare();
    await faults.report();
    chain.time += 60n;
    await faults.report();
    expect((await status()).evidence).to.deep.equal([
      {
        ...{ state: "revealed", fault: "equivocation", nodeId: ACCUSED, sequenceId: 1n, caseId: 1n, reason: undefined },
        ...{ executableAt: chain.time + 604_800n, foundAt: Date.UTC(2026, 0, 1) },
      },
    ]);
    const { envelopes, salt } = (await faults.evidence({ nodeId: ACCUSED, sequenceId: 1n })) as Record<string, unknown>;
    expect(envelopes).to.deep.equal(PAIR.map(toHex));
    expect(salt, "who knows it could take the commitment for theirs").to.equal(undefined);
    expect(await faults.evidence({ nodeId: ACCUSED, sequenceId: 2n })).to.equal(undefined);
    await ledger.close();
  });

  it("sends nothing when it is told not to, and keeps the evidence", async () => {
    const { faults, chain, compare, status, ledger } = await watch(false);
    await compare();
    for (let i = 0; i < 3; i++) await faults.report();
    expect(chain.mined).to.deep.equal([]);
    expect((await status()).evidence[0]).to.include({ state: "found", nodeId: ACCUSED });
    await ledger.close();
  });

  it("shouts once when the own node is accused on chain", async () => {
    const { faults, chain, lines, status, ledger } = await watch(true);
    await faults.report();
    expect((await status()).accused).to.equal(false);
    chain.frozen = true;
    await faults.report();
    await faults.report();
    expect(lines.filter(({ level }) => level === "error")).to.have.length(1);
    expect((await status()).accused).to.equal(true);
    await ledger.close();
  });
});
