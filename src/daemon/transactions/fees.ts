import type { Market } from "./chain.ts";
import type { Attempt, NewIntent } from "./ports.ts";

export interface Fees {
  maxFeePerGas: bigint;
  maxPriorityFeePerGas: bigint;
}

export type FeeTerms = Pick<NewIntent, "gasLimit" | "budgetWei" | "deadlineAt" | "createdAt">;

/** Fees are at what the budget allows this long before a deadline, so that some blocks are left. */
const DEADLINE_MARGIN_SECONDS = 600n;
const PERMILLE = 1_000n;
/** A tip doubles with each attempt of work with a deadline, at most so often. */
const MOST_DOUBLINGS = 16;
/** After so many attempts the last one is only sent again: an eighth more each time is a thousandfold by then. */
export const MOST_ATTEMPTS = 64;

const max = (a: bigint, b: bigint) => (a > b ? a : b);
const min = (a: bigint, b: bigint) => (a < b ? a : b);

/** Most wei per gas: the whole gas limit at this price costs the budget. */
export function feeCap({ budgetWei, gasLimit }: Pick<FeeTerms, "budgetWei" | "gasLimit">): bigint {
  return budgetWei / gasLimit;
}

/** What it takes to be in one of the next blocks. */
export function priceNow({ baseFeePerGas, priorityFeePerGas }: Market): bigint {
  return baseFeePerGas + priorityFeePerGas;
}

/** Whether an intent can be in a block at this price: as it was sent last, or for as much more as a pool asks. */
export function canPay(terms: FeeTerms & { attempts: readonly Attempt[] }, price: bigint): boolean {
  const cap = feeCap(terms);
  const last = terms.attempts.at(-1);
  if (!last) return cap >= price;
  if (last.maxFeePerGas >= price) return true;
  const least = max(raised(last.maxFeePerGas), raised(last.maxPriorityFeePerGas));
  return terms.attempts.length < MOST_ATTEMPTS && cap >= price && cap >= least;
}

/** Room for the base fee to double, and what others tip. */
export function economicalFees({ baseFeePerGas, priorityFeePerGas }: Market): Fees {
  return { maxFeePerGas: 2n * baseFeePerGas + priorityFeePerGas, maxPriorityFeePerGas: priorityFeePerGas };
}

/** How far between its beginning and its deadline work is, in thousandths and in the chain's time. */
export function urgency({ deadlineAt, createdAt }: FeeTerms, now: bigint): bigint {
  if (deadlineAt === undefined) return 0n;
  const from = BigInt(createdAt) / 1_000n;
  const until = deadlineAt - DEADLINE_MARGIN_SECONDS;
  if (from >= until || now >= until) return PERMILLE;
  return max(0n, (PERMILLE * (now - from)) / (until - from));
}

/**
 * Economical without a hurry; with a deadline the ceiling rises, slowly first, to all that the budget allows. What is paid
 * beyond the base fee is the tip, and that grows only with attempts that were not mined.
 */
export function wantedFees(terms: FeeTerms, market: Market, attempts: number): Fees {
  const economical = economicalFees(market);
  const cap = feeCap(terms);
  const part = urgency(terms, market.timestamp);
  const rise = max(0n, cap - economical.maxFeePerGas);
  const ceiling = economical.maxFeePerGas + (rise * part * part) / (PERMILLE * PERMILLE);
  const maxFeePerGas = min(cap, ceiling);
  const doublings = terms.deadlineAt === undefined ? 0 : Math.min(attempts, MOST_DOUBLINGS);
  const tip = economical.maxPriorityFeePerGas << BigInt(doublings);
  const room = max(maxFeePerGas - market.baseFeePerGas, min(economical.maxPriorityFeePerGas, maxFeePerGas));
  return { maxFeePerGas, maxPriorityFeePerGas: min(tip, room) };
}

/** Pools take the place of a transaction only for a tenth more of both fees; this is an eighth, rounded up. */
export function raised(wei: bigint): bigint {
  return max(wei + 1n, (wei * 9n + 7n) / 8n);
}

/** `wanted`, or more where a pool would not take it in the place of `last`; undefined when that is above the cap. */
export function replacementFees(last: Attempt, wanted: Fees, cap: bigint): Fees | undefined {
  const maxPriorityFeePerGas = max(wanted.maxPriorityFeePerGas, raised(last.maxPriorityFeePerGas));
  const maxFeePerGas = max(max(wanted.maxFeePerGas, raised(last.maxFeePerGas)), maxPriorityFeePerGas);
  if (maxFeePerGas <= cap) return { maxFeePerGas, maxPriorityFeePerGas };
  const least = { tip: raised(last.maxPriorityFeePerGas), fee: raised(last.maxFeePerGas) };
  if (least.fee > cap || least.tip > cap) return undefined;
  return { maxFeePerGas: cap, maxPriorityFeePerGas: min(cap, maxPriorityFeePerGas) };
}
