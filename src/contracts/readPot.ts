import type { Stamps } from "#typechain";

import type { Hex } from "../protocol/bytes.ts";

const BPS = 10_000n;

/** A report's pot as Stamps has it. */
export interface Pot {
  charged: bigint;
  /** What it is, or would be if nothing more was charged; less where payouts come to less. */
  most: bigint;
  amount: bigint;
  paid: bigint;
  /** 0 while nothing was charged in time. */
  finalAt: bigint;
  fixedAt: bigint;
  claimableUntil: bigint;
  recipientsBps: bigint;
  isFixed: boolean;
  payoutsRoot: Hex;
}

export async function readPot(stamps: Stamps, digest: Hex): Promise<Pot> {
  const pot = await stamps.potOf(digest);
  const { charged, amount, paid, finalAt, fixedAt, claimableUntil, recipientsBps, isFixed } = pot;
  const most = isFixed ? amount : (charged * recipientsBps) / BPS;
  const numbers = { charged, amount, paid, finalAt, fixedAt, claimableUntil, recipientsBps, isFixed };
  return { ...numbers, most, payoutsRoot: pot.payoutsRoot as Hex };
}

/**
 * What a payout gets, as the contract has it, of a pot that nothing more comes into.
 * @param total of all payouts of the report
 */
export function partOfPot({ most, paid }: Pick<Pot, "most" | "paid">, amount: bigint, total: bigint): bigint {
  const pot = total < most ? total : most;
  if (pot === 0n) return 0n;
  const part = (amount * pot) / total;
  return part < pot - paid ? part : pot - paid;
}
