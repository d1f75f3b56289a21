import { bls12_381 } from "@noble/curves/bls12-381.js";

import { bytesToUint, concatBytes, uintToBytes } from "./bytes.ts";

const { G1, G2, fields } = bls12_381;
const ORDER = fields.Fr.ORDER;

export type G1Point = InstanceType<typeof G1.Point>;
export type G2Point = InstanceType<typeof G2.Point>;

/** Bytes of a key in G2, `x.c0 | x.c1 | y.c0 | y.c1`. */
export const KEY_LENGTH = 192;
/** Bytes of a signature in G1, `x | y`. */
export const SIGNATURE_LENGTH = 96;
const COORDINATE = 48;

/** The number that an attestation key of 32 bytes is. Throws RangeError unless it lies in 1 to the group's order less 1. */
export function bytesToScalar(bytes: Uint8Array): bigint {
  const scalar = bytesToUint(bytes);
  if (bytes.length !== 32 || scalar === 0n || scalar >= ORDER) {
    throw new RangeError("an attestation key is 32 bytes: a number from 1 to the group's order less 1");
  }
  return scalar;
}

/** `x.c0 | x.c1 | y.c0 | y.c1`, 48 bytes each; noble's own encoding has c1 first. Throws for infinity. */
export function packG2(point: G2Point): Uint8Array {
  const { x, y } = finite(point).toAffine();
  return concatBytes(...[x.c0, x.c1, y.c0, y.c1].map((part) => uintToBytes(part, COORDINATE)));
}

/** `x | y`, 48 bytes each. Throws for infinity. */
export function packG1(point: G1Point): Uint8Array {
  const { x, y } = finite(point).toAffine();
  return concatBytes(uintToBytes(x, COORDINATE), uintToBytes(y, COORDINATE));
}

/** Infinity has no coordinates, and is no key and no signature of anybody's. */
function finite<T extends { is0(): boolean }>(point: T): T {
  if (point.is0()) throw new RangeError("the point at infinity is no key and no signature");
  return point;
}

/** Throws unless the bytes are a point of the curve, in the subgroup, other than infinity. */
export function unpackG2(bytes: Uint8Array): G2Point {
  const [x0, x1, y0, y1] = coordinates(bytes, KEY_LENGTH) as [bigint, bigint, bigint, bigint];
  const point = G2.Point.fromAffine({ x: { c0: x0, c1: x1 }, y: { c0: y0, c1: y1 } });
  point.assertValidity();
  return finite(point);
}

/** Throws unless the bytes are a point of the curve, in the subgroup, other than infinity. */
export function unpackG1(bytes: Uint8Array): G1Point {
  const [x, y] = coordinates(bytes, SIGNATURE_LENGTH) as [bigint, bigint];
  const point = G1.Point.fromAffine({ x, y });
  point.assertValidity();
  return finite(point);
}

function coordinates(bytes: Uint8Array, length: number): bigint[] {
  if (bytes.length !== length) throw new RangeError(`a point here has ${length} bytes, this has ${bytes.length}`);
  const values: bigint[] = [];
  for (let at = 0; at < length; at += COORDINATE) values.push(bytesToUint(bytes.subarray(at, at + COORDINATE)));
  return values;
}
