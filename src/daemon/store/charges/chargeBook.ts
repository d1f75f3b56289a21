import { chunksOf } from "../../../platform/chunks.ts";
import { bytesOf, digitsOf } from "../encode.ts";
import type { Engine } from "../engine.ts";
import type { Reader, Trx } from "../tables.ts";
import type { Span } from "./filterSet.ts";
import { FilterSet, gapsIn } from "./filterSet.ts";
import { GenerationKeeper, currentGeneration } from "./generationKeeper.ts";

/** Generations and digests of one look: together below SQLite's 32,766 parameters. */
const DIGESTS_PER_LOOK = 1_000;

/** A charge as the table has it; `digest` as hex. */
export interface ChargeRow {
  digest: string;
  accountId: bigint;
}

export const keyOf = ({ digest, accountId }: ChargeRow): string => `${accountId}:${digest}`;

/**
 * Every charge ever made, in generations. Digests are random, so in one tree of them each new one would touch a page of
 * its own, the more the larger the tree. New ones go to the current generation, which is small; of the others filters in
 * memory say that a digest is not there, and are nearly always right about those that are asked for.
 */
export class ChargeBook {
  readonly #engine: Engine;
  readonly #filters = new FilterSet();
  readonly #keeper: GenerationKeeper;

  constructor(engine: Engine, perGeneration?: number) {
    this.#engine = engine;
    this.#keeper = new GenerationKeeper(engine, this.#filters, perGeneration);
  }

  /** Adds those that are not there; answers which were new, as `keyOf` has it. To the end of the transaction no generation ends. */
  async add(trx: Trx, charges: readonly ChargeRow[]): Promise<Set<string>> {
    const current = await currentGeneration(trx, this.#engine.isShared);
    const before = new Set((await this.findEnded(trx, charges.map(digestOf), current)).map(keyOf));
    const rest = before.size === 0 ? charges : charges.filter((charge) => !before.has(keyOf(charge)));
    const added = await this.#engine.addCharges(trx, current, rest);
    return new Set(rest.filter((_, i) => added[i]).map(keyOf));
  }

  /** Which of some digests are charged, and to whom. */
  async find(digests: readonly string[]): Promise<ChargeRow[]> {
    const { kysely } = this.#engine;
    const current = await currentGeneration(kysely, false);
    const ended = await this.findEnded(kysely, digests, current);
    return [...ended, ...(await look(kysely, { first: current, last: current }, digests))];
  }

  /** After a commit: ends the generation when it is full. */
  noteAdded(count: number): void {
    this.#keeper.noteAdded(count);
  }

  /** Waits for what `noteAdded` began. */
  settle(): Promise<void> {
    return this.#keeper.settle();
  }

  /** As `find`, of the generations before the current one. */
  async findEnded(reader: Reader, digests: readonly string[], current: bigint): Promise<ChargeRow[]> {
    if (current === 0n) return [];
    if (gapsIn(this.#filters.spans, current).length > 0) await this.#filters.load(reader);
    const found: ChargeRow[] = [];
    const bytes = digests.map(bytesOf);
    // One set for both loops: another may be loaded in between, and what is in neither would not be looked for.
    const { spans } = this.#filters;
    for (const { filter, ...span } of spans) {
      const some = digests.filter((_, i) => filter.mayHave(bytes[i]!));
      if (some.length > 0) found.push(...(await look(reader, span, some)));
    }
    // What has no filter yet may have them all.
    for (const span of gapsIn(spans, current)) found.push(...(await look(reader, span, digests)));
    return found;
  }
}

const digestOf = ({ digest }: ChargeRow) => digest;

async function look(reader: Reader, { first, last }: Span, digests: readonly string[]): Promise<ChargeRow[]> {
  // Each is sought in each: a range of generations would be read from end to end.
  const generations = Array.from({ length: Number(last - first) + 1 }, (_, i) => first + BigInt(i));
  const found: ChargeRow[] = [];
  for (const some of chunksOf(digests, DIGESTS_PER_LOOK)) {
    const rows = await reader
      .selectFrom("charges")
      .select(["digest", "account_id"])
      .where("generation", "in", generations)
      .where("digest", "in", some.map(bytesOf))
      .execute();
    for (const { digest, account_id } of rows) found.push({ digest: digitsOf(digest), accountId: account_id });
  }
  return found;
}
