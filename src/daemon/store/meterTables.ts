import { sql } from "kysely";

import type { Address } from "../../protocol/bytes.ts";
import type { Charge, MeterBatch } from "../ports.ts";
import { bytesOf, digitsOf, hexOf, toUsage } from "./encode.ts";
import { MeterOvertakenError } from "./errors.ts";
import type { Trx } from "./tables.ts";
import { chunksOf } from "./tables.ts";

/**
 * Charges a batch. Everything is written in one order (cursor, accounts by channel, charges by digest, accounts again),
 * so that two processes that meter different logs wait for each other and do not deadlock.
 */
export async function meter(trx: Trx, batch: MeterBatch): Promise<Charge[]> {
  await moveCursor(trx, batch);
  await setMinutes(trx, batch);
  // The first of equal ones counts.
  const unique = new Map<string, Charge>();
  for (const charge of batch.charges) {
    const key = `${charge.channel}:${charge.digest}`;
    if (!unique.has(key)) unique.set(key, charge);
  }
  if (unique.size === 0) return [];
  const accounts = await accountIds(trx, [...new Set(batch.charges.map(({ channel }) => channel))].sort());
  const added = await addCharges(trx, [...unique.values()], accounts);
  const charged = [...unique.values()].filter(({ channel, digest }) => added.has(`${accounts.get(channel)}:${digest}`));
  await addUsage(trx, charged);
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
  const originator = BigInt(batch.originatorId);
  await trx
    .deleteFrom("minutes")
    .where("originator", "=", originator)
    .where("minute", "<", (eb) =>
      eb
        .selectFrom("minutes as kept")
        .select("kept.minute")
        .where("kept.originator", "=", originator)
        .orderBy("kept.minute", "desc")
        .limit(1)
        .offset(KEPT_MINUTES - 1),
    )
    .execute();
}

async function addMinutes(trx: Trx, { originatorId, minuteCounts }: MeterBatch): Promise<void> {
  const rows = [...minuteCounts].map(([minute, count]) => ({ originator: BigInt(originatorId), minute, count }));
  for (const some of chunksOf(rows)) {
    await trx
      .insertInto("minutes")
      .values(some)
      .onConflict((conflict) =>
        conflict.columns(["originator", "minute"]).doUpdateSet((eb) => ({ count: eb.ref("excluded.count") })),
      )
      .execute();
  }
}

/** The numbers of accounts, which are opened where there are none. */
async function accountIds(trx: Trx, channels: readonly Address[]): Promise<Map<Address, bigint>> {
  const ids = new Map<Address, bigint>();
  const look = async (some: readonly Address[]) => {
    const query = trx.selectFrom("accounts").select(["id", "channel"]);
    for (const row of await query.where("channel", "in", some.map(bytesOf)).execute()) {
      ids.set(hexOf(row.channel), row.id);
    }
  };
  for (const some of chunksOf(channels)) {
    await look(some);
    const missing = some.filter((channel) => !ids.has(channel));
    if (missing.length === 0) continue;
    await trx
      .insertInto("accounts")
      .values(missing.map((channel) => ({ channel: bytesOf(channel) })))
      .onConflict((conflict) => conflict.column("channel").doNothing())
      .execute();
    await look(missing);
  }
  return ids;
}

/** Which were new, as `account:digest`. */
async function addCharges(
  trx: Trx,
  charges: readonly Charge[],
  accounts: ReadonlyMap<Address, bigint>,
): Promise<Set<string>> {
  const added = new Set<string>();
  const sorted = charges
    .map(({ channel, digest }) => ({ channel, digest }))
    .sort((a, b) => (a.digest === b.digest ? (a.channel < b.channel ? -1 : 1) : a.digest < b.digest ? -1 : 1));
  for (const some of chunksOf(sorted)) {
    const rows = await trx
      .insertInto("charges")
      .values(some.map(({ channel, digest }) => ({ digest: bytesOf(digest), account_id: accounts.get(channel)! })))
      .onConflict((conflict) => conflict.columns(["digest", "account_id"]).doNothing())
      .returning(["account_id", "digest"])
      .execute();
    for (const { account_id, digest } of rows) added.add(`${account_id}:${digitsOf(digest)}`);
  }
  return added;
}

async function addUsage(trx: Trx, charged: readonly Charge[]): Promise<void> {
  const sums = new Map<Address, bigint>();
  for (const { channel, feePico } of charged) sums.set(channel, (sums.get(channel) ?? 0n) + feePico);
  const rows = [...sums]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([channel, pico]) => ({ channel: bytesOf(channel), ...toUsage(pico) }));
  for (const some of chunksOf(rows)) {
    await trx
      .insertInto("accounts")
      .values(some)
      .onConflict((conflict) =>
        conflict.column("channel").doUpdateSet({
          usage_dollars: sql`accounts.usage_dollars + excluded.usage_dollars
            + (accounts.usage_pico + excluded.usage_pico) / 1000000000000`,
          usage_pico: sql`(accounts.usage_pico + excluded.usage_pico) % 1000000000000`,
        }),
      )
      .execute();
  }
}
