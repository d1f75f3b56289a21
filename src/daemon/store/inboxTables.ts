import type { Hex } from "../../protocol/bytes.ts";
import type { InboxChange, InboxProgress, Listing } from "../stamps/ports.ts";
import { bytesOf, hexOf } from "./encode.ts";
import type { Engine } from "./engine.ts";
import { inTransaction } from "../../platform/database/transactions.ts";
import type { Trx } from "./tables.ts";
import { statementsOf } from "./tables.ts";

const INSTALLATION = "installation:";

/** Who belongs to which inbox, as the identity log says. */
export class InboxTables {
  protected readonly engine: Engine;

  constructor(engine: Engine) {
    this.engine = engine;
  }

  async inboxCursor(): Promise<{ block: bigint; at: bigint } | undefined> {
    const row = await this.engine.kysely.selectFrom("inbox_log").selectAll().executeTakeFirst();
    return row && { block: row.read_to, at: row.read_to_at };
  }

  async recordInboxes({ after, readTo, readToAt, changes }: InboxProgress): Promise<boolean> {
    return inTransaction(this.engine, async (trx) => {
      if (!(await moveCursor(trx, after, readTo, readToAt))) return false;
      for (const change of changes) await applyChange(trx, change);
      return true;
    });
  }

  listingsOf(keys: readonly Hex[]): Promise<Map<Hex, Listing>> {
    return listingsOf(this.engine.kysely, keys);
  }

  async isMember(inbox: Hex, member: string, before: bigint | undefined): Promise<boolean> {
    let query = this.engine.kysely
      .selectFrom("inbox_members")
      .select("sequence_id")
      .where("inbox", "=", bytesOf(inbox))
      .where("member", "=", member)
      .where("is_account", "=", 0n);
    query =
      before === undefined
        ? query.where("removed_at", "is", null)
        : query
            .where("added_at", "<", before)
            .where((eb) => eb.or([eb("removed_at", "is", null), eb("removed_at", ">=", before)]));
    return (await query.limit(1).executeTakeFirst()) !== undefined;
  }
}

/** Which inbox listed each of these installations first; nothing where none did. */
export async function listingsOf(reader: Pick<Trx, "selectFrom">, keys: readonly Hex[]): Promise<Map<Hex, Listing>> {
  const listings = new Map<Hex, Listing>();
  for (const some of statementsOf([...new Set(keys)])) {
    const query = reader.selectFrom("installations").selectAll();
    for (const { key, inbox, listed_at } of await query.where("key", "in", some.map(bytesOf)).execute()) {
      listings.set(hexOf(key), { inbox: hexOf(inbox), listedAt: listed_at });
    }
  }
  return listings;
}

/** The row's lock is held to the end: of two processes with the same stretch one waits, and then is told. */
async function moveCursor(trx: Trx, after: bigint | undefined, read_to: bigint, read_to_at: bigint): Promise<boolean> {
  const moved =
    after === undefined
      ? await trx
          .insertInto("inbox_log")
          .values({ one: 1n, read_to, read_to_at })
          .onConflict((conflict) => conflict.column("one").doNothing())
          .returning("one")
          .execute()
      : await trx
          .updateTable("inbox_log")
          .set({ read_to, read_to_at })
          .where("read_to", "=", after)
          .returning("one")
          .execute();
  return moved.length > 0;
}

async function applyChange(trx: Trx, { sequenceId, inbox, at, actions }: InboxChange): Promise<void> {
  const id = bytesOf(inbox);
  for (const action of actions) {
    if (action.kind === "remove") {
      await trx
        .updateTable("inbox_members")
        .set({ removed_at: at })
        .where("inbox", "=", id)
        .where("removed_at", "is", null)
        .where((eb) =>
          eb.or([
            eb("member", "=", action.member),
            eb.and([eb("added_by", "=", action.member), eb("member", "like", `${INSTALLATION}%`)]),
          ]),
        )
        .execute();
      continue;
    }
    const { member, addedBy, isAccount } = action;
    const row = { added_at: at, added_by: addedBy ?? null, is_account: isAccount ? 1n : 0n, removed_at: null };
    await trx
      .insertInto("inbox_members")
      .values({ inbox: id, member, sequence_id: sequenceId, ...row })
      .onConflict((conflict) => conflict.columns(["inbox", "member", "sequence_id"]).doUpdateSet(row))
      .execute();
    if (!member.startsWith(INSTALLATION)) continue;
    await trx
      .insertInto("installations")
      .values({ key: bytesOf(member.slice(INSTALLATION.length)), inbox: id, listed_at: at })
      .onConflict((conflict) => conflict.column("key").doNothing())
      .execute();
  }
}
