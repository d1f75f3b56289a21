import type { Address, Hex } from "../../../protocol/bytes.ts";
import type { ChargeLeaf } from "../../../protocol/report/leaves.ts";
import {
  STAMP_COVERS_SECONDS,
  STAMP_WINDOW_SECONDS,
  recipientsShare,
  silentCost,
} from "../../../protocol/stamps/rules.ts";
import type { ReportStamps, StampRow } from "./stampRows.ts";
import { Outcome, commitmentOf, owedOf, pairOf } from "./stampRows.ts";

/** Stamps that reports carry on at most, 17 MB; a welcome beyond that opens none, at every node alike. */
export const MOST_STAMPS = 200_000;

/** A welcome to an inbox, the first of its payer digest, in a range that the report covers. */
export interface ReportedWelcome {
  payer: Address;
  inbox: Hex;
  welcome: Hex;
  seconds: bigint;
  originatorId: number;
  sequenceId: bigint;
  /** It came with a waiver. */
  isWaived: boolean;
}

/** What a recipient said of a stamp; who is paid for spam. */
export type Said = { verdict: "accept" } | { verdict: "spam"; account: Address };

export interface StampReportTerms {
  /** In base units. */
  price: bigint;
  recipientsBps: number;
  silentBps: number;
}

export const saidKey = (of: { payer: Address; inbox: Hex; welcome: Hex }) => `${pairOf(of)}${of.welcome.slice(2)}`;

/**
 * What a report says of stamps, out of what its parent said, the welcomes that it covers and what recipients said. Two nodes
 * with the same three get the same.
 *
 * Accept frees a stamp, spam charges it in full and pays its account the recipients' share; who says nothing until seven
 * days are over frees all but a tenth. What is decided here stays so: no later report looks at it again.
 *
 * @param endsAt the epoch's end, unix seconds
 */
export function nextStamps(
  parent: ReportStamps,
  welcomes: readonly ReportedWelcome[],
  said: ReadonlyMap<string, Said>,
  terms: StampReportTerms,
  endsAt: bigint,
): ReportStamps {
  const rows = new Map(parent.rows.map((row) => [pairOf(row), { ...row }]));
  const charges = new Map(owedOf(parent.charges).map((leaf) => [leaf.channel, leaf.cumulativeAmount]));
  const payouts = new Map<Address, bigint>();
  const close = (row: StampRow): void => decide(row, said.get(saidKey(row)), { charges, payouts, terms, endsAt });
  for (const { payer, inbox, welcome, seconds, isWaived } of [...welcomes].sort(byDate)) {
    if (isWaived) continue;
    const key = pairOf({ payer, inbox });
    const last = rows.get(key);
    if (last && seconds < last.openedAt + STAMP_COVERS_SECONDS) continue;
    // Reports may have been skipped for so long that the one before was never decided.
    if (last) close(last);
    else if (rows.size >= MOST_STAMPS) continue;
    rows.set(key, { payer, inbox, openedAt: seconds, welcome, price: terms.price, outcome: Outcome.open });
  }
  for (const row of rows.values()) close(row);
  const kept = [...rows.values()]
    .filter(({ outcome, openedAt }) => outcome === Outcome.open || openedAt + STAMP_COVERS_SECONDS > endsAt)
    .sort((a, b) => (pairOf(a) < pairOf(b) ? -1 : 1));
  const owed: ChargeLeaf[] = [...charges].map(([channel, cumulativeAmount]) => ({ channel, cumulativeAmount }));
  return {
    rows: kept,
    charges: [...owed, ...commitmentOf(kept)].sort((a, b) => (a.channel < b.channel ? -1 : 1)),
    payouts: [...payouts]
      .map(([account, amount]) => ({ account, amount }))
      .filter(({ amount }) => amount > 0n)
      .sort((a, b) => (a.account < b.account ? -1 : 1)),
  };
}

interface Books {
  charges: Map<Address, bigint>;
  payouts: Map<Address, bigint>;
  terms: StampReportTerms;
  endsAt: bigint;
}

function decide(row: StampRow, said: Said | undefined, { charges, payouts, terms, endsAt }: Books): void {
  if (row.outcome !== Outcome.open) return;
  const { payer, price, openedAt } = row;
  if (said?.verdict === "accept") row.outcome = Outcome.accepted;
  else if (said) {
    row.outcome = Outcome.spam;
    add(charges, payer, price);
    add(payouts, said.account, recipientsShare(price, terms.recipientsBps));
  } else if (openedAt + STAMP_WINDOW_SECONDS <= endsAt) {
    row.outcome = Outcome.silent;
    add(charges, payer, silentCost(price, terms.silentBps));
  }
}

function add(to: Map<Address, bigint>, account: Address, amount: bigint): void {
  if (amount > 0n) to.set(account, (to.get(account) ?? 0n) + amount);
}

/** As `openStamps` of the ledger orders them. */
function byDate(a: ReportedWelcome, b: ReportedWelcome): number {
  if (a.seconds !== b.seconds) return a.seconds < b.seconds ? -1 : 1;
  if (a.originatorId !== b.originatorId) return a.originatorId - b.originatorId;
  return a.sequenceId < b.sequenceId ? -1 : 1;
}
