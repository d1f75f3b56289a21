import { expect } from "chai";

import { httpReportServers } from "../../../src/client/adapters/httpReportServers.ts";
import { proveReceipt } from "../../../src/client/receipts/proveReceipt.ts";
import { ReportLibrary } from "../../../src/client/receipts/reportLibrary.ts";
import { FactKind, packFacts } from "../../../src/daemon/reports/facts.ts";
import { LogWalk } from "../../../src/daemon/reports/logWalk.ts";
import type { ReportContents } from "../../../src/daemon/reports/ports.ts";
import { Proofs } from "../../../src/daemon/reports/proofs.ts";
import { reportsHandler } from "../../../src/daemon/reports/reportRoutes.ts";
import { UsageLeaves } from "../../../src/daemon/reports/usageLeaves.ts";
import type { HttpHandler } from "../../../src/platform/grpcServer.ts";
import type { Listener } from "../../../src/platform/listen.ts";
import { listen } from "../../../src/platform/listen.ts";
import { silentLog } from "../../../src/platform/log.ts";
import type { Hex } from "../../../src/protocol/bytes.ts";
import { fromHex, toHex } from "../../../src/protocol/bytes.ts";
import { logsTree } from "../../../src/protocol/report/leaves.ts";
import { NO_PARENT, reportDigest } from "../../../src/protocol/report/report.ts";
import { ManualClock } from "../../support/manualClock.ts";
import { DOMAIN, FakeReports, NEVER, hashAt } from "./fakeReports.ts";
import { keptReceipt } from "./support.ts";

const ZERO: Hex = `0x${"00".repeat(32)}`;
const IDS = [3n, 4n, 7n, 9n];

/** A daemon's own routes over a report whose only log, node 200's, has some ids. */
async function daemonOf(ids: readonly bigint[]): Promise<{ digest: Hex; handler: HttpHandler }> {
  const facts = ids.map((sequenceId) => ({
    ...{ sequenceId, kind: FactKind.copy, seconds: 100n, size: 0, payer: `0x${"ab".repeat(20)}` as const },
    payerEnvelopeHash: fromHex(hashAt(200, sequenceId)),
  }));
  const last = ids.at(-1)!;
  const pages = async (_: number, after: bigint, limit: number) =>
    limit > 0 && after < last ? [{ after: 0n, last, facts: packFacts(facts) }] : [];
  const walk = new LogWalk({ store: { pages }, originatorId: 200, after: 0n, endsAt: 1_000n });
  const { range } = await walk.whole();
  const report = {
    ...{ shard: 0, epoch: 2n ** 40n, round: 0, parent: NO_PARENT, registryVersion: 1n },
    ...{ logsRoot: logsTree([range]).root, usageRoot: ZERO, stampChargesRoot: ZERO, stampPayoutsRoot: ZERO },
    ...{ debitsHash: ZERO, absentSeats: 2n ** 100n },
  };
  const digest = toHex(reportDigest(DOMAIN, report));
  const contents: ReportContents = { report, ranges: [range], usage: new UsageLeaves(new Uint8Array()), debits: [] };
  const get = async (one: Hex) => (one === digest ? contents : undefined);
  const store = { pages, get, summary: async () => undefined };
  const reporter = { desk: {}, store } as unknown as Parameters<typeof reportsHandler>[0];
  return { digest, handler: reportsHandler(reporter, new Proofs(store), silentLog) };
}

describe("client/adapters/httpReportServers", () => {
  let listener: Listener;
  const serve = async (handler: HttpHandler) => {
    listener = await listen(handler, { host: "127.0.0.1", port: 0 });
    return `http://127.0.0.1:${listener.port}`;
  };
  afterEach(() => listener.close());

  it("proves, with what a daemon serves, whatever is in its report and whatever is not", async () => {
    const { digest, handler } = await daemonOf(IDS);
    const url = await serve(handler);
    const reports = new FakeReports();
    const node = { id: 100, signer: ZERO, isCanonical: true, httpAddress: `${url}/` };
    const chain = { ...reports.chain(), latestFinal: async () => digest, nodes: async () => [node] };
    const limits = { chainTimeoutMs: 60_000, nodeTimeoutMs: 60_000, mostServers: 6 };
    const library = new ReportLibrary({
      ...{ chain, servers: httpReportServers, clock: new ManualClock(), random: () => 0, ...limits },
    });
    await library.refresh(NEVER);
    const kinds: string[] = [];
    for (let id = 1n; id <= 10n; id++) kinds.push((await proveReceipt(keptReceipt(200, id), library, NEVER)).kind);
    const [yes, no] = ["included", "contradicted"];
    expect(kinds).to.deep.equal([no, no, yes, yes, no, no, yes, no, yes, "notCovered"]);
    const other = await httpReportServers.report(url, ZERO, NEVER).catch((error: Error) => error.message);
    expect(other).to.equal("it answered 404");
  });

  it("takes nothing that is too large, malformed, or elsewhere", async () => {
    const place = { digest: ZERO, originatorId: 200, sequenceId: 1n };
    const entry = { sequenceId: "1", payerEnvelopeHash: ZERO, proof: { index: 0, count: 1, total: "0", siblings: [] } };
    const answers = [
      JSON.stringify({ entry: { entries: [entry] }, padding: "x".repeat(70_000) }),
      JSON.stringify({ entry: { entries: [entry, entry, entry] } }),
      JSON.stringify({ entry: { entries: [{ ...entry, sequenceId: String(2n ** 64n) }] } }),
      JSON.stringify({ entry: { entries: [{ ...entry, sequenceId: -1 }] } }),
      JSON.stringify({ entry: { entries: [{ ...entry, proof: { ...entry.proof, siblings: ["0x12"] } }] } }),
      JSON.stringify({ entry: { entries: [{ ...entry, proof: { ...entry.proof, index: 0.5 } }] } }),
      "[",
    ];
    let answer = JSON.stringify({ entry: { entries: [entry] } });
    let status = 200;
    const good = answer;
    const url = await serve(({ url: asked }, response) => {
      const isElsewhere = asked === "/elsewhere";
      response.writeHead(isElsewhere ? 200 : status, { location: "/elsewhere" }).end(isElsewhere ? good : answer);
    });
    expect((await httpReportServers.entry(url, place, NEVER)).entries).to.have.length(1);
    for (const wrong of answers) {
      answer = wrong;
      const outcome = await httpReportServers.entry(url, place, NEVER).catch(() => "refused");
      expect(outcome, wrong.slice(0, 80)).to.equal("refused");
    }
    status = 302;
    expect(await httpReportServers.entry(url, place, NEVER).catch(() => "refused")).to.equal("refused");
  });
});
