import type { ChannelOnChain } from "../ports.ts";

const max = (a: bigint, b: bigint) => (a > b ? a : b);
const min = (a: bigint, b: bigint) => (a < b ? a : b);

/** The smaller deposit of both heads, and everything else as it is at the latest. */
export function cautious(latest: ChannelOnChain, safe: ChannelOnChain): ChannelOnChain {
  return { ...latest, deposited: min(latest.deposited, safe.deposited) };
}

/** What both agree to of a channel's credit: of each amount the one that lets the payer spend less. */
export function mostCautious(a: ChannelOnChain, b: ChannelOnChain): ChannelOnChain {
  return {
    deposited: min(a.deposited, b.deposited),
    feesSpent: min(a.feesSpent, b.feesSpent),
    stampsSpent: max(a.stampsSpent, b.stampsSpent),
    stampsSigned: max(a.stampsSigned, b.stampsSigned),
    pendingWithdrawal: max(a.pendingWithdrawal, b.pendingWithdrawal),
  };
}

export function isSame(a: ChannelOnChain, b: ChannelOnChain): boolean {
  return (
    a.deposited === b.deposited &&
    a.feesSpent === b.feesSpent &&
    a.stampsSpent === b.stampsSpent &&
    a.stampsSigned === b.stampsSigned &&
    a.pendingWithdrawal === b.pendingWithdrawal
  );
}

/** Whether any amount of `next` would let the payer spend more than `known` does. */
export function raisesCredit(known: ChannelOnChain, next: ChannelOnChain): boolean {
  return !isSame(mostCautious(known, next), next);
}
