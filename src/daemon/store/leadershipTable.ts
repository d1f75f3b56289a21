import { sql } from "kysely";

import type { Leadership } from "../transactions/ports.ts";
import { StaleTermError } from "../transactions/ports.ts";
import type { Engine } from "./engine.ts";
import type { Trx } from "./tables.ts";

/** A lease in one row, by the database's clock, with a term that grows with each new leader. */
export class LeadershipTable implements Leadership {
  readonly #engine: Engine;
  /** What this process won. A holder's name proves nothing: two processes may have been given the same one. */
  readonly #terms = new Map<string, bigint>();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  async hold(holder: string, leaseMs: number): Promise<bigint | undefined> {
    const { kysely, now } = this.#engine;
    // No term is negative.
    const own = this.#terms.get(holder) ?? -1n;
    const row = await kysely
      .updateTable("leadership")
      .set((eb) => ({
        term: eb
          .case()
          .when("term", "=", own)
          .then(eb.ref("term"))
          .else(eb("term", "+", 1n))
          .end(),
        holder,
        expires_at: sql<bigint>`${now()} + ${BigInt(leaseMs)}`,
      }))
      .where((eb) => eb.or([eb("term", "=", own), eb("expires_at", "<=", now())]))
      .returning("term")
      .executeTakeFirst();
    if (row) this.#terms.set(holder, row.term);
    // Unless another call of the same process has won it meanwhile.
    else if (this.#terms.get(holder) === own) this.#terms.delete(holder);
    return row?.term;
  }

  async release(holder: string): Promise<void> {
    const own = this.#terms.get(holder);
    if (own === undefined) return;
    this.#terms.delete(holder);
    await this.#engine.kysely
      .updateTable("leadership")
      .set({ holder: null, expires_at: 0n })
      .where("term", "=", own)
      .execute();
  }
}

/** Whoever held the lease of a database that one process at a time can open is gone. */
export async function endLease({ kysely }: Engine): Promise<void> {
  await kysely.updateTable("leadership").set({ holder: null, expires_at: 0n }).execute();
}

/** A write that changes nothing takes the row's lock in both databases: who takes over waits for this transaction. */
export async function requireTerm(trx: Trx, term: bigint): Promise<void> {
  const { numUpdatedRows } = await trx
    .updateTable("leadership")
    .set((eb) => ({ term: eb.ref("term") }))
    .where("term", "=", term)
    .where("term", ">", 0n)
    .executeTakeFirstOrThrow();
  if (numUpdatedRows > 0n) return;
  const { term: newest } = await trx.selectFrom("leadership").select("term").executeTakeFirstOrThrow();
  throw new StaleTermError(
    `term ${term} is over, the newest one is ${newest}: this process must not write to the chain`,
    term,
  );
}
