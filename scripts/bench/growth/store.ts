import { randomBytes } from "node:crypto";

import { Ledger } from "../../../src/daemon/ledger.ts";
import type { Charge, DaemonStore } from "../../../src/daemon/ports.ts";
import type { Payer } from "../daemon/world.ts";
import { NODE_ID, fund, voucherRow } from "../daemon/world.ts";

const PER_BATCH = 1_000;

export interface StoreFigures {
  bytesPerChannel: number;
  bytesPerCharge: number;
}

/** What a database takes for channels with a voucher each, and for their charges. */
export async function measureStore(
  store: DaemonStore,
  payers: readonly Payer[],
  charges: number,
): Promise<StoreFigures> {
  const ledger = new Ledger(store.ledger, { isShared: store.isShared });
  const empty = (await store.ledger.size()).databaseBytes;
  await fund(
    store,
    payers.map(({ channel }) => channel),
  );
  for (let i = 0; i < payers.length; i += PER_BATCH) {
    const vouchers = payers.slice(i, i + PER_BATCH).map((payer) => {
      const voucher = { fees: 10_000n, stamps: 0n };
      return { ...voucher, channel: payer.channel, row: voucherRow(voucher, payer) };
    });
    await ledger.raise(vouchers);
  }
  const withChannels = (await store.ledger.size()).databaseBytes;
  for (let i = 0; i < charges; i += PER_BATCH) {
    const some = Array.from({ length: PER_BATCH }, (_, k): Charge => ({
      ...{ channel: payers[(i + k) % payers.length]!.channel, digest: randomBytes(16).toString("hex") },
      feePico: 50_000_000n,
    }));
    const upTo = BigInt(i + PER_BATCH);
    const minuteCounts = new Map([[BigInt(i) / 600_000n, upTo]]);
    await ledger.meter({ originatorId: NODE_ID, after: BigInt(i), upTo, charges: some, minuteCounts });
  }
  const { databaseBytes, chargesBytes } = await store.ledger.size();
  // What PostgreSQL keeps of rows that were written anew is cleaned up in time: it does not grow with charges.
  const ofCharges = chargesBytes ?? databaseBytes - withChannels;
  return {
    bytesPerChannel: Number(withChannels - empty) / payers.length,
    bytesPerCharge: Number(ofCharges) / charges,
  };
}
