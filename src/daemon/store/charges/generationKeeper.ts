import { setImmediate } from "node:timers/promises";

import type { Engine } from "../engine.ts";
import { inTransaction } from "../../../platform/database/transactions.ts";
import type { Reader } from "../tables.ts";
import { DigestFilter } from "./digestFilter.ts";
import type { FilteredSpan, FilterSet, Span } from "./filterSet.ts";
import { gapsIn } from "./filterSet.ts";

/** Charges of a generation: its pages are few, so that several new charges share each that a commit writes. */
export const PER_GENERATION = 32_768;
/** So many filters of one size become one: a look goes through few, and each digest is read again three times at most. */
const FAN = 16n;
export const MOST_GENERATIONS_PER_FILTER = FAN * FAN;
/** Digests that a filter is built from at a time; in between everybody else gets a turn. */
const ROWS_PER_TURN = 4_096;

/** The generation to which charges are added. When held, none ends before the transaction does. */
export async function currentGeneration(reader: Reader, isHeld: boolean): Promise<bigint> {
  const query = reader.selectFrom("generation").select("current");
  return (await (isHeld ? query.forShare() : query).executeTakeFirstOrThrow()).current;
}

/** Ends generations that are full, and builds the filters of ended ones. */
export class GenerationKeeper {
  readonly #engine: Engine;
  readonly #filters: FilterSet;
  readonly #perGeneration: number;
  /** Charges of the current generation as far as this process knows; undefined until it has counted. */
  #count: number | undefined;
  #running: Promise<void> | undefined;

  constructor(engine: Engine, filters: FilterSet, perGeneration = PER_GENERATION) {
    this.#engine = engine;
    this.#filters = filters;
    this.#perGeneration = perGeneration;
  }

  /** Never fails: what could not be done is done after a later commit. */
  noteAdded(count: number): void {
    if (this.#count !== undefined) this.#count += count;
    if (this.#running || (this.#count !== undefined && this.#count < this.#perGeneration)) return;
    this.#running = this.#run()
      .catch(() => (this.#count = undefined))
      .then(() => (this.#running = undefined));
  }

  async settle(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    const { kysely } = this.#engine;
    const current = await currentGeneration(kysely, false);
    const count = await this.#countOf({ first: current, last: current });
    if (count < this.#perGeneration) {
      this.#count = count;
    } else {
      await inTransaction(this.#engine, async (trx) => {
        const query = trx.updateTable("generation").set({ current: current + 1n });
        await query.where("current", "=", current).execute();
      });
      this.#count = 0;
    }
    await this.#buildFilters();
  }

  /** Also of generations that a process which was killed has ended. */
  async #buildFilters(): Promise<void> {
    const { kysely } = this.#engine;
    await this.#filters.load(kysely);
    for (const { first, last } of gapsIn(this.#filters.spans, await currentGeneration(kysely, false))) {
      for (let generation = first; generation <= last; generation++) {
        await this.#build({ first: generation, last: generation }, []);
      }
    }
    await this.#filters.load(kysely);
    // A merge may make the next one possible.
    for (let size = 1n; size < MOST_GENERATIONS_PER_FILTER; size *= FAN) {
      const parts = mergeable(this.#filters.spans, size);
      if (parts.length === 0) continue;
      await this.#build({ first: parts[0]!.first, last: parts.at(-1)!.last }, parts);
      await this.#filters.load(kysely);
    }
  }

  async #build(span: Span, replaced: readonly Span[]): Promise<void> {
    const filter = DigestFilter.forCount(await this.#countOf(span));
    for (let generation = span.first; generation <= span.last; generation++) {
      await this.#eachDigest(generation, (digest) => filter.add(digest));
    }
    await inTransaction(this.#engine, async (trx) => {
      for (const { first, last } of replaced) {
        await trx.deleteFrom("charge_filters").where("first", "=", first).where("last", "=", last).execute();
      }
      await trx
        .insertInto("charge_filters")
        .values({ ...span, bits: filter.bytes })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
    });
  }

  async #countOf({ first, last }: Span): Promise<number> {
    const query = this.#engine.kysely.selectFrom("charges").select((eb) => eb.fn.countAll<bigint>().as("count"));
    const row = await query.where("generation", ">=", first).where("generation", "<=", last).executeTakeFirstOrThrow();
    return Number(row.count);
  }

  /** Nothing is added to an ended generation, so what is read page by page is the whole. */
  async #eachDigest(generation: bigint, use: (digest: Uint8Array) => void): Promise<void> {
    let after = new Uint8Array();
    for (;;) {
      const page = await this.#engine.kysely
        .selectFrom("charges")
        .select("digest")
        .where("generation", "=", generation)
        .where("digest", ">", after)
        .orderBy("digest")
        .limit(ROWS_PER_TURN)
        .execute();
      for (const { digest } of page) use(digest);
      // One digest of several payers may stand on both sides of the end of a page: it is in the filter all the same.
      if (page.length < ROWS_PER_TURN) return;
      after = new Uint8Array(page.at(-1)!.digest);
      await setImmediate();
    }
  }
}

/** The first FAN neighbours of a size. */
function mergeable(spans: readonly FilteredSpan[], size: bigint): readonly Span[] {
  const isOfSize = ({ first, last }: Span) => last - first + 1n === size;
  const start = spans.findIndex(isOfSize);
  if (start < 0) return [];
  const run = spans.slice(start, start + Number(FAN));
  const isWhole = run.length === Number(FAN) && run.every(isOfSize);
  return isWhole && run.every(({ first }, i) => i === 0 || first === run[i - 1]!.last + 1n) ? run : [];
}
