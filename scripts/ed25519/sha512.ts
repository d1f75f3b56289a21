/**
 * SHA-512 (FIPS 180-4) in Yul, for words of 256 bits.
 *
 * A rotation is what costs on a machine without one. Here a 64-bit word w is kept as w || w: shifting that right by n
 * has w, rotated by n, in its low 64 bits. What is above them is left there and only cut off where it would do harm,
 * because sums, xor and and carry nothing downwards.
 */
import { hex, repeated } from "./yul.ts";

const MASK = 2n ** 64n - 1n;
/** w times this is w || w. */
const DOUBLING = 2n ** 64n + 1n;
/** Two schedule words in one EVM word, each low in a lane of 128 bits. */
const LANES = repeated(MASK, 128, 2);

const PRIMES = firstPrimes(80);
/** The first 64 bits of the fractions of cube roots. */
export const ROUND_CONSTANTS = PRIMES.map((prime) => integerRoot(prime << 192n, 3n) & MASK);
/** The first 64 bits of the fractions of square roots. */
export const INITIAL_STATE = PRIMES.slice(0, 8).map((prime) => integerRoot(prime << 128n, 2n) & MASK);

function firstPrimes(count: number): bigint[] {
  const primes: bigint[] = [];
  for (let n = 2n; primes.length < count; n++) if (primes.every((prime) => n % prime !== 0n)) primes.push(n);
  return primes;
}

/** The largest integer whose power is not above `value`. */
function integerRoot(value: bigint, degree: bigint): bigint {
  let [low, high] = [0n, value];
  while (low < high) {
    const middle = (low + high + 1n) / 2n;
    if (middle ** degree <= value) low = middle;
    else high = middle - 1n;
  }
  return low;
}

export interface HashMemory {
  /** Eight words of 32 bytes, each with a clean 64-bit word. */
  state: number;
  /** 80 words of 16 bytes; the 16 bytes before are read, and what they hold does not matter. */
  schedule: number;
}

/** Statements that begin a hash. */
export function initialise({ state }: HashMemory): string {
  return INITIAL_STATE.map((word, i) => `mstore(${hex(state + 32 * i)}, ${hex(word)})`).join("\n");
}

/** The function `compress(chunk)`: takes the 128 bytes at `chunk` in. Unrolled, which saves 3,500 gas a block. */
export function compressFunction(memory: HashMemory): string {
  return [
    "function compress(chunk) {",
    "{",
    `let lanes := ${hex(LANES)}`,
    `let doubling := ${hex(DOUBLING)}`,
    ...expandSchedule(memory.schedule),
    "}",
    // From here on the stack has no place for constants.
    ...rounds(memory),
    "}",
  ].join("\n");
}

/** Word t of the schedule is the low lane of what is read 16 bytes before it; read at it, it is the high lane. */
function expandSchedule(schedule: number): string[] {
  const pairAt = (t: number) => hex(schedule + 16 * t);
  const lines: string[] = [];
  for (let i = 0; i < 4; i++) {
    const [first, second] = [pairAt(4 * i), pairAt(4 * i + 2)];
    // a || b becomes a || a^b || b, of which the mask leaves a and b.
    lines.push(
      `{ let four := mload(add(chunk, ${hex(32 * i)})) let two := shr(128, four)`,
      `mstore(${first}, and(or(two, shl(64, two)), lanes))`,
      `two := and(four, ${hex(2n ** 128n - 1n)})`,
      `mstore(${second}, and(or(two, shl(64, two)), lanes)) }`,
    );
  }
  // Two at a time: the second needs nothing of the first. Sums of four stay within their lane.
  for (let t = 16; t < 80; t += 2) {
    // Rotations by 1 and 8 and a shift by 7; rotations by 19 and 61 and a shift by 6. Nested: a name would cost a swap.
    const small0 = "and(xor(shr(7, x), shr(1, xor(xx, shr(7, xx)))), lanes)";
    const small1 = "and(xor(shr(6, y), shr(19, xor(yy, shr(42, yy)))), lanes)";
    const sum0 = `add(${small0}, mload(${pairAt(t - 16)}))`;
    const sum1 = `add(${small1}, mload(${pairAt(t - 7)}))`;
    lines.push(
      `{ let x := mload(${pairAt(t - 15)}) let y := mload(${pairAt(t - 2)})`,
      `let xx := mul(x, doubling) let yy := mul(y, doubling)`,
      `mstore(${pairAt(t)}, and(add(${sum0}, ${sum1}), lanes)) }`,
    );
  }
  return lines;
}

/** Nested, three rotations are three shifts: by 14, 18 and 41. */
const bigSigma1 = (e: string) => `shr(14, xor(${e}, shr(4, xor(${e}, shr(23, ${e})))))`;
/** By 28, 34 and 39. */
const bigSigma0 = (a: string) => `shr(28, xor(${a}, shr(6, xor(${a}, shr(5, ${a})))))`;
const choose = (e: string, f: string, g: string) => `xor(${g}, and(${e}, xor(${f}, ${g})))`;
const doubled = (sum: string) => `mul(and(${sum}, ${hex(MASK)}), ${hex(DOUBLING)})`;

type Eight = [string, string, string, string, string, string, string, string];

function rounds({ state, schedule }: HashMemory): string[] {
  const names = ["a", "b", "c", "d", "e", "f", "g", "h"] as const;
  const lines = names.map((name, i) => `let ${name} := mul(mload(${hex(state + 32 * i)}), ${hex(DOUBLING)})`);
  // The majority of a, b, c is b ^ ((a ^ b) & (b ^ c)), and a ^ b is b ^ c of the next round.
  lines.push("let even := xor(b, c)", "let odd");
  let turned: Eight = [...names];
  for (let t = 0; t < 80; t++) {
    const [a, b, c, d, e, f, g, h] = turned;
    const ab = t % 2 === 0 ? "odd" : "even";
    const word = `add(mload(${hex(schedule + 16 * t - 16)}), ${hex(ROUND_CONSTANTS[t]!)})`;
    lines.push(
      `{ let sum := add(add(add(${choose(e, f, g)}, ${bigSigma1(e)}), ${word}), ${h})`,
      `${d} := ${doubled(`add(${d}, sum)`)}`,
      `${ab} := xor(${a}, ${b})`,
      `${h} := ${doubled(`add(sum, add(xor(${b}, and(even, odd)), ${bigSigma0(a)}))`)} }`,
    );
    // Names move instead of values; after 80 rounds each is back where it was.
    turned = [h, a, b, c, d, e, f, g];
  }
  for (const [i, name] of names.entries()) {
    const slot = hex(state + 32 * i);
    lines.push(`mstore(${slot}, and(add(mload(${slot}), ${name}), ${hex(MASK)}))`);
  }
  return lines;
}
