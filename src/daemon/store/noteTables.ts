import { sql } from "kysely";

import type { Address, Hex } from "../../protocol/bytes.ts";
import { unpackNote } from "../../protocol/stamps/noteBytes.ts";
import type { Note } from "../../protocol/stamps/notes.ts";
import { noteSubject } from "../../protocol/stamps/rules.ts";
import type { KeptNote, KeptPass, NewPass, Pair, PassOutcome, StampStore } from "../stamps/ports.ts";
import { bytesOf, hexOf } from "./encode.ts";
import { inTransaction } from "../../platform/database/transactions.ts";
import { StampTables, settle } from "./stampTables.ts";
import type { NoteTable, PassTable, Trx } from "./tables.ts";

/** What recipients said, and what gates let welcomes in with. */
export class NoteTables extends StampTables implements StampStore {
  async putNote(note: Note, packed: Uint8Array, heardAt: number): Promise<boolean> {
    const subject = noteSubject(note);
    return inTransaction(this.engine, async (trx) => {
      const same = trx.selectFrom("notes").select("id").where("subject", "=", subject).where("packed", "=", packed);
      if (await same.executeTakeFirst()) return false;
      // A new number: peers have to hear of it again.
      await trx.deleteFrom("notes").where("subject", "=", subject).execute();
      await trx
        .insertInto("notes")
        .values({
          ...{ subject, inbox: bytesOf(note.inbox), payer: bytesOf(note.payer), kind: note.kind },
          ...{ packed, heard_at: BigInt(heardAt) },
        })
        .execute();
      return true;
    });
  }

  async note(subject: string): Promise<KeptNote | undefined> {
    const row = await this.#notes().where("subject", "=", subject).executeTakeFirst();
    return row && toNote(row);
  }

  async notesOf(inbox: Hex, kind: Note["kind"], limit: number): Promise<KeptNote[]> {
    const query = this.#notes().where("inbox", "=", bytesOf(inbox)).where("kind", "=", kind);
    return (await query.orderBy("id", "desc").limit(limit).execute()).map(toNote);
  }

  async countNotes(inbox: Hex, kind: Note["kind"]): Promise<number> {
    const query = this.engine.kysely.selectFrom("notes").select(sql<bigint>`count(*)`.as("count"));
    const row = await query.where("inbox", "=", bytesOf(inbox)).where("kind", "=", kind).executeTakeFirstOrThrow();
    return Number(row.count);
  }

  async rulesFor(pairs: readonly Pair[]): Promise<KeptNote[]> {
    const rules: KeptNote[] = [];
    for (const { payer, inbox } of pairs) {
      const query = this.#notes().where("inbox", "=", bytesOf(inbox)).where("payer", "=", bytesOf(payer));
      rules.push(...(await query.where("kind", "in", ["block", "revocation"]).execute()).map(toNote));
    }
    return rules;
  }

  async notesAfter(id: bigint, limit: number): Promise<KeptNote[]> {
    return (await this.#notes().where("id", ">", id).orderBy("id").limit(limit).execute()).map(toNote);
  }

  async statements(heardFrom: number, heardBefore: number, limit: number): Promise<KeptNote[]> {
    const query = this.#notes().where("kind", "=", "statement").where("heard_at", ">=", BigInt(heardFrom));
    return (await query.where("heard_at", "<", BigInt(heardBefore)).orderBy("id").limit(limit).execute()).map(toNote);
  }

  /** The use and its number in one transaction: of two welcomes the last use is one's. */
  async takePass(pass: NewPass): Promise<PassOutcome> {
    const { payer, payerDigest, inbox, note, tag, heardAt, waiverId, mostUses } = pass;
    const welcome = bytesOf(payerDigest).subarray(0, 16);
    const row = {
      ...{ payer: bytesOf(payer), welcome, payer_digest: bytesOf(payerDigest), inbox: bytesOf(inbox) },
      ...{ note: note ?? null, tag: tag ?? null, heard_at: BigInt(heardAt) },
    };
    try {
      return await inTransaction(this.engine, async (trx) => {
        const inserted = await trx
          .insertInto("passes")
          .values(row)
          .onConflict((conflict) => conflict.columns(["welcome", "payer"]).doNothing())
          .returning("id")
          .execute();
        if (inserted.length === 0) return await complete(trx, row, pass);
        if (waiverId !== undefined) await countUse(trx, pass, waiverId, mostUses);
        if (waiverId !== undefined) await settle(trx, { payer, inbox }, hexOf(welcome), "waived", 0n);
        return "taken";
      });
    } catch (error) {
      if (error instanceof UsedUpError) return "used_up";
      throw error;
    }
  }

  async passesOf(welcomes: readonly { payer: Address; welcome: Hex }[]): Promise<Map<string, KeptPass>> {
    const found = new Map<string, KeptPass>();
    for (const { payer, welcome } of welcomes) {
      const query = this.engine.kysely.selectFrom("passes").selectAll().where("welcome", "=", bytesOf(welcome));
      const row = await query.where("payer", "=", bytesOf(payer)).executeTakeFirst();
      if (row) found.set(`${welcome}:${payer}`, toPass(row));
    }
    return found;
  }

  async passesAfter(id: bigint, limit: number): Promise<KeptPass[]> {
    const query = this.engine.kysely.selectFrom("passes").selectAll().where("id", ">", id);
    return (await query.orderBy("id").limit(limit).execute()).map(toPass);
  }

  async uses(heardFrom: number, heardBefore: number, limit: number): Promise<KeptPass[]> {
    const query = this.engine.kysely.selectFrom("passes").selectAll().where("note", "is not", null);
    const since = query.where("heard_at", ">=", BigInt(heardFrom)).where("heard_at", "<", BigInt(heardBefore));
    return (await since.orderBy("id", "desc").limit(limit).execute()).map(toPass);
  }

  async forget(openedBefore: bigint, heardBefore: number): Promise<void> {
    const { kysely } = this.engine;
    const settled = kysely.deleteFrom("stamps").where("standing", "!=", "open");
    await settled.where("opened_at", "<", openedBefore).execute();
    const statements = kysely.deleteFrom("notes").where("kind", "=", "statement");
    await statements.where("heard_at", "<", BigInt(heardBefore)).execute();
    await kysely.deleteFrom("passes").where("heard_at", "<", BigInt(heardBefore)).execute();
  }

  #notes() {
    return this.engine.kysely.selectFrom("notes").select(["id", "packed", "heard_at"]);
  }
}

class UsedUpError extends Error {}

async function countUse(trx: Trx, { inbox, payer }: Pair, waiverId: bigint, mostUses: number): Promise<void> {
  const key = { inbox: bytesOf(inbox), payer: bytesOf(payer), waiver_id: String(waiverId) };
  if (mostUses === 0) throw new UsedUpError();
  const counted = await trx
    .insertInto("waiver_uses")
    .values({ ...key, uses: 1n })
    .onConflict((conflict) =>
      conflict
        .columns(["inbox", "payer", "waiver_id"])
        .doUpdateSet((eb) => ({ uses: eb("waiver_uses.uses", "+", 1n) }))
        .where("waiver_uses.uses", "<", BigInt(mostUses)),
    )
    .returning("uses")
    .execute();
  if (counted.length === 0) throw new UsedUpError();
}

/** A pass that is there already gets what it lacks: the tag came here first, and the waiver from elsewhere. */
async function complete(
  trx: Trx,
  { welcome, payer: payerBytes }: Pick<PassTable, "welcome" | "payer">,
  { payer, inbox, note, tag, waiverId, mostUses }: NewPass,
): Promise<PassOutcome> {
  const of = trx.selectFrom("passes").select(["note", "tag"]).where("welcome", "=", welcome);
  const there = await of.where("payer", "=", payerBytes).executeTakeFirstOrThrow();
  const adds = { ...(note && !there.note ? { note } : {}), ...(tag && !there.tag ? { tag } : {}) };
  if (Object.keys(adds).length === 0) return "known";
  if (adds.note && waiverId !== undefined) {
    await countUse(trx, { inbox, payer }, waiverId, mostUses);
    await settle(trx, { payer, inbox }, hexOf(welcome), "waived", 0n);
  }
  await trx.updateTable("passes").set(adds).where("welcome", "=", welcome).where("payer", "=", payerBytes).execute();
  return "taken";
}

function toNote({ id, packed, heard_at }: Pick<NoteTable, "packed" | "heard_at"> & { id: bigint }): KeptNote {
  const bytes = new Uint8Array(packed);
  return { id, note: unpackNote(bytes).note, packed: bytes, heardAt: Number(heard_at) };
}

function toPass(row: Omit<PassTable, "id"> & { id: bigint }): KeptPass {
  const bytes = (value: Uint8Array | null) => (value === null ? undefined : new Uint8Array(value));
  return {
    ...{ id: row.id, payer: hexOf(row.payer), payerDigest: hexOf(row.payer_digest), inbox: hexOf(row.inbox) },
    ...{ note: bytes(row.note), tag: bytes(row.tag), heardAt: Number(row.heard_at) },
  };
}
