import { sql } from "kysely";

import type { ChargeKey, Exchange, Exchanged, HoldingStore } from "../holdings/ports.ts";
import type { ChargeBook } from "./charges/chargeBook.ts";
import { bytesOf } from "./encode.ts";
import type { Engine } from "./engine.ts";
import { inTransaction } from "../../platform/database/transactions.ts";
import { exchange, requireProcess } from "./holdingExchange.ts";
import type { Trx } from "./tables.ts";

/**
 * Holdings in PostgreSQL; a file has one process, which keeps them in memory. A process is a row with the end of its lease
 * by the server's clock; what it holds are rows with its number.
 */
export class HoldingTables implements HoldingStore {
  readonly #engine: Engine;
  readonly #book: ChargeBook;

  constructor(engine: Engine, book: ChargeBook) {
    this.#engine = engine;
    this.#book = book;
  }

  async enter(leaseMs: number): Promise<bigint> {
    const { kysely, now } = this.#engine;
    const expires_at = sql<bigint>`${now()} + ${BigInt(leaseMs)}`;
    const entered = kysely.insertInto("processes").values({ expires_at }).returning("id");
    return (await entered.executeTakeFirstOrThrow()).id;
  }

  async renew(process: bigint, leaseMs: number): Promise<boolean> {
    const { kysely, now } = this.#engine;
    const expires_at = sql<bigint>`${now()} + ${BigInt(leaseMs)}`;
    const renewed = kysely.updateTable("processes").set({ expires_at }).where("id", "=", process);
    return (await renewed.executeTakeFirstOrThrow()).numUpdatedRows > 0n;
  }

  async leave(process: bigint, agoMs: number): Promise<void> {
    const { kysely, now } = this.#engine;
    const expires_at = sql<bigint>`${now()} - ${BigInt(agoMs)}`;
    await kysely.updateTable("processes").set({ expires_at }).where("id", "=", process).execute();
  }

  exchange(asked: Exchange): Promise<Exchanged> {
    const tools = { now: this.#engine.now, book: this.#book };
    return inTransaction(this.#engine, (trx) => exchange(tools, trx, asked));
  }

  async forget(process: bigint, keys: readonly ChargeKey[]): Promise<void> {
    await sql`
      delete from reservations using accounts,
        unnest(${keys.map(({ channel }) => bytesOf(channel))}::bytea[], ${keys.map(({ digest }) => bytesOf(digest))}::bytea[])
        as given (channel, digest)
      where accounts.channel = given.channel and reservations.account_id = accounts.id
        and reservations.digest = given.digest and reservations.process_id = ${process}::bigint`.execute(
      this.#engine.kysely,
    );
  }

  async noteRound(process: bigint): Promise<void> {
    await this.#engine.kysely.deleteFrom("lent").where("process_id", "=", process).execute();
  }

  async gone(graceMs: number): Promise<bigint[]> {
    const { kysely, now } = this.#engine;
    const query = kysely.selectFrom("processes").select("id");
    const rows = await query.where("expires_at", "<=", sql<bigint>`${now()} - ${BigInt(graceMs)}`).execute();
    return rows.map(({ id }) => id);
  }

  async drain(gone: readonly bigint[], heir: bigint, graceMs: number): Promise<void> {
    await inTransaction(this.#engine, async (trx) => {
      // Else nobody would ever take over what the heir takes over.
      await requireProcess(this.#engine, trx, heir);
      const drained = await this.#remove(trx, gone, graceMs);
      if (drained.length === 0) return;
      await trx.deleteFrom("reservations").where("process_id", "in", drained).execute();
      await sql`
        insert into lent (account_id, process_id, pico)
        select account_id, ${heir}::bigint, sum(pico)::bigint from lent
        where process_id = any(${drained}::bigint[]) group by account_id order by account_id
        on conflict (account_id, process_id) do update set pico = lent.pico + excluded.pico`.execute(trx);
      await trx.deleteFrom("lent").where("process_id", "in", drained).execute();
    });
  }

  /** Those that were still gone. Whoever is holding something has a lock on its row: then this waits, and looks again. */
  async #remove(trx: Trx, gone: readonly bigint[], graceMs: number): Promise<bigint[]> {
    const rows = await trx
      .deleteFrom("processes")
      .where("id", "in", gone)
      .where("expires_at", "<=", sql<bigint>`${this.#engine.now()} - ${BigInt(graceMs)}`)
      .returning("id")
      .execute();
    return rows.map(({ id }) => id);
  }
}
