import type { Address, Hex } from "../bytes.ts";
import { bytesToUint, concatBytes, fromHex } from "../bytes.ts";
import { addressWord } from "../typedData.ts";
import type { Tree } from "./tree.ts";
import { TreeBuilder, TreeTag } from "./tree.ts";
import { uintWord, wordOf } from "./words.ts";

/**
 * What one originator sent since the parent, as the nodes agreed: a leaf of `logsRoot`.
 *
 * `firstSequenceId` is one above the last of the parent's range, `lastSequenceId` where agreement ends; both belong to
 * the range, whether or not envelopes have them. An empty range has `lastSequenceId = firstSequenceId - 1`.
 */
export interface LogRange {
  originatorId: number;
  firstSequenceId: bigint;
  lastSequenceId: bigint;
  /** Minutes since 1970 of the range's first and last envelope; 0 when it has none. */
  firstMinute: number;
  lastMinute: number;
  /** Envelopes in the range. */
  count: bigint;
  /** Root of its tree of LogEntry. */
  root: Hex;
}

/** One envelope of a range. */
export interface LogEntry {
  sequenceId: bigint;
  /** Of `payer_envelope_bytes`, as the originator signed them. */
  payerEnvelopeHash: Hex;
}

/** A channel since its beginning: a leaf of `usageRoot`. */
export interface UsageLeaf {
  channel: Address;
  usagePico: bigint;
  /** The largest voucher shown, at most what the deposit backs; base units. */
  authorisedAmount: bigint;
}

/** What a channel owes for stamps since its beginning, in base units: a leaf of `stampChargesRoot`. */
export interface ChargeLeaf {
  channel: Address;
  cumulativeAmount: bigint;
}

/** What an account gets of a report's pot, in base units: a leaf of `stampPayoutsRoot`. */
export interface PayoutLeaf {
  account: Address;
  amount: bigint;
}

/** `abi.encode` of the fields, as every function below: what a leaf's hash covers beside its index. */
export function logRangeFields(range: LogRange): Uint8Array {
  return concatBytes(
    uintWord(BigInt(range.originatorId), 32),
    uintWord(range.firstSequenceId, 64),
    uintWord(range.lastSequenceId, 64),
    uintWord(BigInt(range.firstMinute), 32),
    uintWord(BigInt(range.lastMinute), 32),
    uintWord(range.count, 64),
    wordOf(fromHex(range.root)),
  );
}

export function logEntryFields({ sequenceId, payerEnvelopeHash }: LogEntry): Uint8Array {
  return concatBytes(uintWord(sequenceId, 64), wordOf(fromHex(payerEnvelopeHash)));
}

export function usageFields({ channel, usagePico, authorisedAmount }: UsageLeaf): Uint8Array {
  return concatBytes(addressWord(channel), uintWord(usagePico, 128), uintWord(authorisedAmount, 64));
}

export function chargeFields({ channel, cumulativeAmount }: ChargeLeaf): Uint8Array {
  return concatBytes(addressWord(channel), uintWord(cumulativeAmount, 64));
}

export function payoutFields({ account, amount }: PayoutLeaf): Uint8Array {
  return concatBytes(addressWord(account), uintWord(amount, 64));
}

/** By originator, ascending, each once. */
export function logsTree(ranges: Iterable<LogRange>): Tree {
  return grown(TreeTag.logs, ranges, (range) => [BigInt(range.originatorId), logRangeFields(range)]);
}

/** By sequence id, ascending. For ranges that come in pages, add `logEntryFields` to a TreeBuilder instead. */
export function rangeTree(entries: Iterable<LogEntry>): Tree {
  return grown(TreeTag.range, entries, (entry) => [entry.sequenceId, logEntryFields(entry)]);
}

/** By channel, ascending; the total is the usage of all. */
export function usageTree(leaves: Iterable<UsageLeaf>): Tree {
  return grown(TreeTag.usage, leaves, (leaf) => [keyOf(leaf.channel), usageFields(leaf), leaf.usagePico]);
}

/** By channel, ascending; the total is what all owe. */
export function chargesTree(leaves: Iterable<ChargeLeaf>): Tree {
  return grown(TreeTag.charges, leaves, (leaf) => [keyOf(leaf.channel), chargeFields(leaf), leaf.cumulativeAmount]);
}

/** By account, ascending, each once; the total is what all get when the pot is full. */
export function payoutsTree(leaves: Iterable<PayoutLeaf>): Tree {
  return grown(TreeTag.payouts, leaves, (leaf) => [keyOf(leaf.account), payoutFields(leaf), leaf.amount]);
}

function grown<T>(tag: TreeTag, leaves: Iterable<T>, leafOf: (leaf: T) => [bigint, Uint8Array, bigint?]): Tree {
  const builder = new TreeBuilder(tag);
  for (const leaf of leaves) builder.add(...leafOf(leaf));
  return builder.build();
}

function keyOf(account: Address): bigint {
  return bytesToUint(fromHex(account));
}
