/** Blocks that most endpoints search for events at once; some only fewer. */
const BLOCKS_PER_CALL = 10_000;
const FEWEST_BLOCKS = 500;
/** Of a search that goes back: some weeks of a chain with a block every two seconds. */
const MOST_SPANS = 200;

/** Events of many blocks, asked for in spans that the endpoint takes. Rejects when it takes not even small ones. */
export async function queryInSpans<T>(
  query: (from: number, to: number) => Promise<readonly T[]>,
  first: number,
  last: number,
): Promise<T[]> {
  const found: T[] = [];
  let span = BLOCKS_PER_CALL;
  for (let from = first; from <= last;) {
    const to = Math.min(last, from + span - 1);
    try {
      found.push(...(await query(from, to)));
      from = to + 1;
    } catch (error) {
      span = narrower(span, error);
    }
  }
  return found;
}

/**
 * The newest event of many blocks: asked for at once where the endpoint takes that, else span by span from the last block back, so
 * far as some spans go. Undefined where there is none. Rejects when the endpoint takes not even small spans.
 */
export async function newestInSpans<T>(
  query: (from: number, to: number) => Promise<readonly T[]>,
  first: number,
  last: number,
): Promise<T | undefined> {
  const whole = await query(first, last).catch(() => undefined);
  if (whole) return whole.at(-1);
  let span = BLOCKS_PER_CALL;
  let to = last;
  for (let spans = 0; to >= first && spans < MOST_SPANS; spans++) {
    const from = Math.max(first, to - span + 1);
    try {
      const newest = (await query(from, to)).at(-1);
      if (newest !== undefined) return newest;
      to = from - 1;
    } catch (error) {
      span = narrower(span, error);
    }
  }
  return undefined;
}

/** Throws what the endpoint refused with when no smaller span is worth a try. */
function narrower(span: number, refusal: unknown): number {
  if (span <= FEWEST_BLOCKS) throw refusal;
  return Math.max(FEWEST_BLOCKS, Math.floor(span / 2));
}
