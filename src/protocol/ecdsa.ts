import { secp256k1 } from "@noble/curves/secp256k1.js";

import type { Address } from "./bytes.ts";
import { bytesToUint, compareBytes, concatBytes, toHex, uintToBytes } from "./bytes.ts";
import { keccak256 } from "./keccak.ts";

const HALF_ORDER = uintToBytes(secp256k1.Point.Fn.ORDER >> 1n, 32);

/** 65 bytes R || S || V with V in {0, 1} and low S, as it stands in envelopes. */
export type Signature65 = Uint8Array;

/** `key` is the 65-byte uncompressed public key that begins with 0x04. */
export function publicKeyToAddress(key: Uint8Array): Address {
  return toHex(keccak256(key.subarray(1)).subarray(12));
}

/** The 65-byte uncompressed public key of a 32-byte private key. */
export function publicKeyOf(privateKey: Uint8Array): Uint8Array {
  return secp256k1.getPublicKey(privateKey, false);
}

export function addressOf(privateKey: Uint8Array): Address {
  return publicKeyToAddress(publicKeyOf(privateKey));
}

/** As `signDigest` below, to the byte; compiled code may take its place where much is signed. */
export type Sign = (digest: Uint8Array, privateKey: Uint8Array) => Signature65;

/** Signs a 32-byte digest (RFC 6979, low S). */
export function signDigest(digest: Uint8Array, privateKey: Uint8Array): Signature65 {
  const signature = secp256k1.sign(digest, privateKey, { prehash: false, format: "recovered" });
  return concatBytes(signature.subarray(1), signature.subarray(0, 1));
}

/** As `recoverAddress` below; compiled code may take its place where many signatures are checked. */
export type Recover = (digest: Uint8Array, signature: Uint8Array) => Address | undefined;

/** The account whose key signed `digest`, or undefined when the bytes are no signature. V may be 0, 1, 27 or 28. */
export function recoverAddress(digest: Uint8Array, signature: Uint8Array): Address | undefined {
  if (signature.length !== 65) return undefined;
  const v = signature[64]!;
  const recovery = v >= 27 ? v - 27 : v;
  if (recovery > 1) return undefined;
  try {
    const bytes = concatBytes(Uint8Array.of(recovery), signature.subarray(0, 64));
    const key = secp256k1.recoverPublicKey(bytes, digest, { prehash: false });
    return publicKeyToAddress(secp256k1.Point.fromBytes(key).toBytes(false));
  } catch {
    return undefined;
  }
}

/** A copy of a 65-byte signature with the lower S; V, in whichever spelling, turns with it. */
export function withLowS(signature: Uint8Array): Uint8Array {
  const copy = signature.slice();
  if (hasLowS(signature)) return copy;
  const s = secp256k1.Point.Fn.ORDER - bytesToUint(signature.subarray(32, 64));
  // Not below the order: nothing that could be turned.
  if (s < 0n) return copy;
  copy.set(uintToBytes(s, 32), 32);
  // 0 and 1, or 27 and 28.
  copy[64] = copy[64]! < 27 ? copy[64]! ^ 1 : 55 - copy[64]!;
  return copy;
}

/** Each signature has a twin with the other S; only the low one is taken, so that bytes name what they sign. */
export function hasLowS(signature: Uint8Array): boolean {
  return compareBytes(signature.subarray(32, 64), HALF_ORDER) <= 0;
}
