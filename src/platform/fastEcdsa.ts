import { randomBytes } from "node:crypto";
import { createRequire } from "node:module";

import type secp256k1 from "secp256k1";

import { concatBytes } from "../protocol/bytes.ts";
import type { Recover, Sign } from "../protocol/ecdsa.ts";
import { publicKeyToAddress, recoverAddress, signDigest } from "../protocol/ecdsa.ts";

/** Undefined where the package brings no binary for this machine; what it has instead is slower than ours. */
function loadNative(): typeof secp256k1 | undefined {
  try {
    const native = createRequire(import.meta.url)("secp256k1/bindings") as typeof secp256k1;
    // Blinds how long signing takes and what it draws; the signatures are the same.
    native.contextRandomize(randomBytes(32));
    return native;
  } catch {
    return undefined;
  }
}

function nativeRecover({ ecdsaRecover }: typeof secp256k1): Recover {
  return (digest, signature) => {
    if (signature.length !== 65) return undefined;
    const v = signature[64]!;
    const recovery = v >= 27 ? v - 27 : v;
    if (recovery > 1) return undefined;
    try {
      return publicKeyToAddress(ecdsaRecover(signature.subarray(0, 64), recovery, digest, false));
    } catch {
      return undefined;
    }
  };
}

function nativeSign({ ecdsaSign }: typeof secp256k1): Sign {
  return (digest, privateKey) => {
    const { signature, recid } = ecdsaSign(digest, privateKey);
    return concatBytes(signature, Uint8Array.of(recid));
  };
}

const native = loadNative();

/** Whether compiled code makes and checks signatures. Without it each takes about a millisecond. */
export const isNative = native !== undefined;

/** As `recoverAddress`, some twenty times as fast where compiled code loads. */
export const fastRecoverAddress: Recover = native ? nativeRecover(native) : recoverAddress;

/** As `signDigest`, the same bytes, more than ten times as fast where compiled code loads. */
export const fastSignDigest: Sign = native ? nativeSign(native) : signDigest;
