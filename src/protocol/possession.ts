import { bls12_381 } from "@noble/curves/bls12-381.js";

import { bytesToScalar, packG1, packG2 } from "./blsPoints.ts";
import type { Address } from "./bytes.ts";
import { bytesToUint, concatBytes, uintToBytes } from "./bytes.ts";
import { publicKeyOf, signDigest } from "./ecdsa.ts";
import { keccak256 } from "./keccak.ts";
import { addressWord, keccakText, separatorOf, typedDigest } from "./typedData.ts";

/** RFC 9380's suite for proofs of possession, with a domain of its own: a report's signature proves nothing here. */
export const POSSESSION_DST = "PENNYBLACK-POP-V1_BLS12381G1_XMD:SHA-256_SSWU_RO_";

const { G1, G2 } = bls12_381;
const POSSESSION_TYPE = keccakText("Possession(address owner)");
const NAME = keccakText("Pennyblack Nodes");

/** Where nodes are registered. */
export interface NodesDomain {
  chainId: bigint;
  nodeRegistry: Address;
}

/** A public key as the registry takes it, and the proof that `owner` may register it. */
export interface ProvedKey {
  publicKey: Uint8Array;
  proof: Uint8Array;
}

/** Proves a node's signing key (secp256k1, 32 bytes): 65 bytes `0x04 | x | y`, and 65 bytes `r | s | v`. */
export function proveSigningKey(domain: NodesDomain, owner: Address, signingKey: Uint8Array): ProvedKey {
  const separator = separatorOf(NAME, domain.chainId, domain.nodeRegistry);
  const struct = keccak256(concatBytes(POSSESSION_TYPE, addressWord(owner)));
  const proof = signDigest(typedDigest(separator, struct), signingKey);
  // Contracts recover with 27 and 28.
  proof[64]! += 27;
  return { publicKey: publicKeyOf(signingKey), proof };
}

/**
 * Proves a node's attestation key (BLS12-381, a scalar of 32 bytes, big endian): 192 bytes in G2 and 96 in G1.
 * Throws RangeError when the scalar is 0 or not below the group's order.
 */
export function proveAttestationKey(domain: NodesDomain, owner: Address, attestationKey: Uint8Array): ProvedKey {
  const scalar = bytesToScalar(attestationKey);
  const publicKey = packG2(G2.Point.BASE.multiply(scalar));
  const registry = addressWord(domain.nodeRegistry);
  const words = [uintToBytes(domain.chainId, 32), registry, addressWord(owner), keccak256(publicKey)];
  const hashed = G1.hashToCurve(keccak256(concatBytes(...words)), { DST: POSSESSION_DST });
  return { publicKey, proof: packG1(hashed.multiply(scalar)) };
}

const ORDER = bls12_381.fields.Fr.ORDER;

/** An attestation key out of 48 random bytes: 16 more than it has, so that all keys are as likely. */
export function attestationKeyFrom(random: Uint8Array): Uint8Array {
  if (random.length !== 48) throw new RangeError("an attestation key is drawn from 48 random bytes");
  return uintToBytes((bytesToUint(random) % (ORDER - 1n)) + 1n, 32);
}
