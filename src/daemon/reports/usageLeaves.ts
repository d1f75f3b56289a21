import type { Address, Hex } from "../../protocol/bytes.ts";
import { bytesToUint, uintToBytes } from "../../protocol/bytes.ts";
import { GrowingTree } from "../../protocol/report/growingTree.ts";
import type { UsageLeaf } from "../../protocol/report/leaves.ts";
import { usageFields } from "../../protocol/report/leaves.ts";
import { TreeTag } from "../../protocol/report/tree.ts";
import { bytesOf, hexOf } from "../store/encode.ts";

/** `channel 20 | usage 16 | authorised 8`. */
export const USAGE_LEAF_LENGTH = 44;

/** Usage leaves one after another, ascending by channel: with a million of them objects would take too much. */
export class UsageLeaves implements Iterable<UsageLeaf> {
  readonly packed: Uint8Array;

  constructor(packed: Uint8Array) {
    if (packed.length % USAGE_LEAF_LENGTH !== 0) throw new RangeError(`usage leaves have ${USAGE_LEAF_LENGTH} bytes`);
    this.packed = packed;
  }

  get count(): number {
    return this.packed.length / USAGE_LEAF_LENGTH;
  }

  at(index: number): UsageLeaf {
    const row = this.packed.subarray(index * USAGE_LEAF_LENGTH, (index + 1) * USAGE_LEAF_LENGTH);
    return {
      channel: hexOf(row.subarray(0, 20)),
      usagePico: bytesToUint(row.subarray(20, 36)),
      authorisedAmount: bytesToUint(row.subarray(36)),
    };
  }

  *[Symbol.iterator](): Generator<UsageLeaf> {
    for (let i = 0; i < this.count; i++) yield this.at(i);
  }

  /** Where a channel is, or would be. */
  indexOf(channel: Address): { index: number; isThere: boolean } {
    let [low, high] = [0, this.count];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.at(middle).channel < channel) low = middle + 1;
      else high = middle;
    }
    return { index: low, isThere: low < this.count && this.at(low).channel === channel };
  }

  find(channel: Address): UsageLeaf | undefined {
    const { index, isThere } = this.indexOf(channel);
    return isThere ? this.at(index) : undefined;
  }

  /** Throws RangeError unless channels ascend. */
  root(): Hex {
    const tree = new GrowingTree(TreeTag.usage);
    let last = "";
    for (const leaf of this) {
      if (leaf.channel <= last) throw new RangeError(`channels ascend: ${leaf.channel} comes after ${last}`);
      last = leaf.channel;
      tree.add(usageFields(leaf), leaf.usagePico);
    }
    return tree.root();
  }
}

/** The leaves of a parent with some of them exchanged, and new ones. */
export function mergeLeaves(parent: UsageLeaves, changed: ReadonlyMap<Address, UsageLeaf>): UsageLeaves {
  const news = [...changed.keys()].sort();
  const added = news.filter((channel) => !parent.indexOf(channel).isThere).length;
  const packed = new Uint8Array((parent.count + added) * USAGE_LEAF_LENGTH);
  let at = 0;
  const put = ({ channel, usagePico, authorisedAmount }: UsageLeaf) => {
    packed.set(bytesOf(channel), at);
    packed.set(uintToBytes(usagePico, 16), at + 20);
    packed.set(uintToBytes(authorisedAmount, 8), at + 36);
    at += USAGE_LEAF_LENGTH;
  };
  let next = 0;
  for (const leaf of parent) {
    while (next < news.length && news[next]! < leaf.channel) put(changed.get(news[next++]!)!);
    if (news[next] === leaf.channel) put(changed.get(news[next++]!)!);
    else put(leaf);
  }
  while (next < news.length) put(changed.get(news[next++]!)!);
  return new UsageLeaves(packed);
}
