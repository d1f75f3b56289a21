/**
 * Ed25519ph (RFC 8032) as the contract Ed25519Verifier takes it, bit for bit, and as libxmtp does, but for degenerate
 * public keys. noble's own `verify` is not that: it multiplies both sides by the cofactor, and so takes signatures that
 * libxmtp and the contract refuse.
 */
import { ed25519 } from "@noble/curves/ed25519.js";
import { sha512 } from "@noble/hashes/sha2.js";

import { bytesToUint, concatBytes, equalBytes, utf8ToBytes } from "../bytes.ts";

/** What libxmtp's installations sign in. */
export const INSTALLATION_CONTEXT = utf8ToBytes("IDENTITY UPDATE SIGNATURE");

const { Point } = ed25519;
const L = Point.Fn.ORDER;

/** What RFC 8032 calls dom2: `prehashed` for Ed25519ph, not for Ed25519ctx. */
export function signatureDomain(context: Uint8Array, prehashed: boolean): Uint8Array {
  const head = utf8ToBytes("SigEd25519 no Ed25519 collisions");
  return concatBytes(head, Uint8Array.of(prehashed ? 1 : 0, context.length), context);
}

/** Whether an installation's signature over `text` holds. Takes bytes of any length; never throws. */
export function verifyInstallationSignature(publicKey: Uint8Array, signature: Uint8Array, text: Uint8Array): boolean {
  return verifyCofactorless(publicKey, signature, signatureDomain(INSTALLATION_CONTEXT, true), sha512(text));
}

/**
 * Whether s B - k A, encoded, is R byte for byte, with k = SHA-512(domain | R | A | message) mod L. False for s >= L,
 * and for public keys of small order or with an encoding that is not canonical, which dalek takes and no honest client
 * has.
 */
export function verifyCofactorless(
  publicKey: Uint8Array,
  signature: Uint8Array,
  domain: Uint8Array,
  message: Uint8Array,
): boolean {
  if (publicKey.length !== 32 || signature.length !== 64) return false;
  const r = signature.subarray(0, 32);
  const s = littleEndian(signature.subarray(32));
  if (s >= L) return false;
  const key = decodedKey(publicKey);
  if (!key) return false;
  const k = littleEndian(sha512(concatBytes(domain, r, publicKey, message))) % L;
  const expected = Point.BASE.multiplyUnsafe(s).subtract(key.multiplyUnsafe(k));
  return equalBytes(expected.toBytes(), r);
}

function decodedKey(publicKey: Uint8Array): InstanceType<typeof Point> | undefined {
  try {
    // Strict: y below p, and no sign on x = 0.
    const key = Point.fromBytes(publicKey, false);
    return key.isSmallOrder() ? undefined : key;
  } catch {
    return undefined;
  }
}

function littleEndian(bytes: Uint8Array): bigint {
  return bytesToUint(bytes.toReversed());
}
