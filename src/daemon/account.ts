import { bytesToHex } from "@noble/hashes/utils.js";

import { PICO_PER_UNIT } from "../protocol/units.ts";
import type { Account, ChannelOnChain } from "./ports.ts";

export const EMPTY_CHANNEL: ChannelOnChain = {
  deposited: 0n,
  feesSpent: 0n,
  stampsSpent: 0n,
  stampsSigned: 0n,
  pendingWithdrawal: 0n,
};

const max = (a: bigint, b: bigint) => (a > b ? a : b);
const min = (a: bigint, b: bigint) => (a < b ? a : b);

/** The first half of a payer digest, under which a charge is remembered. */
export function chargeDigest(payerDigest: Uint8Array): string {
  return bytesToHex(payerDigest.subarray(0, 16));
}

/** Fees the payer signed for. What the chain has collected was signed too, if only another daemon saw it. */
export function authorisedFees({ vouchers, chain }: Account): bigint {
  return max(vouchers?.fees.fees ?? 0n, chain.feesSpent);
}

/** What the deposit still backs of fees, cumulative: everything but signed stamp ceilings and what is being withdrawn. */
export function availableFees({ vouchers, chain }: Account): bigint {
  const ceiling = max(vouchers?.stamps.stamps ?? 0n, max(chain.stampsSigned, chain.stampsSpent));
  return max(0n, chain.deposited - ceiling - chain.pendingWithdrawal);
}

/** Fees up to which usage is paid for: signed and backed. */
export function backedFees(account: Account): bigint {
  return min(authorisedFees(account), availableFees(account));
}

/** The largest ceiling for stamps that was signed, as far as this node knows. */
export function signedCeiling({ vouchers, chain }: Account): bigint {
  const shown = vouchers?.stamps.stamps ?? 0n;
  return shown > chain.stampsSigned ? shown : chain.stampsSigned;
}

/** What settling the largest vouchers now would collect. Mirrors `PostageChannels.settle`. */
export function unsettledFees({ vouchers, chain }: Account): bigint {
  const payable = min(vouchers?.fees.fees ?? 0n, max(0n, chain.deposited - chain.stampsSpent));
  return max(0n, payable - chain.feesSpent);
}

/** Carried and not yet collected: what the nodes lose if the payer's money is gone. Picodollars. */
export function exposurePico(account: Account): bigint {
  return max(0n, account.usagePico - account.chain.feesSpent * PICO_PER_UNIT);
}
