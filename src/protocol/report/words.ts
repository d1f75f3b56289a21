import { concatBytes, uintToBytes } from "../bytes.ts";

/** A number as a word of 32 bytes that has to fit `bits`. Throws RangeError when it does not. */
export function uintWord(value: bigint, bits: 32 | 64 | 128): Uint8Array {
  return concatBytes(new Uint8Array(32 - bits / 8), uintToBytes(value, bits / 8));
}

/** 32 bytes as they are. Throws RangeError for another length. */
export function wordOf(bytes: Uint8Array): Uint8Array {
  if (bytes.length !== 32) throw new RangeError(`a word has 32 bytes, this has ${bytes.length}`);
  return bytes;
}
