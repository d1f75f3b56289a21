/** Blocks that most endpoints search for events at once; some only fewer. */
const BLOCKS_PER_CALL = 10_000;
const FEWEST_BLOCKS = 500;

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
      if (span <= FEWEST_BLOCKS) throw error;
      span = Math.max(FEWEST_BLOCKS, Math.floor(span / 2));
    }
  }
  return found;
}
