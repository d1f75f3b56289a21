import { keccak_256 } from "@noble/hashes/sha3.js";
import { createKeccak } from "hash-wasm";

/** Compiled code, some six times as fast; undefined where a page's policy forbids WebAssembly. */
const compiled = await createKeccak(256).catch(() => undefined);

/** Keccak-256 of the parts one after another. */
export const keccak256: (...parts: Uint8Array[]) => Uint8Array = compiled
  ? (...parts) => {
      compiled.init();
      for (const part of parts) compiled.update(part);
      return compiled.digest("binary");
    }
  : interpretedKeccak256;

/** The same without WebAssembly. */
export function interpretedKeccak256(...parts: Uint8Array[]): Uint8Array {
  const hash = keccak_256.create();
  for (const part of parts) hash.update(part);
  return hash.digest();
}
