import type { Address } from "../../protocol/bytes.ts";
import { concatBytes } from "../../protocol/bytes.ts";
import { chunksOf } from "../../platform/chunks.ts";
import type { LedgerStore } from "../ports.ts";
import type { CeilingRow } from "./ports.ts";

const CHANNELS_PER_READ = 1_000;

/** Fees of the largest vouchers known, of any number of channels. */
export async function feesSignedOf(
  ledger: Pick<LedgerStore, "accountsOf">,
  channels: readonly Address[],
): Promise<Map<Address, bigint>> {
  const fees = new Map<Address, bigint>();
  for (const some of chunksOf(channels, CHANNELS_PER_READ)) {
    for (const [channel, { vouchers }] of await ledger.accountsOf(some)) {
      if (vouchers) fees.set(channel, vouchers.fees.fees);
    }
  }
  return fees;
}

/** Rows of these vouchers, of those that there are. */
export async function voucherRowsOf(
  ledger: Pick<LedgerStore, "accountsOf">,
  channels: readonly Address[],
): Promise<Uint8Array> {
  const rows: Uint8Array[] = [];
  for (const some of chunksOf(channels, CHANNELS_PER_READ)) {
    for (const { vouchers } of (await ledger.accountsOf(some)).values()) if (vouchers) rows.push(vouchers.fees.row);
  }
  return concatBytes(...rows);
}

/** The vouchers with the largest ceilings, of channels that have one. */
export async function ceilingRowsOf(
  ledger: Pick<LedgerStore, "accountsOf">,
  leaves: readonly { channel: Address }[],
): Promise<CeilingRow[]> {
  const rows: CeilingRow[] = [];
  for (const some of chunksOf(leaves, CHANNELS_PER_READ)) {
    const accounts = await ledger.accountsOf(some.map(({ channel }) => channel));
    for (const [channel, { vouchers }] of accounts) if (vouchers) rows.push({ channel, row: vouchers.stamps.row });
  }
  return rows;
}
