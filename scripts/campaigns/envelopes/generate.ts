import { concatBytes } from "../../../src/protocol/bytes.ts";
import { encodePayerEnvelope, encodeUnsignedOriginatorEnvelope } from "../../../src/protocol/envelope.ts";

/** Deterministic random numbers (mulberry32): a seed names a run. */
export class Dice {
  constructor(private state: number) {}

  /** An integer in [0, sides). */
  roll(sides: number): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % sides;
  }

  chance(oneIn: number): boolean {
    return this.roll(oneIn) === 0;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.roll(items.length)]!;
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.roll(256));
  }
}

const INTERESTING = [0n, 1n, 100n, 127n, 128n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 63n, 2n ** 64n - 1n];

function number(dice: Dice): bigint {
  if (dice.chance(2)) return dice.pick(INTERESTING);
  return BigInt(dice.roll(2 ** 31)) * BigInt(dice.roll(2 ** 31));
}

/** A varint, `padding` bytes longer than it has to be while 10 suffice. */
export function varint(value: bigint, padding = 0): Uint8Array {
  const bytes: number[] = [];
  for (let rest = value; rest > 0n || bytes.length === 0; rest >>= 7n) bytes.push(Number(rest & 0x7fn));
  while (padding-- > 0 && bytes.length < 10) bytes.push(0);
  return Uint8Array.from(bytes, (byte, i) => (i < bytes.length - 1 ? byte | 0x80 : byte));
}

export function field(number: number | bigint, wireType: number, value: Uint8Array, padding = 0): Uint8Array {
  return concatBytes(varint((BigInt(number) << 3n) | BigInt(wireType), padding), value);
}

export function bytesField(number: number, value: Uint8Array, padding = 0): Uint8Array {
  return field(number, 2, concatBytes(varint(BigInt(value.length), padding), value));
}

const oddPadding = (dice: Dice) => (dice.chance(4) ? dice.roll(9) : 0);

/** A value of a wire type, mostly well formed; 6 and 7 do not exist. */
function anyValue(dice: Dice, wireType: number, number: bigint, depth: number): Uint8Array {
  if (wireType === 0) {
    if (dice.chance(12)) return concatBytes(new Uint8Array(9).fill(0xff), Uint8Array.of(dice.roll(256)));
    return varint(numberOf(dice), oddPadding(dice));
  }
  if (wireType === 1) return dice.bytes(8);
  if (wireType === 5) return dice.bytes(4);
  if (wireType === 2) {
    const value = dice.bytes(dice.roll(12));
    return concatBytes(varint(BigInt(value.length + (dice.chance(20) ? 1 : 0)), oddPadding(dice)), value);
  }
  if (wireType !== 3) return new Uint8Array();
  const inner = Array.from({ length: depth > 3 ? 0 : dice.roll(3) }, () => anyField(dice, depth + 1));
  const end = dice.chance(12) ? number + 1n : number;
  return concatBytes(...inner, varint((end << 3n) | 4n, oddPadding(dice)));
}

const numberOf = number;
const WIRE_TYPES = [0, 0, 0, 1, 2, 2, 2, 3, 3, 5];

/** Any field: known numbers, unknown ones, those at and beyond the limits of 29 and 31 bits. */
function anyField(dice: Dice, depth = 0): Uint8Array {
  const edge = [0n, 19_000n, 2n ** 29n - 1n, 2n ** 29n, 2n ** 31n - 1n, 2n ** 31n, 2n ** 61n - 1n];
  const number = dice.chance(15) ? dice.pick(edge) : BigInt(1 + dice.roll(dice.chance(3) ? 200 : 8));
  const wireType = dice.chance(25) ? dice.roll(8) : dice.pick(WIRE_TYPES);
  const tag = varint((number << 3n) | BigInt(wireType), oddPadding(dice));
  return concatBytes(tag, anyValue(dice, wireType, number, depth));
}

function payerEnvelope(dice: Dice): Uint8Array {
  const canonical = encodePayerEnvelope({
    unsignedClientEnvelope: dice.bytes(dice.roll(60)),
    payerSignature: dice.bytes(65),
    targetOriginator: dice.pick([0, 100, 200, 2 ** 31, 2 ** 32 - 1]),
    retentionDays: 60,
  });
  if (dice.chance(2)) return canonical;
  const signature = dice.chance(3) ? anyField(dice) : bytesField(1, dice.bytes(dice.roll(6)), oddPadding(dice));
  const fields = [
    bytesField(1, dice.bytes(dice.roll(40)), oddPadding(dice)),
    bytesField(2, signature, oddPadding(dice)),
    field(3, 0, varint(number(dice), oddPadding(dice)), oddPadding(dice)),
    field(4, 0, varint(60n)),
  ];
  for (let extra = dice.roll(3); extra > 0; extra--) fields.push(anyField(dice));
  return concatBytes(...shuffled(dice, fields));
}

function shuffled<T>(dice: Dice, items: T[]): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = dice.roll(i + 1);
    [items[i], items[j]] = [items[j]!, items[i]!];
  }
  return items;
}

function canonical(dice: Dice): Uint8Array {
  return encodeUnsignedOriginatorEnvelope({
    originatorId: Number(number(dice) & 0xffffffffn),
    sequenceId: number(dice) & (2n ** 64n - 1n),
    originatorNs: BigInt.asIntN(64, number(dice)),
    payerEnvelope: payerEnvelope(dice),
    baseFeePico: number(dice) & (2n ** 64n - 1n),
    congestionFeePico: number(dice) & (2n ** 64n - 1n),
    expiryAt: number(dice) & (2n ** 64n - 1n),
  });
}

/** Every field at least once, some again, in any order, in more bytes than needed, with others in between. */
function odd(dice: Dice): Uint8Array {
  const known = (n: number) =>
    n === 4
      ? bytesField(4, payerEnvelope(dice), oddPadding(dice))
      : field(n, 0, varint(number(dice) & (2n ** 64n - 1n), oddPadding(dice)), oddPadding(dice));
  const fields = [1, 2, 3, 4, 5, 6, 7].map(known);
  for (let again = dice.roll(4); again > 0; again--) fields.push(known(1 + dice.roll(7)));
  for (let extra = dice.roll(3); extra > 0; extra--) fields.push(anyField(dice));
  return concatBytes(...shuffled(dice, fields));
}

function flipped(dice: Dice, bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes);
  for (let flips = 1 + dice.roll(3); flips > 0 && copy.length > 0; flips--) {
    copy[dice.roll(copy.length)]! ^= 1 << dice.roll(8);
  }
  return copy;
}

export const KINDS = ["canonical", "odd", "truncated", "flipped", "fields", "groups", "random"] as const;
export type Kind = (typeof KINDS)[number];

/** Bytes of one kind, the same for the same dice. */
export function generateEnvelope(dice: Dice, kind: Kind): Uint8Array {
  switch (kind) {
    case "canonical":
      return canonical(dice);
    case "odd":
      return odd(dice);
    case "truncated": {
      const bytes = dice.chance(2) ? canonical(dice) : odd(dice);
      return bytes.subarray(0, dice.roll(bytes.length + 1));
    }
    case "flipped":
      return flipped(dice, dice.chance(2) ? canonical(dice) : odd(dice));
    case "fields":
      return concatBytes(...Array.from({ length: 1 + dice.roll(4) }, () => anyField(dice)));
    case "groups": {
      const depth = dice.roll(150);
      const open = Array.from({ length: depth }, (_, i) => field(9 + (i % 5), 3, new Uint8Array()));
      const close = Array.from({ length: depth }, (_, i) => field(9 + ((depth - 1 - i) % 5), 4, new Uint8Array()));
      return concatBytes(...open, anyField(dice, 4), ...close, dice.chance(2) ? canonical(dice) : odd(dice));
    }
    case "random":
      return dice.bytes(dice.roll(48));
  }
}
