import { bytesToUint, concatBytes, uintToBytes } from "../../protocol/bytes.ts";

/** Parts behind one another, each behind its length in 4 bytes. */
export function packParts(parts: readonly Uint8Array[]): Uint8Array {
  return concatBytes(...parts.flatMap((part) => [uintToBytes(BigInt(part.length), 4), part]));
}

/** The parts, at most so many; the last is short when bytes are missing, which whoever reads it finds out. */
export function unpackParts(packed: Uint8Array, most: number): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < packed.length && parts.length < most;) {
    const length = Number(bytesToUint(packed.subarray(at, at + 4)));
    parts.push(packed.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return parts;
}
