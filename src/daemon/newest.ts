/** Doubling and halving over 64 bits. */
const MOST_STEPS = 200;

/**
 * The highest sequence id of a log that can only be asked what comes next, in a number of questions that grows with the
 * logarithm of what lies above `from`. Answers `from` when nothing does.
 * @param next the first sequence id after another one; undefined when there is none
 */
export async function newestSequenceId(
  next: (after: bigint) => Promise<bigint | undefined>,
  from: bigint,
): Promise<bigint> {
  let low = await next(from);
  if (low === undefined) return from;
  let high: bigint | undefined;
  let step = 1n;
  for (let i = 0; i < MOST_STEPS && (high === undefined || low < high); i++) {
    // Nothing is above `high`; something is at `low`.
    const probe: bigint = high === undefined ? low + step : (low + high) / 2n;
    const found = await next(probe);
    if (found === undefined) high = probe;
    else low = found;
    step *= 2n;
  }
  return low;
}
