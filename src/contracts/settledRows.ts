import type { Address } from "../protocol/bytes.ts";
import { bytesToUint, fromHex, toHex } from "../protocol/bytes.ts";

/** `channel 20 | feesSpent 8 | stampsSigned 8` */
const ROW_LENGTH = 36;

/** What the rows of a `Settled` event say: the channels that a settlement changed, with their fees after it. */
export function readSettledRows(rows: string): { channel: Address; feesSpent: bigint }[] {
  const bytes = fromHex(rows);
  return Array.from({ length: Math.floor(bytes.length / ROW_LENGTH) }, (_, i) => {
    const row = bytes.subarray(i * ROW_LENGTH, (i + 1) * ROW_LENGTH);
    return { channel: toHex(row.subarray(0, 20)), feesSpent: bytesToUint(row.subarray(20, 28)) };
  });
}
