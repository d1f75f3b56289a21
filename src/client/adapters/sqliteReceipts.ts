import type { SqliteDatabase } from "../../platform/sqlite.ts";
import type { Address } from "../../protocol/bytes.ts";
import { fromHex } from "../../protocol/bytes.ts";
import type { KeptReceipt, ReceiptStore } from "../ports.ts";
import type { ReceiptRow } from "./receiptRow.ts";
import { toReceipt } from "./receiptRow.ts";

// Sequence ids are text of 20 digits: they have 64 bits, a SQLite integer has 63, and text of one length is in order.
export const RECEIPT_TABLE = `create table receipt (
     channel blob not null,
     originator_id integer not null,
     sequence_id text not null,
     envelope blob not null,
     kept_at integer not null,
     report blob,
     proof blob,
     reason text,
     primary key (channel, originator_id, sequence_id)
   );
   create index receipt_by_time on receipt (channel, kept_at) where report is null;`;

const DIGITS = 20;

/** The part of the gateway's store that keeps receipts. `insert` is for the ledger's own transaction. */
export function sqliteReceipts(
  database: SqliteDatabase,
): ReceiptStore & { insert: (channel: Address, receipt: KeptReceipt) => void } {
  const sql = {
    insert: database.prepare(
      `insert into receipt (channel, originator_id, sequence_id, envelope, kept_at) values (?, ?, ?, ?, ?)
       on conflict do nothing`,
    ),
    one: database.prepare<unknown[], ReceiptRow>(
      "select * from receipt where channel = ? and originator_id = ? and sequence_id = ?",
    ),
    page: database.prepare<unknown[], ReceiptRow>(
      `select * from receipt where channel = ? and (originator_id, sequence_id) > (?, ?)
       order by originator_id, sequence_id limit ?`,
    ),
    count: database.prepare<unknown[], { count: bigint }>("select count(*) as count from receipt where channel = ?"),
    remove: database.prepare("delete from receipt where channel = ? and originator_id = ? and sequence_id = ?"),
    contradict: database.prepare(
      `update receipt set report = ?, proof = ?, reason = ?
       where channel = ? and originator_id = ? and sequence_id = ?`,
    ),
    forget: database.prepare(
      `delete from receipt where rowid in
       (select rowid from receipt where channel = ? and report is null and kept_at < ? order by kept_at limit ?)`,
    ),
  };
  const remove = database.transaction((channel: Address, keys: Parameters<ReceiptStore["removeReceipts"]>[1]) => {
    for (const key of keys) sql.remove.run(...keyOf(channel, key));
  });
  return {
    insert(channel, { envelope, keptAt, ...key }) {
      sql.insert.run(...keyOf(channel, key), envelope, keptAt);
    },
    async receipt(channel, key) {
      const row = sql.one.get(...keyOf(channel, key));
      return row && toReceipt(row);
    },
    async receipts(channel, after, limit) {
      const place = keyOf(channel, after ?? { originatorId: -1, sequenceId: 0n });
      return sql.page.all(...place, limit).map(toReceipt);
    },
    async receiptCount(channel) {
      return Number(sql.count.get(fromHex(channel))!.count);
    },
    async removeReceipts(channel, keys) {
      remove.immediate(channel, keys);
    },
    async contradictReceipt(channel, key, { report, proof, reason }) {
      sql.contradict.run(fromHex(report), proof ? fromHex(proof) : null, reason ?? null, ...keyOf(channel, key));
    },
    async forgetReceipts(channel, beforeMs, limit) {
      return sql.forget.run(fromHex(channel), beforeMs, limit).changes;
    },
  };
}

function keyOf(
  channel: Address,
  { originatorId, sequenceId }: { originatorId: number; sequenceId: bigint },
): [Uint8Array, number, string] {
  return [fromHex(channel), originatorId, String(sequenceId).padStart(DIGITS, "0")];
}
