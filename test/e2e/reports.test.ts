import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";

import { waitUntilQuiet } from "../../scripts/demo/money.ts";
import { groupOf, publish } from "../../scripts/demo/publish.ts";
import { exportReceipts, holdAgainst } from "../../scripts/demo/receipt.ts";
import type { ReportStory } from "../../scripts/demo/report.ts";
import { endEpoch } from "../../scripts/demo/report.ts";
import type { LocalNetwork, LocalNode } from "../../scripts/local/localNetwork.ts";
import { startLocalNetwork } from "../../scripts/local/localNetwork.ts";
import { groupMessage } from "../support/envelopes.ts";

const USD = 1_000_000n;
const VETO_WINDOW_SECONDS = 86_400;
const MOST_WAIT_MS = 60_000;

const signersOf = ({ seats }: ReportStory) => seats.filter(({ hasSigned }) => hasSigned).map(({ nodeId }) => nodeId);
const only = (network: LocalNetwork, nodes: LocalNode[]): LocalNetwork => ({ ...network, nodes });

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + MOST_WAIT_MS;
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** What a daemon says of itself and of reports. */
async function reportsOf({ operatorUrl }: LocalNode) {
  const { reports } = (await (await fetch(`${operatorUrl}/status`)).json()) as {
    reports: { state: string; why?: string; latest: { digest: string; state: string }[] };
  };
  return reports;
}

describe("reports between processes", function () {
  this.timeout(400_000);
  let network: LocalNetwork | undefined;
  let directory: string;

  // Five seats: 100 to 300 with thrice the stake of the others, 400, and 500 of which nobody ever hears.
  before(async () => {
    directory = mkdtempSync(join(tmpdir(), "pennyblack-e2e-"));
    const seats = { nodes: 4, absent: 1, stakes: [3n, 3n, 3n, 1n, 1n] };
    network = await startLocalNetwork({ directory, ...seats, deposit: 5n * USD, headroom: 1_000n });
  });
  after(async () => {
    await network?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  it("are final although one node was killed and one never came; any other serves each leaf, and who was away comes back", async () => {
    const whole = network!;
    const { nodes, gateway, chain, contracts } = whole;
    const [first, second, third, doomed] = nodes as [LocalNode, LocalNode, LocalNode, LocalNode];
    const ids = [100, 200, 300, 400, 500];
    const counts = new Map<number, number>();
    let sent = 0;
    const send = async (nodeId: number) => {
      const { originatorId } = await publish(gateway.url, groupMessage(sent++, { group: groupOf(nodeId, ids) }));
      counts.set(originatorId, (counts.get(originatorId) ?? 0) + 1);
    };
    for (let n = 0; n < 3; n++) for (const nodeId of ids) await send(nodeId);
    expect(counts.get(400)).to.be.greaterThan(0);
    expect(counts.get(500)).to.equal(undefined);
    await waitUntilQuiet(whole);

    await doomed.kill();
    for (const nodeId of ids) await send(nodeId);
    const alive = [first, second, third];
    await waitUntilQuiet(only(whole, alive));
    const kept = await exportReceipts(directory);
    expect(kept.receipts).to.have.length(sent);

    const report = await endEpoch(only(whole, alive), () => {});
    expect(report.seats.map(({ nodeId }) => nodeId)).to.deep.equal(ids);
    expect(signersOf(report)).to.deep.equal([100, 200, 300]);
    expect(report.report.absentSeats, "nobody has looked often enough to accuse").to.equal(0n);
    await chain.increaseTime(VETO_WINDOW_SECONDS);
    expect(await contracts.epochReports.isFinal(report.digest)).to.equal(true);

    // What the dead node had signed for, by the books of others; and what one that lives did, by another's.
    for (const [nodeId, servers] of [
      [400, [second, third]],
      [100, [third]],
    ] as const) {
      const receipt = kept.receipts.find(({ originatorId }) => originatorId === nodeId)!;
      const held = await holdAgainst(whole, receipt, servers);
      expect(held).to.deep.include({ digest: report.digest });
      expect(servers.map((server) => server.nodeId)).to.include(held.servedBy);
      expect(held.entry).to.include({ root: held.range.root, count: counts.get(nodeId) });
      expect(held.log.root).to.equal(report.report.logsRoot);
      const inLogs = held.ranges.map(({ originatorId, count }) => [originatorId, Number(count)]);
      expect(inLogs).to.deep.equal([...counts].sort(([a], [b]) => a - b));
    }

    await doomed.restart();
    await waitUntilQuiet(whole);
    await send(400);
    await waitUntilQuiet(whole);
    const next = await endEpoch(whole, () => {});
    expect(signersOf(next)).to.deep.equal([100, 200, 300, 400]);
    await until("it has the report that was agreed on without it", async () => {
      return (await reportsOf(doomed)).latest.some(
        ({ digest, state }) => digest === report.digest && state === "final",
      );
    });
    const receipt = kept.receipts.findLast(({ originatorId }) => originatorId === 200)!;
    const held = await holdAgainst(whole, receipt, [doomed]);
    expect(held).to.deep.include({ digest: report.digest, servedBy: 400 });
    expect(held.alsoServe, "all but the one that gave it, and the one that never came").to.deep.equal([100, 300, 400]);
  });
});
