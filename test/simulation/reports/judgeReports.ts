import { rangeTree } from "../../../src/protocol/report/leaves.ts";
import type { LogEntry, LogRange } from "../../../src/protocol/report/leaves.ts";
import type { ReportContents } from "../../../src/daemon/reports/ports.ts";
import { isQuorum, nodesOf } from "../../../src/daemon/reports/quorum.ts";
import type { Address } from "../../../src/protocol/bytes.ts";
import { toHex } from "../../../src/protocol/bytes.ts";
import { payerEnvelopeHash } from "../../../src/protocol/envelope.ts";
import { picoToUnitsUp } from "../../../src/protocol/units.ts";
import type { Stored } from "../node.ts";
import type { SimOperator, World } from "../world.ts";
import { NODE_IDS } from "../world.ts";
import type { SimReporting } from "./reporting.ts";
import type { SimReport } from "./rules.ts";
import { EPOCH_SECONDS, isFinal } from "./rules.ts";

type Check = (holds: boolean, problem: string) => void;
type Usage = Map<Address, bigint>;

/** What reports must be when the world has been calm for a while: what honest nodes hold, the same for all, and going on. */
export async function judgeReports(world: World, check: Check): Promise<void> {
  const { reporting, chain } = world;
  if (!reporting) return;
  const { reports } = chain.head.state;
  const usage: Usage = new Map();
  const ends = new Map<number, bigint>();
  for (const one of reports) {
    const what = `the report of epoch ${one.report.epoch}`;
    check(!reporting.lies.has(one.digest), `${what} says what a liar said`);
    const contents = await contentsOf(world, reporting, one, what, check);
    if (!contents) continue;
    for (const range of contents.ranges) {
      const after = ends.get(range.originatorId) ?? 0n;
      const of = `${what}, of originator ${range.originatorId}`;
      check(range.firstSequenceId === after + 1n, `${of}, begins at ${range.firstSequenceId}, not after ${after}`);
      ends.set(range.originatorId, range.lastSequenceId);
      addUsage(usage, world, reporting, range, of, check);
    }
    judgeUsage(world, contents, usage, what, check);
  }
  judgeProgress(world, reporting, reports, ends, check);
  await judgeStandings(world, reporting, check);
}

const honestOf = ({ operators }: World, reporting: SimReporting): SimOperator[] =>
  operators.filter(({ node }) => reporting.isHonest(node.nodeId));

/** Every honest node that signed has it, and has the same. */
async function contentsOf(
  world: World,
  reporting: SimReporting,
  { digest, signers }: SimReport,
  what: string,
  check: Check,
): Promise<ReportContents | undefined> {
  let contents: ReportContents | undefined;
  for (const nodeId of nodesOf(reporting.rules.seats, signers).filter((id) => reporting.isHonest(id))) {
    const kept = await world.operators[NODE_IDS.indexOf(nodeId)]!.store.reports.get(digest);
    check(kept !== undefined, `node ${nodeId} signed ${what} and does not have it`);
    contents ??= kept;
  }
  check(contents !== undefined, `no honest node has ${what}`);
  return contents;
}

/** Of what a quorum holds, in their own logs: nobody here lies about that, and who was shown something else fetched it. */
function addUsage(
  usage: Usage,
  world: World,
  reporting: SimReporting,
  range: LogRange,
  what: string,
  check: Check,
): void {
  const { originatorId } = range;
  const holders = world.operators
    .map(({ node }) => ({ nodeId: node.nodeId, copy: entriesOf(node.entries(originatorId), range) }))
    .filter(({ copy }) => isRange(range, copy));
  const ids = holders.map(({ nodeId }) => nodeId);
  check(isQuorum(reporting.rules.seats, new Set(ids)), `${what}, is held by ${ids.join()} alone`);
  const keys = new Set<string>();
  for (const { key } of holders[0]?.copy ?? []) {
    if (keys.has(key)) continue;
    keys.add(key);
    const channel = key.split(":")[0] as Address;
    usage.set(channel, (usage.get(channel) ?? 0n) + world.feePicoAt(originatorId));
  }
}

function entriesOf(log: readonly Stored[], { firstSequenceId, lastSequenceId }: LogRange): Stored[] {
  return log.filter(({ sequenceId }) => sequenceId >= firstSequenceId && sequenceId <= lastSequenceId);
}

function isRange({ root, count }: LogRange, copy: readonly Stored[]): boolean {
  const entries: LogEntry[] = copy.map(({ sequenceId, payerEnvelope }) => {
    return { sequenceId, payerEnvelopeHash: toHex(payerEnvelopeHash(payerEnvelope)) };
  });
  return count === BigInt(copy.length) && rangeTree(entries).root === root;
}

/** What was used is what a recount of the ranges says; nobody is charged above what it signed, no node for others. */
function judgeUsage(
  { payers }: World,
  { usage: leaves, debits }: ReportContents,
  usage: Usage,
  what: string,
  check: Check,
): void {
  check(leaves.count === usage.size, `${what} has usage of ${leaves.count} channels, a recount of ${usage.size}`);
  for (const { channel, usagePico, authorisedAmount } of leaves) {
    const recounted = usage.get(channel) ?? 0n;
    check(usagePico === recounted, `${what} says that ${channel} used ${usagePico}, a recount ${recounted}`);
    const signed = payers.find((payer) => payer.channel === channel)?.signed ?? 0n;
    const most = picoToUnitsUp(usagePico) < signed ? picoToUnitsUp(usagePico) : signed;
    check(authorisedAmount <= most, `${what} says that ${channel} backs ${authorisedAmount}, at most ${most}`);
  }
  // Nobody lets in as much as the allowance here.
  check(debits.length === 0, `${what} has ${debits.length} debits`);
}

/** The last epochs were quiet: each is reported, by all who are there, with all that honest originators had sent. */
function judgeProgress(
  world: World,
  reporting: SimReporting,
  reports: readonly SimReport[],
  ends: ReadonlyMap<number, bigint>,
  check: Check,
): void {
  const { rules, role, culprit } = reporting;
  const now = world.chain.head.timestamp;
  const due = now / EPOCH_SECONDS - 2n;
  const last = reports.at(-1);
  check(
    last !== undefined && last.report.epoch >= due,
    `epoch ${due} is not reported: the last is ${last?.report.epoch}`,
  );
  if (!last) return;
  check(
    reports.some((one) => isFinal(one, now)),
    "no report is final",
  );
  const calmFrom = BigInt(Math.ceil(world.calmSince / 1_000)) / EPOCH_SECONDS + 1n;
  for (const { report, signers } of reports.filter((one) => one.report.epoch >= calmFrom)) {
    const signed = nodesOf(rules.seats, signers);
    const missing = NODE_IDS.filter((nodeId) => reporting.isHonest(nodeId) && !signed.includes(nodeId));
    check(missing.length === 0, `honest nodes ${missing.join()} did not sign the report of epoch ${report.epoch}`);
    const named = nodesOf(rules.seats, report.absentSeats);
    const absent = role === "absent" ? [culprit] : [];
    check(named.join() === absent.join(), `epoch ${report.epoch} names ${named.join()} absent, ${absent.join()} were`);
  }
  const endsAtNs = (last.report.epoch + 1n) * EPOCH_SECONDS * 1_000_000_000n;
  for (const { node } of honestOf(world, reporting)) {
    const sent = node.entries(node.nodeId).findLast(({ originatorNs }) => originatorNs < endsAtNs)?.sequenceId ?? 0n;
    const end = ends.get(node.nodeId) ?? 0n;
    check(
      end === sent,
      `node ${node.nodeId} had sent ${sent}, the report of epoch ${last.report.epoch} ends at ${end}`,
    );
  }
}

/** What a node calls final is so on chain, and what was final for it has not changed. */
async function judgeStandings(world: World, reporting: SimReporting, check: Check): Promise<void> {
  const { chain } = world;
  for (const { node, store } of honestOf(world, reporting)) {
    for (const { digest, state, epoch } of await store.reports.latest(100)) {
      const found = chain.head.state.reports.find((one) => one.digest === digest);
      const isThere = found !== undefined && isFinal(found, chain.head.timestamp);
      check(state !== "final" || isThere, `node ${node.nodeId} calls a report of epoch ${epoch} final that is not`);
    }
  }
}
