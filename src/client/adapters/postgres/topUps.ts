import type { Updateable } from "kysely";

import type { Address } from "../../../protocol/bytes.ts";
import { toHex } from "../../../protocol/bytes.ts";
import type { StoredTopUp, TopUpStore } from "../../ports.ts";
import type { Db, TopUpTable } from "./tables.ts";
import { bytesOf } from "./tables.ts";

/** The part of the gateway's store that knows which deposits were begun, and which are made. A number is begun once, by one process. */
export function postgresTopUps(db: Db): TopUpStore {
  const finish = async (channel: Address, number: number, changes: Updateable<TopUpTable>) => {
    await db
      .updateTable("gateway_top_ups")
      .set(changes)
      .where("channel", "=", bytesOf(channel))
      .where("number", "=", BigInt(number))
      .where("finished_at", "is", null)
      .execute();
  };
  return {
    async lastTopUp(channel) {
      const rows = db.selectFrom("gateway_top_ups").selectAll().where("channel", "=", bytesOf(channel));
      const row = await rows.orderBy("number", "desc").limit(1).executeTakeFirst();
      return row && toTopUp(row);
    },
    async toppedUpOn(channel, day) {
      const rows = db.selectFrom("gateway_top_ups").select("amount").where("channel", "=", bytesOf(channel));
      const ofDay = await rows.where("day", "=", BigInt(day)).execute();
      return ofDay.reduce((sum, { amount }) => sum + BigInt(amount), 0n);
    },
    async beginTopUp(channel, { number, day, amount, idempotencyKey, depositedBefore }) {
      await db
        .insertInto("gateway_top_ups")
        .values({
          ...{ channel: bytesOf(channel), number: BigInt(number), day: BigInt(day), amount: String(amount) },
          ...{ idempotency_key: bytesOf(idempotencyKey), deposited_before: String(depositedBefore), finished_at: null },
        })
        .execute();
    },
    cancelTopUp: (channel, number, finishedAt) =>
      finish(channel, number, { amount: "0", finished_at: BigInt(finishedAt) }),
    finishTopUp: (channel, number, finishedAt) => finish(channel, number, { finished_at: BigInt(finishedAt) }),
  };
}

function toTopUp(row: TopUpTable): StoredTopUp {
  return {
    ...{ number: Number(row.number), day: Number(row.day), amount: BigInt(row.amount) },
    ...{ idempotencyKey: toHex(row.idempotency_key), depositedBefore: BigInt(row.deposited_before) },
    finishedAt: row.finished_at === null ? undefined : Number(row.finished_at),
  };
}
