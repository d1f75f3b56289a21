import type { Address, Hex } from "../../protocol/bytes.ts";
import { toHex } from "../../protocol/bytes.ts";
import type { Debit } from "../../protocol/report/debits.ts";
import {
  boundedDebits,
  debitAmountOf,
  debitsHash,
  mostSeatsHit,
  sharesOfUnpaid,
  unpaidPicoOf,
} from "../../protocol/report/debits.ts";
import type { LogRange, UsageLeaf } from "../../protocol/report/leaves.ts";
import { logsTree } from "../../protocol/report/leaves.ts";
import type { Report, ReportsDomain } from "../../protocol/report/report.ts";
import { reportDigest } from "../../protocol/report/report.ts";
import { picoToUnitsUp } from "../../protocol/units.ts";
import type { RateBook } from "../rateBook.ts";
import type { FactStore, ReportContents } from "./ports.ts";
import type { RangeWelcome } from "./stamps/buildStamps.ts";
import type { ReportStamps } from "./stamps/stampRows.ts";
import { NO_STAMPS, rootsOf } from "./stamps/stampRows.ts";
import type { Originated } from "./usageBook.ts";
import { addOriginated } from "./usageBook.ts";
import { UsageLeaves, mergeLeaves } from "./usageLeaves.ts";

/** What pays for a channel, in base units, at the last block before the epoch's end. */
export interface ChannelBacking {
  deposited: bigint;
  stampsSpent: bigint;
  feesSpent: bigint;
}

export interface BuildSources {
  domain: ReportsDomain;
  facts: Pick<FactStore, "pages">;
  rates: Pick<RateBook, "feePico">;
  /** Of the channels asked for. May reject. */
  backing(channels: readonly Address[]): Promise<ReadonlyMap<Address, ChannelBacking>>;
  /** Fees of the largest vouchers known. */
  signedFees(channels: readonly Address[]): Promise<ReadonlyMap<Address, bigint>>;
  /** What welcomes of the ranges, and evidence, make of the parent's stamps. Absent: nothing is said of them. */
  stamps?(parent: ReportStamps, welcomes: readonly RangeWelcome[]): Promise<ReportStamps>;
}

/** What is agreed on before a report can be built. */
export interface BuildRequest {
  epoch: bigint;
  round: number;
  parent: Hex;
  registryVersion: bigint;
  /** Seats of that version: how many of them may be hit depends on it. */
  seats: number;
  absentSeats: bigint;
  /** Ascending by originator. */
  ranges: readonly LogRange[];
}

export interface BuiltReport extends ReportContents {
  digest: Hex;
  /** Channels that nothing pays for in full: which of their vouchers is the largest decides what the report says. */
  unpaidChannels: Address[];
}

/**
 * A report out of ranges, the parent's leaves and the chain at the epoch's end: two nodes that have the same envelopes of
 * these ranges, and the same vouchers of channels that are not paid in full, get the same bytes.
 */
export async function buildReport(
  sources: BuildSources,
  request: BuildRequest,
  parent: Pick<ReportContents, "ranges" | "usage" | "stamps"> | undefined,
): Promise<BuiltReport> {
  const { epoch, round, registryVersion, seats, absentSeats, ranges } = request;
  const usageBefore = parent?.usage ?? new UsageLeaves(new Uint8Array());
  const originated: Originated = new Map();
  const welcomes: RangeWelcome[] = [];
  for (const range of ranges) {
    const before = parent?.ranges.find(({ originatorId }) => originatorId === range.originatorId);
    const from = (before?.firstSequenceId ?? range.firstSequenceId) - 1n;
    await addOriginated(originated, sources.facts, sources.rates, range, from, (one) => welcomes.push(one));
  }
  const changed = await changedLeaves(sources, usageBefore, originated);
  const usage = mergeLeaves(usageBefore, changed);
  const debits = boundedDebits(debitsOf(usageBefore, changed, originated), mostSeatsHit(seats));
  const stamps = (await sources.stamps?.(parent?.stamps ?? NO_STAMPS, welcomes)) ?? parent?.stamps ?? NO_STAMPS;
  const report: Report = {
    ...{ shard: 0, epoch, round, parent: request.parent, registryVersion, absentSeats },
    logsRoot: logsTree(ranges).root,
    usageRoot: usage.root(),
    ...rootsOf(stamps),
    debitsHash: debitsHash(debits),
  };
  const unpaidChannels = [...changed.values()].filter((leaf) => unpaidOf(leaf) > 0n).map(({ channel }) => channel);
  return {
    ...{ report, ranges: [...ranges], usage, debits, stamps },
    digest: toHex(reportDigest(sources.domain, report)),
    unpaidChannels: unpaidChannels.sort(),
  };
}

/**
 * The leaves that differ from the parent's: of channels that used something since, or were not paid in full. Of a voucher
 * counts what usage needs, what the deposit backs, and what the chain has collected of it, so daemons that know different
 * vouchers above that say the same.
 */
async function changedLeaves(
  sources: BuildSources,
  before: UsageLeaves,
  originated: Originated,
): Promise<Map<Address, UsageLeaf>> {
  const channels = new Set(originated.keys());
  for (const leaf of before) if (unpaidOf(leaf) > 0n) channels.add(leaf.channel);
  const sorted = [...channels].sort();
  const [backing, signed] = await Promise.all([sources.backing(sorted), sources.signedFees(sorted)]);
  const leaves = new Map<Address, UsageLeaf>();
  for (const channel of sorted) {
    const added = [...(originated.get(channel)?.values() ?? [])].reduce((sum, pico) => sum + pico, 0n);
    const usagePico = (before.find(channel)?.usagePico ?? 0n) + added;
    const { deposited, stampsSpent, feesSpent } = backing.get(channel) ?? NOTHING;
    const shown = most(signed.get(channel) ?? 0n, feesSpent);
    const backed = most(deposited - stampsSpent, 0n);
    const authorisedAmount = least(picoToUnitsUp(usagePico), least(shown, backed));
    leaves.set(channel, { channel, usagePico, authorisedAmount });
  }
  return leaves;
}

function* debitsOf(
  before: UsageLeaves,
  changed: ReadonlyMap<Address, UsageLeaf>,
  originated: Originated,
): Generator<Debit> {
  const [shares, totals] = [new Map<number, bigint>(), new Map<number, bigint>()];
  for (const [channel, originatedPico] of originated) {
    for (const [nodeId, pico] of originatedPico) totals.set(nodeId, (totals.get(nodeId) ?? 0n) + pico);
    const parent = before.find(channel);
    const unpaidPicoAtParent = parent ? unpaidOf(parent) : 0n;
    const unpaidPico = unpaidOf(changed.get(channel)!);
    for (const [nodeId, pico] of sharesOfUnpaid({ channel, unpaidPico, unpaidPicoAtParent, originatedPico })) {
      shares.set(nodeId, (shares.get(nodeId) ?? 0n) + pico);
    }
  }
  for (const [nodeId, pico] of shares) yield { nodeId, amount: debitAmountOf(pico, totals.get(nodeId)!) };
}

const unpaidOf = ({ usagePico, authorisedAmount }: UsageLeaf) => unpaidPicoOf(usagePico, authorisedAmount);
const NOTHING: ChannelBacking = { deposited: 0n, stampsSpent: 0n, feesSpent: 0n };
const least = (a: bigint, b: bigint) => (a < b ? a : b);
const most = (a: bigint, b: bigint) => (a > b ? a : b);
