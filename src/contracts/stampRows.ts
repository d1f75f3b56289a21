import type { ChargeLeaf, PayoutLeaf } from "../protocol/report/leaves.ts";
import type { LeafProof, Tree } from "../protocol/report/tree.ts";
import { proveLeaf } from "../protocol/report/tree.ts";

/** A leaf as Stamps takes it. */
export type Proved<Leaf> = Leaf & { path: LeafProof };

/** Some leaves of a report's charges or payouts, by their indices, for `Stamps.charge` and `Stamps.claimMany`. */
export function provedLeaves<Leaf extends ChargeLeaf | PayoutLeaf>(
  tree: Tree,
  leaves: readonly Leaf[],
  indices: Iterable<number> = leaves.keys(),
): Proved<Leaf>[] {
  return [...indices].map((index) => ({ ...leaves[index]!, path: proveLeaf(tree, index) }));
}
