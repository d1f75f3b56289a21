/** Blocks that most endpoints search for events at once; some only fewer. */
const BLOCKS_PER_CALL = 10_000;
const FEWEST_BLOCKS = 500;
/** Of a search that goes back; some endpoints search no more for those who do not pay. */
const FEWEST_BLOCKS_BACK = 10;
/** Of a search that goes back: some days of a chain with a block every two seconds, or a quarter of an hour where spans are smallest. */
const MOST_CALLS = 50;

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
 * far as some calls go. Undefined where none was found. Rejects when the endpoint takes not even small spans, and when it does not
 * answer.
 */
export async function newestInSpans<T>(
  query: (from: number, to: number) => Promise<readonly T[]>,
  first: number,
  last: number,
): Promise<T | undefined> {
  let span = last - first + 1;
  let to = last;
  for (let calls = 0; to >= first && calls < MOST_CALLS; calls++) {
    const from = Math.max(first, to - span + 1);
    try {
      const newest = (await query(from, to)).at(-1);
      if (newest !== undefined) return newest;
      to = from - 1;
    } catch (error) {
      if (span <= FEWEST_BLOCKS_BACK || !refusesRange(error)) throw error;
      span = Math.max(FEWEST_BLOCKS_BACK, Math.min(BLOCKS_PER_CALL, Math.floor(span / 4)));
    }
  }
  return undefined;
}

/** Throws what the endpoint refused with when no smaller span is worth a try. */
function narrower(span: number, refusal: unknown): number {
  if (span <= FEWEST_BLOCKS) throw refusal;
  return Math.max(FEWEST_BLOCKS, Math.floor(span / 2));
}

const ABOUT_RANGES =
  /\branges?\b|\bblocks?\b|\bresults\b|more than \d+|response size|too large|limit exceeded|time-?out|timed out|no answer within|(HTTP|server response) 4(00|13)/i;
const ABOUT_RATES = /\brates?\b|per (second|minute|day)|too many requests|quota|\b429\b/i;

/** Whether an endpoint refused a search because it is of too many blocks: there is no code for it, and each has its own words. */
function refusesRange(refusal: unknown): boolean {
  const words = answerOf(refusal);
  return ABOUT_RANGES.test(words) && !ABOUT_RATES.test(words);
}

/** The endpoint's own words, as ethers passes them on; without the call, which ethers repeats. */
function answerOf(refusal: unknown): string {
  const { error, info, shortMessage, message } = refusal as {
    error?: { message?: string };
    info?: { error?: { message?: string }; responseBody?: string };
    shortMessage?: string;
    message?: string;
  };
  return error?.message ?? info?.error?.message ?? [shortMessage ?? message, info?.responseBody].join(" ");
}
