import type { Hex } from "../bytes.ts";
import { toHex } from "../bytes.ts";
import type { TreeTag } from "./tree.ts";
import { leafHash, nodeHash, rootHash } from "./tree.ts";

/**
 * A tree of which only the root is wanted, at any time while it grows: the same root as TreeBuilder's, out of one hash
 * per bit of the number of leaves. Keys are the caller's to keep in order.
 */
export class GrowingTree {
  readonly #tag: TreeTag;
  /** Tops of whole subtrees from the left, each with the level it is at; levels fall. */
  readonly #tops: { level: number; hash: Uint8Array }[];
  #count: number;
  #total: bigint;

  constructor(tag: TreeTag, tops: { level: number; hash: Uint8Array }[] = [], count = 0, total = 0n) {
    this.#tag = tag;
    this.#tops = tops;
    this.#count = count;
    this.#total = total;
  }

  get count(): number {
    return this.#count;
  }

  add(fields: Uint8Array, amount = 0n): void {
    this.#total += amount;
    let top = { level: 0, hash: leafHash(this.#tag, this.#count++, fields) };
    while (this.#tops.at(-1)?.level === top.level) {
      top = { level: top.level + 1, hash: nodeHash(this.#tops.pop()!.hash, top.hash) };
    }
    this.#tops.push(top);
  }

  root(): Hex {
    const { hash: top } = this.#tops.reduceRight<{ hash?: Uint8Array }>(
      (right, left) => ({ hash: right.hash ? nodeHash(left.hash, right.hash) : left.hash }),
      {},
    );
    return toHex(rootHash(this.#tag, this.#count, this.#total, top ?? new Uint8Array(32)));
  }

  /** A copy that grows on its own. */
  clone(): GrowingTree {
    return new GrowingTree(this.#tag, [...this.#tops], this.#count, this.#total);
  }
}
