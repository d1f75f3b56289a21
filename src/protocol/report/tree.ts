import type { Hex } from "../bytes.ts";
import { concatBytes, fromHex, toHex, uintToBytes } from "../bytes.ts";
import { keccak256 } from "../keccak.ts";
import { uintWord } from "./words.ts";

/** Which tree a leaf or a root belongs to: it is part of every hash of both, so that none is ever taken for another's. */
export const TreeTag = { logs: 1, range: 2, usage: 3, charges: 4, payouts: 5 } as const;
export type TreeTag = (typeof TreeTag)[keyof typeof TreeTag];

const HASH = 32;
const LEAF = 0;
const NODE = Uint8Array.of(1);
const ROOT = 2;
const WORD = /^0x[0-9a-f]{64}$/i;

/** What shows that a leaf stands at `index` of a tree: the hashes beside its way up, from below. */
export interface LeafProof {
  index: number;
  count: number;
  /** Sum of the amounts of all leaves; 0 where leaves carry none. */
  total: bigint;
  siblings: Hex[];
}

/** A finished tree. Each level is one piece of memory, 32 bytes a hash: a range can have millions of leaves. */
export interface Tree {
  readonly tag: TreeTag;
  readonly count: number;
  readonly total: bigint;
  readonly root: Hex;
  readonly levels: readonly Uint8Array[];
}

/** Takes leaves in ascending order of their keys, page by page if need be. */
export class TreeBuilder {
  readonly #tag: TreeTag;
  #hashes = new Uint8Array(64 * HASH);
  #count = 0;
  #total = 0n;
  #lastKey = -1n;

  constructor(tag: TreeTag) {
    this.#tag = tag;
  }

  /**
   * Adds a leaf. `fields` is `abi.encode` of its fields; the key is the one of them that orders the leaves; `amount`
   * joins the total. Throws RangeError unless the key is larger than the one before.
   */
  add(key: bigint, fields: Uint8Array, amount = 0n): void {
    if (key <= this.#lastKey) throw new RangeError(`leaves ascend by key: ${key} comes after ${this.#lastKey}`);
    if ((this.#count + 1) * HASH > this.#hashes.length) {
      const larger = new Uint8Array(2 * this.#hashes.length);
      larger.set(this.#hashes);
      this.#hashes = larger;
    }
    this.#hashes.set(leafHash(this.#tag, this.#count, fields), this.#count * HASH);
    this.#lastKey = key;
    this.#total += amount;
    this.#count += 1;
  }

  build(): Tree {
    const levels: Uint8Array[] = [this.#hashes.slice(0, this.#count * HASH)];
    while (levels.at(-1)!.length > HASH) levels.push(levelAbove(levels.at(-1)!));
    const [tag, count, total] = [this.#tag, this.#count, this.#total];
    const top = count === 0 ? new Uint8Array(HASH) : levels.at(-1)!;
    return { tag, count, total, root: toHex(rootHash(tag, count, total, top)), levels };
  }
}

/** The proof that leaf `index` is in the tree. Throws RangeError when there is no such leaf. */
export function proveLeaf({ count, total, levels }: Tree, index: number): LeafProof {
  if (!Number.isInteger(index) || index < 0 || index >= count) throw new RangeError(`no leaf ${index} of ${count}`);
  const siblings: Hex[] = [];
  for (let level = 0, at = index; level < levels.length - 1; level++, at = Math.floor(at / 2)) {
    const sibling = hashAt(levels[level]!, at % 2 === 0 ? at + 1 : at - 1);
    // The last node of an odd level goes up as it is.
    if (sibling.length > 0) siblings.push(toHex(sibling));
  }
  return { index, count, total, siblings };
}

/**
 * The root of the tree in which the proof puts the leaf; undefined when the proof has another shape than a tree of that
 * many leaves. The caller compares it with the root it trusts: `count` and `total` are part of that.
 */
export function rootOfProof(tag: TreeTag, fields: Uint8Array, proof: LeafProof): Hex | undefined {
  const { index, count, total, siblings } = proof;
  if (!Number.isSafeInteger(count) || !Number.isInteger(index) || index < 0 || index >= count) return undefined;
  if (total < 0n || total >> 128n !== 0n || !siblings.every((sibling) => WORD.test(sibling))) return undefined;
  let hash = leafHash(tag, index, fields);
  let used = 0;
  for (let at = index, width = count; width > 1; at = Math.floor(at / 2), width = Math.ceil(width / 2)) {
    if (at === width - 1 && at % 2 === 0) continue;
    const sibling = siblings[used++];
    if (sibling === undefined) return undefined;
    hash = at % 2 === 0 ? nodeHash(hash, fromHex(sibling)) : nodeHash(fromHex(sibling), hash);
  }
  return used === siblings.length ? toHex(rootHash(tag, count, total, hash)) : undefined;
}

/** The root of a tree without leaves. */
export function emptyRoot(tag: TreeTag): Hex {
  return toHex(rootHash(tag, 0, 0n, new Uint8Array(HASH)));
}

function levelAbove(level: Uint8Array): Uint8Array {
  const count = level.length / HASH;
  const above = new Uint8Array(Math.ceil(count / 2) * HASH);
  for (let i = 0; i < count; i += 2) {
    const [left, right] = [hashAt(level, i), hashAt(level, i + 1)];
    above.set(right.length > 0 ? nodeHash(left, right) : left, (i / 2) * HASH);
  }
  return above;
}

function hashAt(level: Uint8Array, index: number): Uint8Array {
  return level.subarray(index * HASH, (index + 1) * HASH);
}

/** Of one leaf at its place. */
export function leafHash(tag: TreeTag, index: number, fields: Uint8Array): Uint8Array {
  return keccak256(Uint8Array.of(LEAF, tag), uintWord(BigInt(index), 64), fields);
}

export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  return keccak256(NODE, left, right);
}

export function rootHash(tag: TreeTag, count: number, total: bigint, top: Uint8Array): Uint8Array {
  const numbers = concatBytes(uintToBytes(BigInt(count), 8), uintToBytes(total, 16));
  return keccak256(Uint8Array.of(ROOT, tag), numbers, top);
}
