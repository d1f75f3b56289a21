import type { Hex } from "../bytes.ts";
import { toHex } from "../bytes.ts";
import type { LeafProof, TreeTag } from "./tree.ts";
import { leafHash, nodeHash } from "./tree.ts";

/** Leaves of a block: a whole subtree, so that the tree above it is one of block tops. */
export const BLOCK_LEAVES = 4_096;
const BLOCK_LEVELS = 12;

/**
 * The tops of a tree's blocks: with them, and the leaves of one block, any leaf of the block can be proved. A range of
 * a hundred million leaves has 25,000 tops.
 */
export class BlockTops {
  readonly #tag: TreeTag;
  readonly #tops: Uint8Array[] = [];
  #open: Uint8Array[] = [];
  #count = 0;

  constructor(tag: TreeTag) {
    this.#tag = tag;
  }

  get count(): number {
    return this.#count;
  }

  add(fields: Uint8Array): void {
    this.#open.push(leafHash(this.#tag, this.#count++, fields));
    if (this.#open.length === BLOCK_LEAVES) this.#closeBlock();
  }

  /** After the last leaf. */
  finish(): this {
    if (this.#open.length > 0) this.#closeBlock();
    return this;
  }

  #closeBlock(): void {
    this.#tops.push(levelsOf(this.#open).at(-1)![0]!);
    this.#open = [];
  }

  /**
   * The proof of a leaf, out of the fields of all leaves of its block, in their order. Throws RangeError for no leaf.
   * @param total of the amounts of all leaves
   */
  prove(index: number, block: readonly Uint8Array[], total = 0n): LeafProof {
    if (index < 0 || index >= this.#count) throw new RangeError(`no leaf ${index} of ${this.#count}`);
    const first = index - (index % BLOCK_LEAVES);
    const leaves = block.map((fields, i) => leafHash(this.#tag, first + i, fields));
    const below = levelsOf(leaves).slice(0, BLOCK_LEVELS);
    const siblings = [...siblingsIn(below, index - first), ...siblingsIn(levelsOf(this.#tops), first / BLOCK_LEAVES)];
    return { index, count: this.#count, total, siblings };
  }
}

function* siblingsIn(levels: readonly (readonly Uint8Array[])[], at: number): Generator<Hex> {
  for (const level of levels) {
    const sibling = level[at % 2 === 0 ? at + 1 : at - 1];
    // The last node of an odd level goes up as it is, and the top has none beside it.
    if (sibling) yield toHex(sibling);
    at = Math.floor(at / 2);
  }
}

/** A level and those above it, to the top. */
function levelsOf(leaves: readonly Uint8Array[]): Uint8Array[][] {
  const levels: Uint8Array[][] = [[...leaves]];
  while (levels.at(-1)!.length > 1) {
    const level = levels.at(-1)!;
    const above: Uint8Array[] = [];
    for (let i = 0; i < level.length; i += 2) {
      above.push(i + 1 < level.length ? nodeHash(level[i]!, level[i + 1]!) : level[i]!);
    }
    levels.push(above);
  }
  return levels;
}
