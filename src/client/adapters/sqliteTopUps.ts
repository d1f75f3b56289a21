import type { SqliteDatabase } from "../../platform/sqlite.ts";
import { fromHex, toHex } from "../../protocol/bytes.ts";
import type { StoredTopUp, TopUpStore } from "../ports.ts";

export const TOP_UP_TABLE = `create table top_up (
     channel blob not null,
     number integer not null,
     day integer not null,
     amount text not null,
     idempotency_key blob not null,
     deposited_before text not null,
     finished_at integer,
     primary key (channel, number)
   ) without rowid;`;

interface TopUpRow {
  number: bigint;
  day: bigint;
  amount: string;
  idempotency_key: Buffer;
  deposited_before: string;
  finished_at: bigint | null;
}

/** The part of the gateway's store that knows which deposits were begun, and which are made. */
export function sqliteTopUps(database: SqliteDatabase): TopUpStore {
  const sql = {
    last: database.prepare<unknown[], TopUpRow>("select * from top_up where channel = ? order by number desc limit 1"),
    ofDay: database.prepare<unknown[], TopUpRow>("select * from top_up where channel = ? and day = ?"),
    insert: database.prepare("insert into top_up values (?, ?, ?, ?, ?, ?, null)"),
    cancel: database.prepare(
      "update top_up set amount = '0', finished_at = ? where channel = ? and number = ? and finished_at is null",
    ),
    finish: database.prepare(
      "update top_up set finished_at = ? where channel = ? and number = ? and finished_at is null",
    ),
  };
  return {
    async lastTopUp(channel) {
      const row = sql.last.get(fromHex(channel));
      return row && toTopUp(row);
    },
    async toppedUpOn(channel, day) {
      return sql.ofDay.all(fromHex(channel), day).reduce((sum, { amount }) => sum + BigInt(amount), 0n);
    },
    async beginTopUp(channel, { number, day, amount, idempotencyKey, depositedBefore }) {
      const key = fromHex(idempotencyKey);
      sql.insert.run(fromHex(channel), number, day, String(amount), key, String(depositedBefore));
    },
    async cancelTopUp(channel, number, finishedAt) {
      sql.cancel.run(finishedAt, fromHex(channel), number);
    },
    async finishTopUp(channel, number, finishedAt) {
      sql.finish.run(finishedAt, fromHex(channel), number);
    },
  };
}

function toTopUp({ number, day, amount, idempotency_key, deposited_before, finished_at }: TopUpRow): StoredTopUp {
  return {
    ...{ number: Number(number), day: Number(day), amount: BigInt(amount), idempotencyKey: toHex(idempotency_key) },
    depositedBefore: BigInt(deposited_before),
    finishedAt: finished_at === null ? undefined : Number(finished_at),
  };
}
