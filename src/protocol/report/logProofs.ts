import type { Hex } from "../bytes.ts";
import type { LogEntry, LogRange } from "./leaves.ts";
import { logEntryFields, logRangeFields } from "./leaves.ts";
import type { LeafProof, Tree } from "./tree.ts";
import { TreeTag, emptyRoot, proveLeaf, rootOfProof } from "./tree.ts";

/** An entry and the proof that it is in its range. */
export interface ProvedEntry extends LogEntry {
  proof: LeafProof;
}

/**
 * What a range has at a sequence id, proved. With an entry of that id, it is there; with the entries on both sides of
 * it, at neighbouring indices, it is not. At an end of the range one entry is enough, and in an empty range none.
 */
export interface EntryProof {
  entries: ProvedEntry[];
}

/** A range and the proof that it is in `logsRoot`. */
export interface ProvedRange {
  range: LogRange;
  proof: LeafProof;
}

/** Proves presence or absence of a sequence id. `entries` are those that the tree was built of. */
export function proveEntry(tree: Tree, entries: readonly LogEntry[], sequenceId: bigint): EntryProof {
  const after = firstAtOrAfter(entries, sequenceId);
  const wanted = entries[after]?.sequenceId === sequenceId ? [after] : [after - 1, after];
  const found = wanted.filter((index) => index >= 0 && index < entries.length);
  return { entries: found.map((index) => ({ ...entries[index]!, proof: proveLeaf(tree, index) })) };
}

function firstAtOrAfter(entries: readonly LogEntry[], sequenceId: bigint): number {
  let [low, high] = [0, entries.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (entries[middle]!.sequenceId < sequenceId) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** What a proof shows of a range at a sequence id. */
export type EntryFinding = { kind: "present"; payerEnvelopeHash: Hex } | { kind: "absent" } | { kind: "nothing" };

/** Reads a proof against a range's root. `nothing`: it proves neither, or the id is outside the range. */
export function readEntryProof(range: LogRange, sequenceId: bigint, { entries }: EntryProof): EntryFinding {
  const inside = range.firstSequenceId <= sequenceId && sequenceId <= range.lastSequenceId;
  if (!inside || !entries.every((entry) => isInRange(range.root, entry))) return { kind: "nothing" };
  const [first, second, more] = entries;
  if (more) return { kind: "nothing" };
  if (!first) return { kind: range.root === emptyRoot(TreeTag.range) ? "absent" : "nothing" };
  if (first.sequenceId === sequenceId && !second) {
    return { kind: "present", payerEnvelopeHash: first.payerEnvelopeHash };
  }
  return { kind: isGap(first, second, sequenceId) ? "absent" : "nothing" };
}

function isGap(first: ProvedEntry, second: ProvedEntry | undefined, sequenceId: bigint): boolean {
  const { index, count } = first.proof;
  if (second) {
    const apart = first.sequenceId < sequenceId && sequenceId < second.sequenceId;
    return apart && second.proof.index === index + 1;
  }
  if (sequenceId < first.sequenceId) return index === 0;
  return first.sequenceId < sequenceId && index === count - 1;
}

function isInRange(root: Hex, entry: ProvedEntry): boolean {
  return rootOfProof(TreeTag.range, logEntryFields(entry), entry.proof) === root;
}

/** Whether the range is in the tree under `logsRoot`. */
export function isRangeOf(logsRoot: Hex, { range, proof }: ProvedRange): boolean {
  return rootOfProof(TreeTag.logs, logRangeFields(range), proof) === logsRoot;
}
