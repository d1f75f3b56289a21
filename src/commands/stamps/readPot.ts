import type { Hex } from "../../protocol/bytes.ts";
import type { Context } from "../core/context.ts";

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

export async function readPot({ contracts }: Context, digest: Hex): Promise<Pot> {
  const pot = await contracts.stamps.potOf(digest);
  const { charged, amount, paid, finalAt, fixedAt, claimableUntil, recipientsBps, isFixed } = pot;
  const most = isFixed ? amount : (charged * recipientsBps) / BPS;
  const numbers = { charged, amount, paid, finalAt, fixedAt, claimableUntil, recipientsBps, isFixed };
  return { ...numbers, most, payoutsRoot: pot.payoutsRoot as Hex };
}
