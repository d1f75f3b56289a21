import type { Selectable } from "kysely";

import type { Address, Hex } from "../../protocol/bytes.ts";
import { concatBytes, equalBytes, toHex } from "../../protocol/bytes.ts";
import type { LargestVouchers, SignedVoucher } from "../../protocol/voucher.ts";
import { mergeVouchers, voucherAmounts } from "../../protocol/voucher.ts";
import type { Account } from "../ports.ts";
import type { AccountTable } from "./tables.ts";

export const PICO_PER_DOLLAR = 10n ** 12n;
const ADDRESS_LENGTH = 20;

/** Faster than a general reading of hex, which the hot paths would feel. */
export function bytesOf(hex: string): Uint8Array {
  return Buffer.from(hex.startsWith("0x") ? hex.slice(2) : hex, "hex");
}

export function hexOf(bytes: Uint8Array): Hex {
  return `0x${digitsOf(bytes)}`;
}

export function digitsOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}

export function toUsage(pico: bigint): { dollars: bigint; pico: bigint } {
  return { dollars: pico / PICO_PER_DOLLAR, pico: pico % PICO_PER_DOLLAR };
}

export function toAccount(row: Omit<Selectable<AccountTable>, "id">): Account {
  const channel = hexOf(row.channel);
  return {
    channel,
    usagePico: row.usage_dollars * PICO_PER_DOLLAR + row.usage_pico,
    vouchers: toVouchers(channel, row),
    chain: {
      deposited: BigInt(row.deposited),
      feesSpent: BigInt(row.fees_spent),
      stampsSpent: BigInt(row.stamps_spent),
      stampsSigned: BigInt(row.stamps_signed),
      pendingWithdrawal: BigInt(row.pending_withdrawal),
    },
  };
}

function toVouchers(
  channel: Address,
  { fees_row, stamps_row }: Pick<AccountTable, "fees_row" | "stamps_row">,
): LargestVouchers | undefined {
  if (!fees_row || !stamps_row) return undefined;
  const fees = toVoucher(channel, new Uint8Array(fees_row));
  const stampsRow = swapped(stamps_row);
  return { fees, stamps: equalBytes(fees.row, stampsRow) ? fees : toVoucher(channel, stampsRow) };
}

function toVoucher(channel: Address, row: Uint8Array): SignedVoucher {
  return { ...voucherAmounts(row), channel, row };
}

/** A packed row with fees and stamps in each other's place: what orders by fees orders by stamps then, and back. */
export function swapped(row: Uint8Array): Uint8Array {
  return concatBytes(row.subarray(8, 16), row.subarray(0, 8), row.subarray(16));
}

/** The largest per channel, ascending by channel: a statement must not meet a channel twice, nor two statements in two orders. */
export function largestPerChannel(vouchers: readonly SignedVoucher[]): [Address, LargestVouchers][] {
  const largest = new Map<Address, LargestVouchers>();
  for (const voucher of vouchers) {
    const both = { fees: voucher, stamps: voucher };
    const known = largest.get(voucher.channel);
    largest.set(voucher.channel, known ? mergeVouchers(known, both) : both);
  }
  return [...largest].sort(([a], [b]) => (a < b ? -1 : 1));
}

export function joinAddresses(addresses: readonly Address[]): Uint8Array {
  return concatBytes(...addresses.map(bytesOf));
}

export function splitAddresses(bytes: Uint8Array): Address[] {
  return Array.from({ length: bytes.length / ADDRESS_LENGTH }, (_, i) =>
    toHex(bytes.subarray(i * ADDRESS_LENGTH, (i + 1) * ADDRESS_LENGTH)),
  );
}
