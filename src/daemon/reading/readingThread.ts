import { readEnvelope } from "./readEnvelope.ts";
import type { ReadingTask } from "./readingPool.ts";

/** Runs in a thread of the reading pool. */
export default function read({ bytes, ends, retentionDays }: ReadingTask) {
  return ends.map((end, i) => readEnvelope(bytes.subarray(ends[i - 1] ?? 0, end), retentionDays));
}
