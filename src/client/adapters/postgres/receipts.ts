import { sql } from "kysely";

import type { Address } from "../../../protocol/bytes.ts";
import type { ReceiptKey, ReceiptStore } from "../../ports.ts";
import { toReceipt } from "../receiptRow.ts";
import type { Db } from "./tables.ts";
import { bytesOf } from "./tables.ts";

/** The part of the gateway's store that keeps receipts. */
export function postgresReceipts(db: Db): ReceiptStore {
  const at = (channel: Address, { originatorId, sequenceId }: ReceiptKey) =>
    sql<boolean>`channel = ${bytesOf(channel)} and originator_id = ${BigInt(originatorId)}
      and sequence_id = ${String(sequenceId)}::numeric`;
  return {
    async receipt(channel, key) {
      const row = await db.selectFrom("gateway_receipts").selectAll().where(at(channel, key)).executeTakeFirst();
      return row && toReceipt(row);
    },
    async receipts(channel, after, limit) {
      const { originatorId, sequenceId } = after ?? { originatorId: -1, sequenceId: 0n };
      const rows = await db
        .selectFrom("gateway_receipts")
        .selectAll()
        .where("channel", "=", bytesOf(channel))
        .where(
          sql<boolean>`(originator_id, sequence_id) > (${BigInt(originatorId)}::bigint, ${String(sequenceId)}::numeric)`,
        )
        .orderBy("originator_id")
        .orderBy("sequence_id")
        .limit(limit)
        .execute();
      return rows.map(toReceipt);
    },
    async receiptCount(channel) {
      const count = db.selectFrom("gateway_receipts").select((eb) => eb.fn.countAll<bigint>().as("count"));
      return Number((await count.where("channel", "=", bytesOf(channel)).executeTakeFirstOrThrow()).count);
    },
    async removeReceipts(channel, keys) {
      if (keys.length === 0) return;
      await sql`
        delete from gateway_receipts as row using
          unnest(${keys.map(({ originatorId }) => originatorId)}::bigint[], ${keys.map(({ sequenceId }) => String(sequenceId))}::numeric[])
          as gone (originator_id, sequence_id)
        where row.channel = ${bytesOf(channel)} and row.originator_id = gone.originator_id
          and row.sequence_id = gone.sequence_id`.execute(db);
    },
    async contradictReceipt(channel, key, { report, proof, reason }) {
      await db
        .updateTable("gateway_receipts")
        .set({ report: bytesOf(report), proof: proof ? bytesOf(proof) : null, reason: reason ?? null })
        .where(at(channel, key))
        .execute();
    },
    async forgetReceipts(channel, beforeMs, limit) {
      const { numAffectedRows } = await sql`
        delete from gateway_receipts where ctid in (
          select ctid from gateway_receipts
          where channel = ${bytesOf(channel)} and report is null and kept_at < ${BigInt(beforeMs)}
          order by kept_at limit ${limit})`.execute(db);
      return Number(numAffectedRows ?? 0n);
    },
  };
}
