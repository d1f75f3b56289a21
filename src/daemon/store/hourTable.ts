import type { Charge, HourOfLog } from "../ports.ts";
import { keepNewest } from "./keepNewest.ts";
import type { Reader, Trx } from "./tables.ts";

/** Hours with charges that are kept per originator, a month of them: by number, as a log may be dated anywhere. */
const KEPT_HOURS = 744;
const MINUTES = 60n;

/**
 * Adds what a batch has charged to the hours that its messages are dated in, for charts: no charge depends on it. Whoever
 * calls has the originator's cursor locked, so that nobody else adds to these rows.
 */
export async function addHours(trx: Trx, originatorId: number, charged: readonly Charge[]): Promise<void> {
  const originator = BigInt(originatorId);
  const sums = new Map<bigint, { messages: bigint; feesPico: bigint }>();
  for (const { minute, feePico } of charged) {
    if (minute === undefined) continue;
    const sum = sums.get(minute / MINUTES) ?? { messages: 0n, feesPico: 0n };
    sums.set(minute / MINUTES, { messages: sum.messages + 1n, feesPico: sum.feesPico + feePico });
  }
  if (sums.size === 0) return;
  const query = trx.selectFrom("hours").selectAll().where("originator", "=", originator);
  const known = new Map((await query.where("hour", "in", [...sums.keys()]).execute()).map((row) => [row.hour, row]));
  const rows = [...sums].map(([hour, { messages, feesPico }]) => ({
    ...{ originator, hour, messages: messages + (known.get(hour)?.messages ?? 0n) },
    fees_pico: String(feesPico + BigInt(known.get(hour)?.fees_pico ?? 0)),
  }));
  await trx
    .insertInto("hours")
    .values(rows)
    .onConflict((conflict) =>
      conflict
        .columns(["originator", "hour"])
        .doUpdateSet((eb) => ({ messages: eb.ref("excluded.messages"), fees_pico: eb.ref("excluded.fees_pico") })),
    )
    .execute();
  if (rows.length > known.size) await keepNewest(trx, ["hours", "hour"], originator, KEPT_HOURS);
}

/** Ascending by hour. */
export async function hoursBetween(reader: Reader, fromHour: bigint, toHour: bigint): Promise<HourOfLog[]> {
  const query = reader.selectFrom("hours").selectAll().where("hour", ">=", fromHour).where("hour", "<=", toHour);
  const rows = await query.orderBy("hour").orderBy("originator").execute();
  return rows.map(({ originator, hour, messages, fees_pico }) => ({
    ...{ originatorId: Number(originator), hour, messages, feesPico: BigInt(fees_pico) },
  }));
}
