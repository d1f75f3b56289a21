import { bls12_381 } from "@noble/curves/bls12-381.js";

import { bytesToUint, concatBytes, fromHex, toHex, uintToBytes } from "../../src/protocol/bytes.ts";
import type { Hex } from "../../src/protocol/bytes.ts";

const { G1, G2, fields } = bls12_381;

export type G1Point = InstanceType<typeof G1.Point>;
export type G2Point = InstanceType<typeof G2.Point>;

/** `x.c0 | x.c1 | y.c0 | y.c1`, 48 bytes each. Infinity is all zero. */
export function packKey(point: G2Point): Hex {
  if (point.is0()) return toHex(new Uint8Array(192));
  const { x, y } = point.toAffine();
  return toHex(concatBytes(...[x.c0, x.c1, y.c0, y.c1].map((part) => uintToBytes(part, 48))));
}

export function unpackKey(key: string): G2Point {
  const [x0, x1, y0, y1] = [0, 48, 96, 144].map((at) => bytesToUint(fromHex(key).subarray(at, at + 48)));
  return G2.Point.fromAffine({ x: { c0: x0!, c1: x1! }, y: { c0: y0!, c1: y1! } });
}

/** `x | y`, 48 bytes each. */
export function packSignature(point: G1Point): Hex {
  const { x, y } = point.toAffine();
  return toHex(concatBytes(uintToBytes(x, 48), uintToBytes(y, 48)));
}

export function unpackSignature(signature: string): G1Point {
  const bytes = fromHex(signature);
  return G1.Point.fromAffine({ x: bytesToUint(bytes.subarray(0, 48)), y: bytesToUint(bytes.subarray(48)) });
}

export const sumOfKeys = (points: G2Point[]): G2Point => points.reduce((a, b) => a.add(b), G2.Point.ZERO);

/** On the curve, but not in the subgroup: nearly every point that was not made from the generator. */
export function outsideG1(): G1Point {
  const { Fp } = fields;
  for (let x = 1n; ; x++) {
    try {
      const point = G1.Point.fromAffine({ x, y: Fp.sqrt(Fp.add(Fp.pow(x, 3n), 4n)) });
      if (!point.isTorsionFree()) return point;
    } catch {
      // No square root: no point with this x.
    }
  }
}

export function outsideG2(): G2Point {
  const { Fp2 } = fields;
  for (let c0 = 1n; ; c0++) {
    try {
      const x = { c0, c1: 0n };
      const point = G2.Point.fromAffine({ x, y: Fp2.sqrt(Fp2.add(Fp2.pow(x, 3n), { c0: 4n, c1: 4n })) });
      if (!point.isTorsionFree()) return point;
    } catch {
      // No square root: no point with this x.
    }
  }
}

/** What a thief would register to sign for the victim: own key less the victim's, whose sum with it is the own one. */
export function rogueKey(victim: string, ownSecret: bigint): Hex {
  return packKey(G2.Point.BASE.multiply(ownSecret).subtract(unpackKey(victim)));
}
