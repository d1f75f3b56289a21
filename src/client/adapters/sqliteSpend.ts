import type { SqliteDatabase } from "../../platform/sqlite.ts";
import type { Address } from "../../protocol/bytes.ts";
import { fromHex } from "../../protocol/bytes.ts";
import { NO_SPEND, addSpend } from "../channel/spend.ts";
import type { Spend, SpendKey, SpendStore, SpendTotal } from "../ports.ts";
import type { SpendRow } from "./spendRow.ts";
import { FIRST_SPEND, toSpend } from "./spendRow.ts";

export const SPEND_TABLE = `create table spend (
     channel blob not null,
     day integer not null,
     app text not null,
     user_name text not null,
     kind text not null,
     count integer not null,
     postage_pico text not null,
     stamp_units text not null,
     gas_wei text not null,
     primary key (channel, day, app, user_name, kind)
   ) without rowid;
   alter table attempt add column app text not null default '';
   alter table attempt add column user_name text not null default '';
   alter table attempt add column reserved_wei text not null default '0';
   alter table refusal add column app text not null default '';
   alter table refusal add column user_name text not null default '';`;

/** The part of the gateway's store that knows who spent what. `add` is for the ledger's own transaction. */
export function sqliteSpend(
  database: SqliteDatabase,
): SpendStore & { add: (channel: Address, rows: readonly Spend[]) => void } {
  const KEY = "channel = ? and day = ? and app = ? and user_name = ? and kind = ?";
  const sql = {
    one: database.prepare<unknown[], SpendRow>(`select * from spend where ${KEY}`),
    put: database.prepare("insert or replace into spend values (?, ?, ?, ?, ?, ?, ?, ?, ?)"),
    remove: database.prepare(`delete from spend where ${KEY}`),
    page: database.prepare<unknown[], SpendRow>(
      `select * from spend where channel = ? and day between ? and ? and (day, app, user_name, kind) > (?, ?, ?, ?)
       order by day, app, user_name, kind limit ?`,
    ),
    ofDay: database.prepare<unknown[], SpendRow>("select * from spend where channel = ? and day = ?"),
    ofApp: database.prepare<unknown[], SpendRow>("select * from spend where channel = ? and day = ? and app = ?"),
    ofUser: database.prepare<unknown[], SpendRow>(
      "select * from spend where channel = ? and day = ? and app = ? and user_name = ?",
    ),
    older: database.prepare<unknown[], SpendRow>(
      "select * from spend where channel = ? and day > 0 and day < ? order by day limit ?",
    ),
  };
  const add = (channel: Address, rows: readonly Spend[]) => {
    for (const row of rows) {
      const key = keyOf(channel, row);
      const known = sql.one.get(...key);
      const sum = known ? addSpend(toSpend(known), row) : row;
      const { count, postagePico, stampUnits, gasWei } = sum;
      sql.put.run(...key, count, String(postagePico), String(stampUnits), String(gasWei));
    }
  };
  const fold = database.transaction((channel: Address, beforeDay: number, limit: number) => {
    const old = sql.older.all(fromHex(channel), beforeDay, limit).map(toSpend);
    for (const row of old) sql.remove.run(...keyOf(channel, row));
    add(
      channel,
      old.map((row) => ({ ...row, day: 0, app: "", user: "" })),
    );
    return old.length;
  });
  return {
    add,
    async spendPage(channel, { from, to }, after, limit) {
      const { day, app, user, kind } = after ?? FIRST_SPEND;
      return sql.page.all(fromHex(channel), from, to, day, app, user, kind, limit).map(toSpend);
    },
    async spendTotal(channel, { day, app, user }) {
      const key = fromHex(channel);
      if (app === undefined) return total(sql.ofDay.all(key, day).map(toSpend));
      if (user === undefined) return total(sql.ofApp.all(key, day, app).map(toSpend));
      return total(sql.ofUser.all(key, day, app, user).map(toSpend));
    },
    async foldSpend(channel, beforeDay, limit) {
      return fold.immediate(channel, beforeDay, limit);
    },
  };
}

const total = (rows: readonly SpendTotal[]): SpendTotal => rows.reduce(addSpend, NO_SPEND);

function keyOf(channel: Address, { day, app, user, kind }: SpendKey): [Uint8Array, number, string, string, string] {
  return [fromHex(channel), day, app, user, kind];
}
