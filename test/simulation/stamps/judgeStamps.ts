import type { Address } from "../../../src/protocol/bytes.ts";
import { DAY, HOUR, PRICE } from "./cast.ts";
import type { NodeRole } from "./cast.ts";
import type { Delivered, Said, StampWorld } from "./stampWorld.ts";
import { FORGER } from "./stampWorld.ts";

/** The rules in figures of their own: what judges shares no code with what it judges. */
const WINDOW = 7 * DAY;
const COVERS = 30 * DAY;
const SILENT_COST = PRICE / 10n;
const SHARE = PRICE / 2n;
/** Statements that were heard so long before an epoch's end count in its report. */
const HELD = HOUR;

export type Outcome = "open" | "accepted" | "spam" | "silent";

/** A stamp as the recount has it. */
export interface Counted {
  opening: Delivered;
  openedAt: number;
  outcome: Outcome;
}

type Reports = Awaited<ReturnType<StampWorld["reports"]>>;
type Check = (holds: boolean, problem: string) => void;

export interface Judged {
  problems: string[];
  stamps: Counted[];
  /** What each account was paid in all. */
  paid: Map<Address, bigint>;
}

/** Everything that must hold when months have passed. Each broken rule in a sentence. */
export async function judgeStamps(world: StampWorld, role: NodeRole): Promise<Judged> {
  const problems: string[] = [];
  const check: Check = (holds, problem) => void (holds || problems.push(problem));
  const reports = await world.reports();
  check(reports.length >= 10, `only ${reports.length} reports came on chain`);
  for (const { isKept, digest } of reports) check(isKept, `an honest node does not have report ${digest}`);
  const stamps = recount(world.delivered, world.said, reports, 0);
  // What an omitter leaves out in its turn, the next report has: its proposals are refused once it was held for an epoch.
  const late = role === "omitter" ? recount(world.delivered, world.said, reports, 2 * DAY) : stamps;
  judgeCharges(reports, [stamps, late], check);
  const paid = judgePots(world, reports, [stamps, late], check);
  judgeChannels(world, check);
  judgeGates(world, role, check);
  return { problems, stamps, paid };
}

/** From welcomes and statements alone, report after report. */
function recount(welcomes: readonly Delivered[], said: readonly Said[], reports: Reports, delay: number): Counted[] {
  const stamps: Counted[] = [];
  const last = new Map<string, Counted>();
  let before = 0;
  for (const { endsAt } of reports) {
    // Nothing is dated before what the report before covers, whatever its originator says.
    const covered = welcomes
      .filter(({ at, isWaived }) => at >= before && at < endsAt && !isWaived)
      .map((opening) => ({ opening, date: Math.max(opening.datedAt, before) }))
      .sort(
        (a, b) =>
          a.date - b.date || a.opening.originatorId - b.opening.originatorId || a.opening.sequence - b.opening.sequence,
      );
    for (const { opening, date } of covered) {
      const pair = `${opening.from.channel} ${opening.to.inbox}`;
      const known = last.get(pair);
      if (known && date < known.openedAt + COVERS) continue;
      const stamp: Counted = { opening, openedAt: date, outcome: "open" };
      last.set(pair, stamp);
      stamps.push(stamp);
    }
    for (const stamp of stamps) if (stamp.outcome === "open") stamp.outcome = outcomeOf(stamp, said, endsAt, delay);
    before = endsAt;
  }
  return stamps;
}

function outcomeOf({ opening, openedAt }: Counted, said: readonly Said[], endsAt: number, delay: number): Outcome {
  const isLate = opening.from.kind === "spammer" ? delay : 0;
  const all = said.filter(({ welcome, at, isTaken }) => isTaken && welcome === opening.welcome && at + isLate < endsAt);
  // Who accepts has taken spam back at once, though the accept itself waits for the next report when it came late.
  const isAccepted = all.some(({ verdict }) => verdict === "accept");
  const words = all.filter(({ verdict }) => !isAccepted || verdict === "accept");
  const heard = words.filter(({ at }) => at + isLate < endsAt - HELD);
  if (heard.some(({ verdict }) => verdict === "accept")) return "accepted";
  if (heard.length > 0) return "spam";
  return openedAt + WINDOW <= endsAt ? "silent" : "open";
}

const COSTS: Record<Outcome, bigint> = { open: 0n, accepted: 0n, spam: PRICE, silent: SILENT_COST };
export const costOf = ({ outcome }: Counted) => COSTS[outcome];

function owedIn(stamps: readonly Counted[]): Map<Address, bigint> {
  const owed = new Map<Address, bigint>();
  for (const stamp of stamps) {
    const { channel } = stamp.opening.from;
    owed.set(channel, (owed.get(channel) ?? 0n) + costOf(stamp));
  }
  return owed;
}

function earnedIn(stamps: readonly Counted[]): Map<Address, bigint> {
  const earned = new Map<Address, bigint>();
  for (const { opening, outcome } of stamps) {
    if (outcome === "spam") earned.set(opening.to.account, (earned.get(opening.to.account) ?? 0n) + SHARE);
  }
  return earned;
}

const isBetween = (amount: bigint, a: bigint, b: bigint) => amount >= (a < b ? a : b) && amount <= (a < b ? b : a);

/** What the last report says that each channel owes is what a recount says, and charges never fall. */
function judgeCharges(reports: Reports, counts: [Counted[], Counted[]], check: Check): void {
  let before = new Map<Address, bigint>();
  for (const { stamps, endsAt } of reports) {
    const owed = new Map(stamps?.charges.map(({ channel, cumulativeAmount }) => [channel, cumulativeAmount]));
    for (const [channel, amount] of before) {
      check((owed.get(channel) ?? 0n) >= amount, `the report up to ${endsAt} takes back what ${channel} owed`);
    }
    // One leaf is no channel: it owes nothing, and stands for the rows.
    before = new Map([...owed].filter(([, amount]) => amount > 0n));
  }
  const [now, late] = counts.map(owedIn) as [Map<Address, bigint>, Map<Address, bigint>];
  for (const channel of new Set([...before.keys(), ...now.keys()] as Address[])) {
    const [said, expected, other] = [before.get(channel) ?? 0n, now.get(channel) ?? 0n, late.get(channel) ?? 0n];
    check(isBetween(said, expected, other), `${channel} owes ${said} for stamps, a recount says ${expected}`);
  }
}

/** I14: a report's pot pays the share of what was charged under it, and only accounts that recipients named. */
function judgePots(
  world: StampWorld,
  reports: Reports,
  counts: [Counted[], Counted[]],
  check: Check,
): Map<Address, bigint> {
  const [paid, attested] = [new Map<Address, bigint>(), new Map<Address, bigint>()];
  const { money } = world;
  for (const { digest, endsAt, stamps } of reports) {
    const payouts = stamps?.payouts ?? [];
    const charged = money.pots.get(digest) ?? 0n;
    let sum = 0n;
    for (const [account, amount] of money.payAll(digest, payouts)) {
      paid.set(account, (paid.get(account) ?? 0n) + amount);
      sum += amount;
    }
    check(2n * sum <= charged, `I14: the pot of the report up to ${endsAt} pays ${sum}, charged were ${charged}`);
    for (const { account, amount } of payouts) attested.set(account, (attested.get(account) ?? 0n) + amount);
  }
  const [now, late] = counts.map(earnedIn) as [Map<Address, bigint>, Map<Address, bigint>];
  for (const account of new Set([...attested.keys(), ...now.keys()])) {
    const [said, expected, other] = [attested.get(account) ?? 0n, now.get(account) ?? 0n, late.get(account) ?? 0n];
    check(isBetween(said, expected, other), `reports pay ${account} ${said}, a recount says ${expected}`);
    check((paid.get(account) ?? 0n) <= said, `I14: ${account} was paid above what reports say`);
  }
  check(!attested.has(FORGER), "reports pay the forger");
  const spent = [...money.channels.values()].reduce((sum, one) => sum + one.spent, 0n);
  const out = [...paid.values()].reduce((sum, amount) => sum + amount, money.treasury);
  check(spent === out, `channels paid ${spent}, accounts and treasury got ${out}`);
  return paid;
}

/** Nobody is charged above what its key signed, nor signs above what it meant to. */
function judgeChannels({ money, delivered }: StampWorld, check: Check): void {
  for (const from of new Set(delivered.map((one) => one.from))) {
    const { spent } = money.channels.get(from.channel)!;
    check(spent <= from.signed, `I14: the ${from.kind} signed ${from.signed} for stamps and was charged ${spent}`);
    check(from.signed <= from.budget, `the ${from.kind} signed ${from.signed}, above its ${from.budget}`);
  }
}

/** What gates let in was paid for or waived, and nothing came past a block. */
function judgeGates({ delivered, blocked, culprit }: StampWorld, role: NodeRole, check: Check): void {
  const isHonest = (nodeId: number) => role === "honest" || nodeId !== culprit;
  const opened = new Map<string, number>();
  const bought = new Map<Address, bigint>();
  for (const { from, to, at, originatorId, isWaived, signed } of delivered) {
    const pair = `${from.channel} ${to.inbox}`;
    const blockedAt = blocked.get(pair);
    const isIn = blockedAt !== undefined && at >= blockedAt && isHonest(originatorId);
    check(!isIn, `node ${originatorId} let the ${from.kind} in at ${at}, whom ${to.inbox} blocks`);
    if (isWaived || (opened.get(pair) ?? -Infinity) + COVERS > at) continue;
    opened.set(pair, at);
    // At most: what was accepted meanwhile is free again, and needs no new ceiling.
    bought.set(from.channel, (bought.get(from.channel) ?? 0n) + PRICE);
    if (isHonest(originatorId)) check(signed > 0n, `node ${originatorId} let the ${from.kind} in without a ceiling`);
  }
  for (const { from } of delivered) {
    const most = bought.get(from.channel) ?? 0n;
    check(from.signed <= most, `the ${from.kind} signed ${from.signed} for stamps worth ${most}`);
  }
}
