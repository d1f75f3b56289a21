import type { Address } from "../../protocol/bytes.ts";
import type { Charge, MeterBatch } from "../ports.ts";
import type { AccountNumbers } from "./accountNumbers.ts";
import type { ChargeBook } from "./charges/chargeBook.ts";
import { keyOf } from "./charges/chargeBook.ts";
import { toUsage } from "./encode.ts";
import type { Engine } from "./engine.ts";
import { MeterOvertakenError } from "./errors.ts";
import { addFacts } from "./factTable.ts";
import { addHours } from "./hourTable.ts";
import { keepNewest } from "./keepNewest.ts";
import { openStamps } from "./stampTables.ts";
import type { Trx } from "./tables.ts";
import { statementsOf } from "./tables.ts";

/**
 * Charges a batch. Everything is written in one order (cursor, accounts by channel, charges by digest, accounts again),
 * so that two processes that meter different logs wait for each other and do not deadlock.
 */
export async function meter(
  { engine, book, numbers }: { engine: Engine; book: ChargeBook; numbers: AccountNumbers },
  trx: Trx,
  batch: MeterBatch,
): Promise<Charge[]> {
  const charged = await charge({ engine, book, numbers }, trx, batch);
  await addHours(trx, batch.originatorId, charged);
  await addFacts(trx, batch, charged);
  if (batch.stamps) {
    const isNew = new Set(charged.map((one) => `${one.channel}:0x${one.digest}`));
    const welcomes = batch.stamps.welcomes.filter((one) => isNew.delete(`${one.payer}:${one.welcome}`));
    if (welcomes.length > 0) await openStamps(trx, batch.originatorId, batch.stamps.terms, welcomes);
  }
  return charged;
}

async function charge(
  { engine, book, numbers }: { engine: Engine; book: ChargeBook; numbers: AccountNumbers },
  trx: Trx,
  batch: MeterBatch,
): Promise<Charge[]> {
  await moveCursor(trx, batch);
  await setMinutes(trx, batch);
  // The first of equal ones counts.
  const unique = new Map<string, Charge>();
  for (const charge of batch.charges) {
    const key = `${charge.channel}:${charge.digest}`;
    if (!unique.has(key)) unique.set(key, charge);
  }
  if (unique.size === 0) return [];
  const ids = await numbers.of(trx, [...new Set(batch.charges.map(({ channel }) => channel))].sort());
  const charges = [...unique.values()];
  const rows = charges.map(({ channel, digest }) => ({ digest, accountId: ids.get(channel)! }));
  const added = await book.add(trx, rows);
  const charged = charges.filter((_, i) => added.has(keyOf(rows[i]!)));
  await addUsage(engine, trx, charged, ids);
  return charged;
}

/** The row's lock is held to the end: of two processes with the same stretch one waits, and then is told. */
async function moveCursor(trx: Trx, { originatorId, after, upTo }: MeterBatch): Promise<void> {
  const originator = BigInt(originatorId);
  const moved =
    after === 0n
      ? await trx
          .insertInto("cursors")
          .values({ originator, sequence_id: upTo })
          .onConflict((conflict) =>
            conflict.column("originator").doUpdateSet({ sequence_id: upTo }).where("cursors.sequence_id", "=", 0n),
          )
          .returning("originator")
          .execute()
      : await trx
          .updateTable("cursors")
          .set({ sequence_id: upTo })
          .where("originator", "=", originator)
          .where("sequence_id", "=", after)
          .returning("originator")
          .execute();
  if (moved.length > 0) return;
  throw new MeterOvertakenError(
    `originator ${originatorId} was metered by another writer and does not stand at ${after}: go on from its cursor`,
  );
}

/**
 * Minutes with messages that are kept per originator: congestion looks four back, so this is for a log that is dated back,
 * by a clock that was set or out of spite. A message dated before all of them is charged as if there had been none near it.
 * By their number and not by their age: a node that dates a message far ahead must not empty the table.
 */
const KEPT_MINUTES = 10_080;
/** Minutes are pruned with each batch that has a message in one of these. */
const PRUNED_EVERY = 60n;

async function setMinutes(trx: Trx, batch: MeterBatch): Promise<void> {
  await addMinutes(trx, batch);
  if (![...batch.minuteCounts.keys()].some((minute) => minute % PRUNED_EVERY === 0n)) return;
  await keepNewest(trx, ["minutes", "minute"], BigInt(batch.originatorId), KEPT_MINUTES);
}

async function addMinutes(trx: Trx, { originatorId, minuteCounts }: MeterBatch): Promise<void> {
  const rows = [...minuteCounts].map(([minute, count]) => ({ originator: BigInt(originatorId), minute, count }));
  for (const some of statementsOf(rows)) {
    await trx
      .insertInto("minutes")
      .values(some)
      .onConflict((conflict) =>
        conflict.columns(["originator", "minute"]).doUpdateSet((eb) => ({ count: eb.ref("excluded.count") })),
      )
      .execute();
  }
}

async function addUsage(
  engine: Engine,
  trx: Trx,
  charged: readonly Charge[],
  ids: ReadonlyMap<Address, bigint>,
): Promise<void> {
  const sums = new Map<Address, bigint>();
  for (const { channel, feePico } of charged) sums.set(channel, (sums.get(channel) ?? 0n) + feePico);
  const usage = [...sums].map(([channel, pico]) => ({ accountId: ids.get(channel)!, ...toUsage(pico) }));
  await engine.addUsage(trx, usage);
}
