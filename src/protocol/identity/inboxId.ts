import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";

import { utf8ToBytes } from "../bytes.ts";

/** Lowercase hex of `sha256(identifier || decimal nonce)`, 64 digits without 0x. SDKs use nonce 1. */
export function inboxIdOf(identifier: string, nonce: bigint): string {
  return bytesToHex(sha256(utf8ToBytes(identifier + nonce.toString())));
}
