import { sql } from "kysely";

import type { Address, Hex } from "../../protocol/bytes.ts";
import { STAMP_COVERS_SECONDS } from "../../protocol/stamps/rules.ts";
import type { StampStanding } from "../../protocol/stamps/stampsJson.ts";
import { STANDINGS } from "../../protocol/stamps/stampsJson.ts";
import type { MeteredWelcome, Pair, Stamp, StampTerms } from "../stamps/ports.ts";
import { bytesOf, hexOf } from "./encode.ts";
import { inTransaction } from "../../platform/database/transactions.ts";
import { InboxTables, listingsOf } from "./inboxTables.ts";
import type { StampTable, Trx } from "./tables.ts";
import { statementsOf } from "./tables.ts";

const COLUMNS = ["payer", "inbox", "welcome", "opened_at", "price", "standing"] as const;
type Row = Pick<StampTable, (typeof COLUMNS)[number]>;

/** Stamps that welcomes opened, and what channels used of their ceilings. */
export class StampTables extends InboxTables {
  async stampsSince(pairs: readonly Pair[], after: bigint): Promise<Map<string, Stamp>> {
    const found = new Map<string, Stamp>();
    for (const { payer, inbox } of pairs) {
      const row = await lastStamp(this.engine.kysely, { payer, inbox }, after);
      if (row) found.set(`${inbox}:${payer}`, toStamp(row));
    }
    return found;
  }

  async stamp({ payer, inbox }: Pair, welcome: Hex): Promise<Stamp | undefined> {
    const row = await this.engine.kysely
      .selectFrom("stamps")
      .select(COLUMNS)
      .where("inbox", "=", bytesOf(inbox))
      .where("payer", "=", bytesOf(payer))
      .where("welcome", "=", bytesOf(welcome))
      .executeTakeFirst();
    return row && toStamp(row);
  }

  async stampsOf(inbox: Hex, before: bigint, limit: number): Promise<Stamp[]> {
    const query = this.engine.kysely.selectFrom("stamps").select(COLUMNS).where("inbox", "=", bytesOf(inbox));
    const rows = await query.where("opened_at", "<", before).orderBy("opened_at", "desc").limit(limit).execute();
    return rows.map(toStamp);
  }

  async countsOf(inbox: Hex): Promise<Record<StampStanding, bigint>> {
    const rows = await this.engine.kysely
      .selectFrom("stamps")
      .select(["standing", sql<bigint>`count(*)`.as("count")])
      .where("inbox", "=", bytesOf(inbox))
      .groupBy("standing")
      .execute();
    const counts = Object.fromEntries(rows.map(({ standing, count }) => [standing, BigInt(count)]));
    return Object.fromEntries(STANDINGS.map((one) => [one, counts[one] ?? 0n])) as Record<StampStanding, bigint>;
  }

  async settleStamp(pair: Pair, welcome: Hex, standing: StampStanding, cost: bigint): Promise<void> {
    await inTransaction(this.engine, (trx) => settle(trx, pair, welcome, standing, cost));
  }

  async overdue(openedBy: bigint, limit: number, passedOver = 0): Promise<Stamp[]> {
    const query = this.engine.kysely.selectFrom("stamps").select(COLUMNS).where("standing", "=", "open");
    const ordered = query.where("opened_at", "<=", openedBy).orderBy("opened_at").orderBy("welcome");
    return (await ordered.limit(limit).offset(passedOver).execute()).map(toStamp);
  }

  async totals(): Promise<{ open: bigint; notes: bigint }> {
    const count = sql<bigint>`count(*)`.as("count");
    const stamps = this.engine.kysely.selectFrom("stamps").select(count).where("standing", "=", "open");
    const notes = this.engine.kysely.selectFrom("notes").select(count);
    const [open, all] = [await stamps.executeTakeFirstOrThrow(), await notes.executeTakeFirstOrThrow()];
    return { open: BigInt(open.count), notes: BigInt(all.count) };
  }
}

/** What of a ceiling is used, by channel; nothing where nothing is. */
export async function stampsUsed(
  reader: Pick<Trx, "selectFrom">,
  channels: readonly Address[],
): Promise<Map<Address, bigint>> {
  const used = new Map<Address, bigint>();
  for (const some of statementsOf(channels)) {
    const query = reader.selectFrom("stamp_used").selectAll().where("channel", "in", some.map(bytesOf));
    for (const row of await query.execute()) used.set(hexOf(row.channel), row.used);
  }
  return used;
}

/**
 * Opens stamps for welcomes that were metered for the first time. One stamp covers what a payer sends to an inbox for 30
 * days; of two that open the same one the earlier names it, whichever log is metered first, while nothing was said of it.
 */
export async function openStamps(
  trx: Trx,
  originatorId: number,
  { price, settlesSeconds }: StampTerms,
  welcomes: readonly MeteredWelcome[],
): Promise<void> {
  const listings = await listingsOf(
    trx,
    welcomes.map(({ key }) => key),
  );
  // One process at a time for a payer, in one order.
  for (const payer of [...new Set(welcomes.map((one) => one.payer))].sort()) await lockUsed(trx, payer);
  for (const { payer, welcome, key, seconds, sequenceId } of welcomes) {
    const listing = listings.get(key);
    if (!listing || seconds < listing.listedAt + settlesSeconds) continue;
    const { inbox } = listing;
    if (await isWaived(trx, payer, welcome)) continue;
    const place = { opened_at: seconds, originator: BigInt(originatorId), sequence_id: sequenceId };
    const last = await lastStamp(trx, { payer, inbox }, seconds - STAMP_COVERS_SECONDS);
    if (last) {
      if (last.standing === "open" && isEarlier(place, last)) await rename(trx, last, welcome, place);
      continue;
    }
    const row = { payer: bytesOf(payer), inbox: bytesOf(inbox), welcome: bytesOf(welcome), ...place };
    await trx
      .insertInto("stamps")
      .values({ ...row, price, standing: "open" })
      .execute();
    await addUsed(trx, payer, price);
  }
}

/** What becomes of a stamp; `cost` is what its channel goes on using for it. */
export async function settle(
  trx: Trx,
  { payer, inbox }: Pair,
  welcome: Hex,
  standing: StampStanding,
  cost: bigint,
): Promise<void> {
  await lockUsed(trx, payer);
  const ofStamp = trx
    .selectFrom("stamps")
    .select(["price", "standing"])
    .where("inbox", "=", bytesOf(inbox))
    .where("payer", "=", bytesOf(payer))
    .where("welcome", "=", bytesOf(welcome));
  const stamp = await ofStamp.executeTakeFirst();
  const isFinal = stamp && stamp.standing !== "open" && !(stamp.standing === "spam" && standing === "accepted");
  if (!stamp || isFinal) return;
  await trx
    .updateTable("stamps")
    .set({ standing })
    .where("inbox", "=", bytesOf(inbox))
    .where("payer", "=", bytesOf(payer))
    .where("welcome", "=", bytesOf(welcome))
    .execute();
  await addUsed(trx, payer, cost - stamp.price);
}

async function isWaived(trx: Trx, payer: Address, welcome: Hex): Promise<boolean> {
  const query = trx.selectFrom("passes").select("note").where("welcome", "=", bytesOf(welcome));
  return (await query.where("payer", "=", bytesOf(payer)).executeTakeFirst())?.note != null;
}

async function lastStamp(reader: Pick<Trx, "selectFrom">, { payer, inbox }: Pair, after: bigint) {
  return reader
    .selectFrom("stamps")
    .select([...COLUMNS, "originator", "sequence_id"])
    .where("inbox", "=", bytesOf(inbox))
    .where("payer", "=", bytesOf(payer))
    .where("opened_at", ">", after)
    .where("standing", "!=", "waived")
    .orderBy("opened_at", "desc")
    .limit(1)
    .executeTakeFirst();
}

type Place = Pick<StampTable, "opened_at" | "originator" | "sequence_id">;

function isEarlier(a: Place, b: Place): boolean {
  if (a.opened_at !== b.opened_at) return a.opened_at < b.opened_at;
  if (a.originator !== b.originator) return a.originator < b.originator;
  return a.sequence_id < b.sequence_id;
}

async function rename(trx: Trx, stamp: Row, welcome: Hex, place: Place): Promise<void> {
  await trx
    .updateTable("stamps")
    .set({ welcome: bytesOf(welcome), ...place })
    .where("inbox", "=", stamp.inbox)
    .where("payer", "=", stamp.payer)
    .where("welcome", "=", stamp.welcome)
    .execute();
}

async function lockUsed(trx: Trx, payer: Address): Promise<void> {
  await addUsed(trx, payer, 0n);
}

async function addUsed(trx: Trx, payer: Address, amount: bigint): Promise<void> {
  await trx
    .insertInto("stamp_used")
    .values({ channel: bytesOf(payer), used: amount })
    .onConflict((conflict) =>
      conflict.column("channel").doUpdateSet((eb) => ({ used: eb("stamp_used.used", "+", eb.ref("excluded.used")) })),
    )
    .execute();
}

function toStamp({ payer, inbox, welcome, opened_at, price, standing }: Row): Stamp {
  return {
    ...{ payer: hexOf(payer), inbox: hexOf(inbox), welcome: hexOf(welcome), openedAt: opened_at, price },
    standing: standing as StampStanding,
  };
}
