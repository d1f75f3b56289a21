import { sql } from "kysely";

import type { Address } from "../../../protocol/bytes.ts";
import { addSpend } from "../../channel/spend.ts";
import type { Spend, SpendScope, SpendStore, SpendTotal } from "../../ports.ts";
import { FIRST_SPEND, amountsOf, toSpend } from "../spendRow.ts";
import { lockChannel } from "./lock.ts";
import type { Db, SpendTable, Trx } from "./tables.ts";
import { bytesOf } from "./tables.ts";

/** Adds to what is there, in the transaction of the steps that it belongs to. */
export async function writeSpend(trx: Trx, channel: Address, spend: readonly Spend[]): Promise<void> {
  const sums = new Map<string, Spend>();
  for (const row of spend) {
    const name = JSON.stringify([row.day, row.app, row.user, row.kind]);
    const known = sums.get(name);
    sums.set(name, known ? { ...known, ...addSpend(known, row) } : row);
  }
  if (sums.size === 0) return;
  const rows = [...sums.values()].map(({ day, app, user, kind, count, postagePico, stampUnits, gasWei }) => ({
    ...{ channel: bytesOf(channel), day: BigInt(day), app, user_name: user, kind, count },
    ...{ postage_pico: String(postagePico), stamp_units: String(stampUnits), gas_wei: String(gasWei) },
  }));
  await trx
    .insertInto("gateway_spend")
    .values(rows)
    .onConflict((conflict) =>
      conflict.columns(["channel", "day", "app", "user_name", "kind"]).doUpdateSet({
        count: sql`gateway_spend.count + excluded.count`,
        postage_pico: sql`gateway_spend.postage_pico + excluded.postage_pico`,
        stamp_units: sql`gateway_spend.stamp_units + excluded.stamp_units`,
        gas_wei: sql`gateway_spend.gas_wei + excluded.gas_wei`,
      }),
    )
    .execute();
}

export async function spendTotal(db: Db | Trx, channel: Address, { day, app, user }: SpendScope): Promise<SpendTotal> {
  const row = await db
    .selectFrom("gateway_spend")
    .select((eb) => [
      sql<bigint>`coalesce(sum(count), 0)::bigint`.as("count"),
      eb.fn.coalesce(eb.fn.sum<string>("postage_pico"), sql<string>`0`).as("postage_pico"),
      eb.fn.coalesce(eb.fn.sum<string>("stamp_units"), sql<string>`0`).as("stamp_units"),
      eb.fn.coalesce(eb.fn.sum<string>("gas_wei"), sql<string>`0`).as("gas_wei"),
    ])
    .where("channel", "=", bytesOf(channel))
    .where("day", "=", BigInt(day))
    .$if(app !== undefined, (query) => query.where("app", "=", app!))
    .$if(user !== undefined, (query) => query.where("user_name", "=", user!))
    .executeTakeFirstOrThrow();
  return amountsOf(row);
}

/** The part of the gateway's store that knows who spent what. */
export function postgresSpend(db: Db): SpendStore {
  return {
    async spendPage(channel, { from, to }, after, limit) {
      const { day, app, user, kind } = after ?? FIRST_SPEND;
      const rows = await db
        .selectFrom("gateway_spend")
        .selectAll()
        .where("channel", "=", bytesOf(channel))
        .where("day", ">=", BigInt(from))
        .where("day", "<=", BigInt(to))
        .where(sql<boolean>`(day, app, user_name, kind) > (${BigInt(day)}, ${app}, ${user}, ${kind})`)
        .orderBy("day")
        .orderBy("app")
        .orderBy("user_name")
        .orderBy("kind")
        .limit(limit)
        .execute();
      return rows.map(toSpend);
    },
    spendTotal: (channel, scope) => spendTotal(db, channel, scope),
    foldSpend: (channel, beforeDay, limit) =>
      db.transaction().execute(async (trx) => {
        // Steps add to the same rows.
        await lockChannel(trx, channel);
        const { rows } = await sql<SpendTable>`
          delete from gateway_spend where ctid in (
            select ctid from gateway_spend where channel = ${bytesOf(channel)} and day > 0 and day < ${BigInt(beforeDay)}
            order by day limit ${limit})
          returning *`.execute(trx);
        await writeSpend(
          trx,
          channel,
          rows.map((row) => ({ ...toSpend(row), day: 0, app: "", user: "" })),
        );
        return rows.length;
      }),
  };
}
