import { sha256 } from "@noble/hashes/sha2.js";

import { bytesToUint } from "./bytes.ts";

/**
 * XIP-79 `stable`: the same topic goes to the same node while the set of nodes stays. Returns every node once, the
 * chosen one first and then those to fail over to. Skip the unavailable ones.
 * @param topic kind byte and identifier; only the identifier is hashed
 */
export function stableOrder(topic: Uint8Array, nodeIds: readonly number[]): number[] {
  const sorted = [...nodeIds].sort((a, b) => a - b);
  if (sorted.length === 0) return [];
  const hash = bytesToUint(sha256(topic.subarray(1)).subarray(0, 4));
  const spacing = 0xffffffffn / BigInt(sorted.length);
  const first = sorted.findIndex((_, i) => hash < BigInt(i) * spacing);
  const start = first < 0 ? 0 : first;
  return sorted.map((_, i) => sorted[(start + i) % sorted.length]!);
}
