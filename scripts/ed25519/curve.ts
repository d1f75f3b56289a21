/** The numbers of edwards25519, all of them derived from its definition in RFC 8032, section 5.1. */

/** The field's prime. */
export const P = 2n ** 255n - 19n;
/** The order of the base point. */
export const L = 2n ** 252n + 27742317777372353535851937790883648493n;

/** Of -x^2 + y^2 = 1 + D x^2 y^2. */
export const D = modP(-121665n * inverse(121666n));
/** One of the two; the generator of the contract corrects a candidate for a root with it. */
export const SQRT_OF_MINUS_ONE = power(2n, (P - 1n) / 4n);

/** x and y. */
export type Affine = readonly [bigint, bigint];
export const IDENTITY: Affine = [0n, 1n];
export const BASE = pointWithEvenX(modP(4n * inverse(5n)))!;

export function modP(value: bigint): bigint {
  return ((value % P) + P) % P;
}

export function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (let square = modP(base), rest = exponent; rest > 0n; rest >>= 1n, square = (square * square) % P) {
    if (rest & 1n) result = (result * square) % P;
  }
  return result;
}

export function inverse(value: bigint): bigint {
  return power(value, P - 2n);
}

/** The point with this y and an even x, if there is one. */
export function pointWithEvenX(y: bigint): Affine | undefined {
  const u = modP(y * y - 1n);
  const v = modP(D * y * y + 1n);
  const square = modP(u * inverse(v));
  // p is 5 modulo 8: if a root exists, it is this power or this power times a root of -1.
  const candidate = power(square, (P + 3n) / 8n);
  const root = [candidate, modP(candidate * SQRT_OF_MINUS_ONE)].find((x) => modP(x * x) === square);
  if (root === undefined) return undefined;
  return [root & 1n ? P - root : root, y];
}

/** Complete: right for any two points of the curve. */
export function add([x1, y1]: Affine, [x2, y2]: Affine): Affine {
  const t = modP(D * modP(x1 * x2) * modP(y1 * y2));
  const x = modP((x1 * y2 + y1 * x2) * inverse(1n + t));
  const y = modP((y1 * y2 + x1 * x2) * inverse(1n - t));
  return [x, y];
}

export function multiply(scalar: bigint, point: Affine): Affine {
  let sum = IDENTITY;
  for (let doubled = point, rest = scalar; rest > 0n; rest >>= 1n, doubled = add(doubled, doubled)) {
    if (rest & 1n) sum = add(sum, doubled);
  }
  return sum;
}

/** The two y of the four points of order 8: L times a point leaves its part of small order. */
export function ysOfOrderEight(): [bigint, bigint] {
  for (let y = 2n; ; y++) {
    const point = pointWithEvenX(y);
    if (!point) continue;
    const torsion = multiply(L, point);
    // A point of order 8 is one whose fourfold is (0, -1), the only point of order 2.
    if (multiply(4n, torsion)[1] === P - 1n) return [torsion[1], P - torsion[1]];
  }
}
