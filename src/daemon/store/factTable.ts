import type { MeterBatch } from "../ports.ts";
import { markCharged } from "../reports/facts.ts";
import type { FactPage, FactStore } from "../reports/ports.ts";
import type { Charge } from "../ports.ts";
import type { Engine } from "./engine.ts";
import { inTransaction } from "../../platform/database/transactions.ts";
import type { Trx } from "./tables.ts";

/** One row for a whole batch, whatever its size: what metering writes per envelope does not grow by a statement. */
export async function addFacts(trx: Trx, batch: MeterBatch, charged: readonly Charge[]): Promise<void> {
  const { originatorId, after, upTo, charges, facts } = batch;
  if (!facts) return;
  // The store answers the very objects that were new: of equal charges only the first one is.
  const isNew = new Set(charged);
  const marked = facts.slice();
  markCharged(marked, (charge) => isNew.has(charges[charge]!));
  await trx
    .insertInto("facts")
    .values({ originator: BigInt(originatorId), after, last: upTo, facts: marked })
    .execute();
}

/** What is known of logs, for reports. */
export class FactTable implements FactStore {
  protected readonly engine: Engine;

  constructor(engine: Engine) {
    this.engine = engine;
  }

  async pages(originatorId: number, after: bigint, limit: number): Promise<FactPage[]> {
    const rows = await this.engine.kysely
      .selectFrom("facts")
      .select(["after", "last", "facts"])
      .where("originator", "=", BigInt(originatorId))
      .where("last", ">", after)
      .orderBy("last")
      .limit(limit)
      .execute();
    return rows.map((row) => ({ after: row.after, last: row.last, facts: new Uint8Array(row.facts) }));
  }

  async replace(originatorId: number, after: bigint, last: bigint, pages: readonly FactPage[]): Promise<void> {
    const originator = BigInt(originatorId);
    await inTransaction(this.engine, async (trx) => {
      await trx
        .deleteFrom("facts")
        .where("originator", "=", originator)
        .where("last", ">", after)
        .where("last", "<=", last)
        .execute();
      for (const page of pages)
        await trx
          .insertInto("facts")
          .values({ originator, ...page })
          .execute();
    });
  }

  async forget(originatorId: number, upTo: bigint): Promise<void> {
    const query = this.engine.kysely.deleteFrom("facts").where("originator", "=", BigInt(originatorId));
    await query.where("last", "<=", upTo).execute();
  }
}
