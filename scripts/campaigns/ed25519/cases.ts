/** Signatures of every kind that a verifier could judge wrongly, drawn from a seed. */
import { ed25519, ed25519ph } from "@noble/curves/ed25519.js";
import { sha512 } from "@noble/hashes/sha2.js";

import type { Hex } from "../../../src/protocol/bytes.ts";
import { bytesToUint, concatBytes, toHex, uintToBytes, utf8ToBytes } from "../../../src/protocol/bytes.ts";
import { INSTALLATION_CONTEXT, signatureDomain } from "../../../src/protocol/identity/ed25519.ts";

const { Point } = ed25519;
type Point = InstanceType<typeof Point>;
const L = Point.Fn.ORDER;
const P = Point.Fp.ORDER;
/** Around the block boundaries of SHA-512, with its padding of 17 bytes, and the lengths that installations sign. */
export const TEXT_LENGTHS = [
  0, 1, 63, 110, 111, 112, 127, 128, 129, 239, 240, 255, 256, 330, 367, 368, 495, 496, 1_000,
];

export interface SignatureCase {
  publicKey: Uint8Array;
  signature: Uint8Array;
  text: Uint8Array;
}

/** What the contract's `verify` is called with. */
export function verifyArguments({ publicKey, signature, text }: SignatureCase): [Hex, Hex, Hex, Hex] {
  return [toHex(publicKey), toHex(signature.subarray(0, 32)), toHex(signature.subarray(32)), toHex(text)];
}

export const KINDS = [
  "valid",
  "other key",
  "other r",
  "other s",
  "other text",
  "s not reduced",
  "torsion",
  "edge values",
  "key garbage",
  "garbage",
] as const;
export type Kind = (typeof KINDS)[number];

/** Where noble, which multiplies by the cofactor, may take what a cofactorless verifier refuses. */
export const isCofactored = (kind: Kind) => kind === "torsion" || kind === "edge values";

export const littleEndian = (value: bigint) => uintToBytes(value, 32).toReversed();
const fromLittleEndian = (bytes: Uint8Array) => bytesToUint(bytes.toReversed());

/** The eight points of small order: multiples of one of order 8. */
export const SMALL_ORDER: Point[] = smallOrderPoints();

function smallOrderPoints(): Point[] {
  for (let y = 2n; ; y++) {
    const point = pointOf(littleEndian(y));
    // noble multiplies by less than L only.
    const torsion = point?.multiplyUnsafe(L - 1n).add(point);
    if (!torsion || torsion.double().double().is0()) continue;
    const points = [Point.ZERO];
    while (points.length < 8) points.push(points.at(-1)!.add(torsion));
    return points;
  }
}

function pointOf(bytes: Uint8Array): Point | undefined {
  try {
    return Point.fromBytes(bytes, false);
  } catch {
    return undefined;
  }
}

/** y that are at the ends of the field, of small order, or not reduced; with either sign they are encodings. */
export const EDGE_ENCODINGS: Uint8Array[] = [
  ...[0n, 1n, 2n, 3n, P - 2n, P - 1n, P, P + 1n, P + 3n, P + 18n].map(littleEndian),
  ...SMALL_ORDER.map((point) => point.toBytes()),
].flatMap((bytes) => [bytes, withSign(bytes)]);

function withSign(bytes: Uint8Array): Uint8Array {
  const signed = bytes.slice();
  signed[31]! ^= 0x80;
  return signed;
}

export interface Secrets {
  /** Of the key and of R, below L. */
  key: bigint;
  nonce: bigint;
  /** What is added to the key and to R. */
  keyTorsion?: Point;
  nonceTorsion?: Point;
}

/** A signature that holds once both sides are multiplied by 8; without, only if the torsion happens to cancel. */
export function signWithTorsion(secrets: Secrets, text: Uint8Array): SignatureCase {
  const { key, nonce, keyTorsion = Point.ZERO, nonceTorsion = Point.ZERO } = secrets;
  const publicKey = Point.BASE.multiplyUnsafe(key).add(keyTorsion).toBytes();
  const r = Point.BASE.multiplyUnsafe(nonce).add(nonceTorsion).toBytes();
  const domain = signatureDomain(INSTALLATION_CONTEXT, true);
  const k = fromLittleEndian(sha512(concatBytes(domain, r, publicKey, sha512(text)))) % L;
  return { publicKey, signature: concatBytes(r, littleEndian((nonce + k * key) % L)), text };
}

/** A libxmtp installation's own signature. */
export function signAsInstallation(secretKey: Uint8Array, text: Uint8Array): SignatureCase {
  const signature = ed25519ph.sign(text, secretKey, { context: INSTALLATION_CONTEXT });
  return { publicKey: ed25519.getPublicKey(secretKey), signature, text };
}

/** Draws that a seed repeats: hashes of the seed and a counter. */
export class Draws {
  readonly #seed: string;
  #count = 0;

  constructor(seed: string) {
    this.#seed = seed;
  }

  bytes(length: number): Uint8Array {
    const parts = [];
    for (let left = length; left > 0; left -= 64) parts.push(sha512(utf8ToBytes(`${this.#seed}:${this.#count++}`)));
    return concatBytes(...parts).subarray(0, length);
  }

  below(limit: number): number {
    return Number(bytesToUint(this.bytes(16)) % BigInt(limit));
  }

  scalar(): bigint {
    return (bytesToUint(this.bytes(48)) % (L - 1n)) + 1n;
  }

  of<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!;
  }
}

export function flipBit(bytes: Uint8Array, bit: number): Uint8Array {
  const flipped = bytes.slice();
  flipped[bit >> 3]! ^= 1 << (bit & 7);
  return flipped;
}

/** One case of a kind. */
export function drawCase(draws: Draws, kind: Kind): SignatureCase {
  const text = draws.bytes(draws.below(2) === 0 ? draws.of(TEXT_LENGTHS) : 1 + draws.below(700));
  const valid = signAsInstallation(draws.bytes(32), text);
  const { publicKey, signature } = valid;
  switch (kind) {
    case "valid":
      return valid;
    case "other key":
      return { ...valid, publicKey: flipBit(publicKey, draws.below(256)) };
    case "other r":
      return { ...valid, signature: flipBit(signature, draws.below(256)) };
    case "other s":
      return { ...valid, signature: flipBit(signature, 256 + draws.below(256)) };
    case "other text":
      return { ...valid, text: text.length === 0 ? Uint8Array.of(0) : flipBit(text, draws.below(8 * text.length)) };
    case "s not reduced": {
      const s = fromLittleEndian(signature.subarray(32)) + L * BigInt(1 + draws.below(14));
      return { ...valid, signature: concatBytes(signature.subarray(0, 32), littleEndian(s)) };
    }
    case "torsion": {
      const torsion = () => (draws.below(3) === 0 ? Point.ZERO : draws.of(SMALL_ORDER));
      const secrets = { key: draws.scalar(), nonce: draws.below(8) === 0 ? 0n : draws.scalar() };
      return signWithTorsion({ ...secrets, keyTorsion: torsion(), nonceTorsion: torsion() }, text);
    }
    case "edge values": {
      const s = draws.of([0n, 1n, L - 1n, L, L + 1n, 2n ** 252n, 2n ** 253n, 2n ** 256n - 1n]);
      const r = draws.below(2) === 0 ? draws.of(EDGE_ENCODINGS) : signature.subarray(0, 32);
      const key = draws.below(3) === 0 ? publicKey : draws.of(EDGE_ENCODINGS);
      return { publicKey: key, signature: concatBytes(r, littleEndian(s)), text };
    }
    case "key garbage":
      return { ...valid, publicKey: draws.bytes(32) };
    case "garbage": {
      const s = littleEndian(draws.scalar());
      return { publicKey: draws.bytes(32), signature: concatBytes(draws.bytes(32), s), text };
    }
  }
}
