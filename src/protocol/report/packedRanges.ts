import { bytesToUint, concatBytes, fromHex, toHex, uintToBytes } from "../bytes.ts";
import { ProtocolError } from "../errors.ts";
import type { LogRange } from "./leaves.ts";

/** `originator 4 | first sequence id 8 | last 8 | first minute 4 | last minute 4 | count 8 | root 32`. */
export const RANGE_ROW_LENGTH = 68;

/** Ranges one after another, as EpochReports takes them, there with the index of a payer report after each. */
export function packRange(range: LogRange): Uint8Array {
  return concatBytes(
    uintToBytes(BigInt(range.originatorId), 4),
    uintToBytes(range.firstSequenceId, 8),
    uintToBytes(range.lastSequenceId, 8),
    uintToBytes(BigInt(range.firstMinute), 4),
    uintToBytes(BigInt(range.lastMinute), 4),
    uintToBytes(range.count, 8),
    fromHex(range.root),
  );
}

/** Throws ProtocolError `malformed_report` when the rows are not whole, or do not ascend by originator. */
export function unpackRanges(rows: Uint8Array): LogRange[] {
  if (rows.length % RANGE_ROW_LENGTH !== 0) {
    throw new ProtocolError("malformed_report", `ranges have rows of ${RANGE_ROW_LENGTH} bytes`);
  }
  const ranges: LogRange[] = [];
  for (let at = 0; at < rows.length; at += RANGE_ROW_LENGTH) {
    const range = unpackRange(rows.subarray(at, at + RANGE_ROW_LENGTH));
    if (ranges.length > 0 && range.originatorId <= ranges.at(-1)!.originatorId) {
      throw new ProtocolError("malformed_report", "ranges ascend by originator, each once");
    }
    ranges.push(range);
  }
  return ranges;
}

function unpackRange(row: Uint8Array): LogRange {
  const number = (from: number, to: number) => bytesToUint(row.subarray(from, to));
  return {
    originatorId: Number(number(0, 4)),
    firstSequenceId: number(4, 12),
    lastSequenceId: number(12, 20),
    firstMinute: Number(number(20, 24)),
    lastMinute: Number(number(24, 28)),
    count: number(28, 36),
    root: toHex(row.subarray(36)),
  };
}
