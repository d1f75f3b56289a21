import { bls12_381 } from "@noble/curves/bls12-381.js";

import { bytesToScalar, packG1, packG2, unpackG1, unpackG2 } from "../blsPoints.ts";

/** RFC 9380's suite for what seats attest, with a domain of its own: no proof of possession is an attestation. */
export const REPORT_DST = "PENNYBLACK-REPORT-V1_BLS12381G1_XMD:SHA-256_SSWU_RO_";

const { G1, G2, fields } = bls12_381;

/** The public key of an attestation key of 32 bytes: 192 bytes, as the registry keeps it. */
export function attestationPublicKey(attestationKey: Uint8Array): Uint8Array {
  return packG2(G2.Point.BASE.multiply(bytesToScalar(attestationKey)));
}

/** Signs a digest of 32 bytes (a report's, a roll call's) with an attestation key: 96 bytes. */
export function attest(digest: Uint8Array, attestationKey: Uint8Array): Uint8Array {
  return packG1(hashToG1(digest).multiply(bytesToScalar(attestationKey)));
}

/**
 * Whether `signature` is that of `publicKey` over the digest; of all the keys whose sum it is, when both are sums.
 * False for bytes that are no point, for points outside the subgroup, and for infinity. A sum of keys says something
 * only where each key has proved possession: those in the registry have.
 */
export function isAttestation(digest: Uint8Array, publicKey: Uint8Array, signature: Uint8Array): boolean {
  try {
    const pairs = [
      { g1: hashToG1(digest), g2: unpackG2(publicKey) },
      { g1: unpackG1(signature).negate(), g2: G2.Point.BASE },
    ];
    return fields.Fp12.eql(bls12_381.pairingBatch(pairs), fields.Fp12.ONE);
  } catch {
    return false;
  }
}

/** The sum of attestations of one digest, which proves them all. Throws for none, for what is no point, and for infinity. */
export function aggregateAttestations(signatures: Uint8Array[]): Uint8Array {
  return packG1(signatures.map(unpackG1).reduce((sum, point) => sum.add(point), G1.Point.ZERO));
}

/** The sum of public keys. Throws for none, for what is no point, and for infinity. */
export function aggregatePublicKeys(keys: Uint8Array[]): Uint8Array {
  return packG2(keys.map(unpackG2).reduce((sum, point) => sum.add(point), G2.Point.ZERO));
}

function hashToG1(digest: Uint8Array) {
  if (digest.length !== 32) throw new RangeError(`a digest has 32 bytes, this has ${digest.length}`);
  return G1.hashToCurve(digest, { DST: REPORT_DST });
}
