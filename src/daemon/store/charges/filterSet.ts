import type { Reader } from "../tables.ts";
import { DigestFilter } from "./digestFilter.ts";

/** Generations from the first to the last. */
export interface Span {
  first: bigint;
  last: bigint;
}

export interface FilteredSpan extends Span {
  filter: DigestFilter;
}

/** The filters of ended generations in memory. What one says holds for ever, so an old copy is as good as a new one. */
export class FilterSet {
  /** Ascending, none overlaps another. */
  #spans: readonly FilteredSpan[] = [];

  get spans(): readonly FilteredSpan[] {
    return this.#spans;
  }

  /** Takes in what another process, or this one before a restart, has stored. */
  async load(reader: Reader): Promise<void> {
    const stored = await reader.selectFrom("charge_filters").select(["first", "last"]).orderBy("first").execute();
    const spans: FilteredSpan[] = [];
    for (const { first, last } of stored) {
      const known = this.#spans.find((span) => span.first === first && span.last === last);
      if (known) {
        spans.push(known);
        continue;
      }
      const query = reader.selectFrom("charge_filters").select("bits").where("first", "=", first);
      const row = await query.where("last", "=", last).executeTakeFirst();
      // Merged into a larger one in between: its digests are looked up until the next load.
      if (row) spans.push({ first, last, filter: DigestFilter.fromBytes(new Uint8Array(row.bits)) });
    }
    this.#spans = spans;
  }
}

/** Stretches before the current generation that none of the spans has. */
export function gapsIn(spans: readonly Span[], current: bigint): Span[] {
  const gaps: Span[] = [];
  let next = 0n;
  for (const { first, last } of spans) {
    if (first > next) gaps.push({ first: next, last: first - 1n });
    if (last >= next) next = last + 1n;
  }
  if (next < current) gaps.push({ first: next, last: current - 1n });
  return gaps;
}
