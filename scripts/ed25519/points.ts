/**
 * Points in Yul: (X, Y, Z, T) stands for x = X / Z, y = Y / Z, and T Z = X Y. The formulas of Hisil, Wong, Carter and
 * Dawson are complete on this curve: they are right for equal points, for the identity and for points of small order,
 * so nothing branches on what is added. Sums are reduced only where they would pass 2^256; mulmod takes the rest.
 */
import { BASE, D, IDENTITY, L, P, SQRT_OF_MINUS_ONE, add, inverse, modP } from "./curve.ts";
import { hex } from "./yul.ts";

/** Scalars are below 2^253: 51 digits of 5 bits, as below. */
const DIGIT_BITS = 5;
const DIGITS = 51;
/** Digits are -16 to 15, so that a table needs 16 additions for 32 entries. */
const ENTRIES = 2 ** DIGIT_BITS;
const CENTRE = ENTRIES / 2;
/** (Y - X, Y + X, 2 D T, 2 Z): what a point adds to another with. */
const ENTRY_BYTES = 128;
export const TABLE_BYTES = ENTRIES * ENTRY_BYTES;
/** Added to a scalar, it makes the digits above 0 to 31: that is where an entry is in its table. */
const DIGIT_OFFSET = (BigInt(CENTRE) * (BigInt(ENTRIES) ** BigInt(DIGITS) - 1n)) / BigInt(ENTRIES - 1);
if (L + DIGIT_OFFSET >= 2n ** BigInt(DIGIT_BITS * DIGITS)) throw new Error("the digits do not hold every scalar");

export interface PointMemory {
  /** Multiples of -A. */
  keyTable: number;
  /** Multiples of B. */
  baseTable: number;
}

/** The function `power(base, exponent) -> result`, modulo p. */
export function powerFunction(): string {
  return `// By the precompile at 5; the 192 bytes from 0 are its question and its answer. It takes every
// question, so that it fails only without gas: that is no answer about the signature, and has to end
// the call like any lack of gas. Arguments are evaluated from the last to the first: the call is made
// before its answer is measured.
function power(base, exponent) -> result {
    mstore(0x00, 32) mstore(0x20, 32) mstore(0x40, 32)
    mstore(0x60, base) mstore(0x80, exponent) mstore(0xa0, ${hex(P)})
    if iszero(and(eq(returndatasize(), 32), staticcall(gas(), 5, 0, 192, 0, 32))) { revert(0, 0) }
    result := mload(0)
}`;
}

/** The function `decompress(y, sign) -> x`: 0 when there is no such point. y has to be below p. */
export function decompressFunction(): string {
  return `// RFC 8032, section 5.1.3. The two points with x = 0 are of small order and count as none.
function decompress(y, sign) -> x {
    let p := ${hex(P)}
    let yy := mulmod(y, y, p)
    let u := addmod(yy, ${hex(P - 1n)}, p)
    let v := add(mulmod(yy, ${hex(D)}, p), 1)
    let v3 := mulmod(mulmod(v, v, p), v, p)
    let uv3 := mulmod(u, v3, p)
    // A root of u / v, if it has one, up to a root of -1.
    x := mulmod(uv3, power(mulmod(mulmod(v3, v, p), uv3, p), ${hex((P - 5n) / 8n)}), p)
    let vxx := mulmod(v, mulmod(x, x, p), p)
    if iszero(eq(vxx, u)) {
        if iszero(eq(add(vxx, u), p)) { x := 0 leave }
        x := mulmod(x, ${hex(SQRT_OF_MINUS_ONE)}, p)
    }
    if iszero(x) { leave }
    if xor(and(x, 1), sign) { x := sub(p, x) }
}`;
}

/**
 * Statements that add the entry at `pointer` to (X, Y, Z, T).
 *
 * @param options.entryZ Whether the entry has a fourth word; without, it is 1, and the other three are halved.
 * @param options.setT Whether T is needed afterwards; doubling does without.
 */
function addEntry(pointer: string, options: { entryZ: boolean; setT: boolean }): string {
  return `{
    let entry := ${pointer}
    let a := mulmod(sub(add(Y, p), X), mload(entry), p)
    let b := mulmod(add(Y, X), mload(add(entry, 0x20)), p)
    let c := mulmod(T, mload(add(entry, 0x40)), p)
    let d := ${options.entryZ ? "mulmod(Z, mload(add(entry, 0x60)), p)" : "Z"}
    let e := sub(add(b, p), a) let f := sub(add(d, p), c) let g := add(d, c) let h := add(b, a)
    X := mulmod(e, f, p) Y := mulmod(g, h, p) Z := mulmod(f, g, p)${options.setT ? " T := mulmod(e, h, p)" : ""}
}`;
}

/**
 * Statements that double (X, Y, Z) with seven multiplications, or eight when T is needed. Every coordinate comes out
 * negated, which is the same point.
 */
function double(options: { setT: boolean }): string {
  return `{
    let e := add(X, X)
    let g := mulmod(sub(add(Y, p), X), add(Y, X), p)
    let h := add(mulmod(e, X, p), g)
    let f := sub(add(mulmod(add(Z, Z), Z, p), p), g)
    e := mulmod(e, Y, p)
    X := mulmod(e, f, p) Y := mulmod(g, h, p) Z := mulmod(f, g, p)${options.setT ? " T := mulmod(e, h, p)" : ""}
}`;
}

/** The function `writeKeyTable(X, Y)`: multiples of the point from -16 to 15. */
export function keyTableFunction({ keyTable }: PointMemory): string {
  const centre = keyTable + CENTRE * ENTRY_BYTES;
  const negativeEnd = CENTRE * ENTRY_BYTES;
  return `// The entry of -i is that of i with its first two words exchanged and the third negated.
function writeKeyTable(X, Y) {
    let p := ${hex(P)}
    let Z := 1
    let T := mulmod(X, Y, p)
    mstore(${hex(centre)}, 1) mstore(${hex(centre + 0x20)}, 1)
    mstore(${hex(centre + 0x40)}, 0) mstore(${hex(centre + 0x60)}, 2)
    for { let offset := ${hex(ENTRY_BYTES)} } 1 { offset := add(offset, ${hex(ENTRY_BYTES)}) } {
        {
            let difference := sub(add(Y, p), X)
            let sum := add(Y, X)
            let t := mulmod(T, ${hex(modP(2n * D))}, p)
            let z := add(Z, Z)
            let target := sub(${hex(centre)}, offset)
            mstore(target, sum) mstore(add(target, 0x20), difference)
            mstore(add(target, 0x40), sub(p, t)) mstore(add(target, 0x60), z)
            if eq(offset, ${hex(negativeEnd)}) { leave }
            target := add(${hex(centre)}, offset)
            mstore(target, difference) mstore(add(target, 0x20), sum)
            mstore(add(target, 0x40), t) mstore(add(target, 0x60), z)
        }
        // The next multiple: this one and the first.
        ${addEntry(hex(centre + ENTRY_BYTES), { entryZ: true, setT: true }).replaceAll("\n", "\n        ")}
    }
}`;
}

/** Statements that write the multiples of B from -16 to 15. Their z is 1, so that the fourth word is left out. */
export function writeBaseTable({ baseTable }: PointMemory): string {
  const half = inverse(2n);
  const multiples = [IDENTITY];
  for (let i = 1; i <= CENTRE; i++) multiples.push(add(multiples[i - 1]!, BASE));
  const lines = Array.from({ length: ENTRIES }, (_, n) => {
    const [x, y] = multiples[Math.abs(n - CENTRE)]!;
    const signedX = n < CENTRE ? -x : x;
    // Halved, all three: then Z is added where 2 Z would be.
    const words = [modP((y - signedX) * half), modP((y + signedX) * half), modP(D * modP(signedX * y))];
    return words.map((word, i) => `mstore(${hex(baseTable + ENTRY_BYTES * n + 32 * i)}, ${hex(word)})`).join(" ");
  });
  return lines.join("\n");
}

/** The function `combine(k, n) -> encoded`: k times the key table's point and n times B, as RFC 8032 encodes it. */
export function combineFunction({ keyTable, baseTable }: PointMemory): string {
  const entry = (table: number, scalar: string) =>
    `add(and(shl(7, shr(position, ${scalar})), ${hex((ENTRIES - 1) * ENTRY_BYTES)}), ${hex(table)})`;
  const addBoth = [
    addEntry(entry(keyTable, "k"), { entryZ: true, setT: true }),
    addEntry(entry(baseTable, "n"), { entryZ: false, setT: false }),
  ];
  const shiftDigit = Array.from({ length: DIGIT_BITS }, (_, i) => double({ setT: i === DIGIT_BITS - 1 }));
  return `// Straus: both scalars from their highest digit down, with the doublings shared.
function combine(k, n) -> encoded {
    let p := ${hex(P)}
    k := add(k, ${hex(DIGIT_OFFSET)})
    n := add(n, ${hex(DIGIT_OFFSET)})
    let X := 0 let Y := 1 let Z := 1 let T := 0
    for { let position := ${DIGIT_BITS * (DIGITS - 1)} } 1 { position := sub(position, ${DIGIT_BITS}) } {
        ${addBoth.join("\n").replaceAll("\n", "\n        ")}
        if iszero(position) { break }
        ${shiftDigit.join("\n").replaceAll("\n", "\n        ")}
    }
    Z := power(Z, ${hex(P - 2n)})
    // Shifted by 255, only the lowest bit of x is left: its sign.
    encoded := or(shl(255, mulmod(X, Z, p)), mulmod(Y, Z, p))
}`;
}
