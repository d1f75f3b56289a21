import { setImmediate } from "node:timers/promises";

import { Recent } from "../../platform/recent.ts";
import type { Address, Hex } from "../../protocol/bytes.ts";
import { toHex } from "../../protocol/bytes.ts";
import { BLOCK_LEAVES, BlockTops } from "../../protocol/report/blockTree.ts";
import type { ChargeLeaf, LogRange, PayoutLeaf, UsageLeaf } from "../../protocol/report/leaves.ts";
import { chargesTree, logEntryFields, logsTree, payoutsTree, usageFields } from "../../protocol/report/leaves.ts";
import type { EntryProof, ProvedEntry, ProvedRange } from "../../protocol/report/logProofs.ts";
import type { LeafProof } from "../../protocol/report/tree.ts";
import { TreeTag, proveLeaf } from "../../protocol/report/tree.ts";
import type { ReportContents, ReportStore } from "./ports.ts";
import { readFacts } from "./readFacts.ts";

/** Trees of which the tops are kept: what is asked about once is asked about again. */
const KEPT_TREES = 8;
/** Reports that are kept as they were read: one of a large network takes a second to read. */
const KEPT_CONTENTS = 2;

interface RangeTops {
  tops: BlockTops;
  /** The first sequence id of each block. */
  firsts: bigint[];
}

/** Serves what reports say, leaf by leaf, each with its proof. Nothing is found where nothing is kept. */
export class Proofs {
  readonly #store: Pick<ReportStore, "get" | "pages">;
  readonly #trees = new Recent<unknown>(KEPT_TREES);
  readonly #contents = new Recent<ReportContents | undefined>(KEPT_CONTENTS);

  constructor(store: Pick<ReportStore, "get" | "pages">) {
    this.#store = store;
  }

  /** The range of an originator. */
  async range(digest: Hex, originatorId: number): Promise<ProvedRange | undefined> {
    const contents = await this.#get(digest);
    return contents && provedRange(contents, originatorId);
  }

  /** A channel's usage. */
  async usage(digest: Hex, channel: Address): Promise<{ leaf: UsageLeaf; proof: LeafProof } | undefined> {
    const contents = await this.#get(digest);
    if (!contents) return undefined;
    const { usage } = contents;
    const { index, isThere } = usage.indexOf(channel);
    if (!isThere) return undefined;
    const { tops, total } = await this.#keep(`usage:${digest}`, () => usageTops(contents));
    const first = index - (index % BLOCK_LEAVES);
    const length = Math.min(BLOCK_LEAVES, usage.count - first);
    const block = Array.from({ length }, (_, i) => usageFields(usage.at(first + i)));
    return { leaf: usage.at(index), proof: tops.prove(index, block, total) };
  }

  /** What a channel owes for stamps. */
  async charge(digest: Hex, channel: Address): Promise<{ leaf: ChargeLeaf; proof: LeafProof } | undefined> {
    const charges = (await this.#get(digest))?.stamps?.charges ?? [];
    const index = charges.findIndex((leaf) => leaf.channel === channel && leaf.cumulativeAmount > 0n);
    if (index < 0) return undefined;
    const tree = await this.#keep(`charges:${digest}`, async () => chargesTree(charges));
    return { leaf: charges[index]!, proof: proveLeaf(tree, index) };
  }

  /** What an account gets of a report's pot. */
  async payout(digest: Hex, account: Address): Promise<{ leaf: PayoutLeaf; proof: LeafProof } | undefined> {
    const payouts = (await this.#get(digest))?.stamps?.payouts ?? [];
    const index = payouts.findIndex((leaf) => leaf.account === account);
    if (index < 0) return undefined;
    const tree = await this.#keep(`payouts:${digest}`, async () => payoutsTree(payouts));
    return { leaf: payouts[index]!, proof: proveLeaf(tree, index) };
  }

  /**
   * Presence or absence of a sequence id in an originator's range, with the range. Undefined when the report or the range
   * is not there, or the id is outside of it. Rejects when this node has other facts than it attested.
   */
  async entry(digest: Hex, originatorId: number, sequenceId: bigint): Promise<EntryAnswer | undefined> {
    const contents = await this.#get(digest);
    const range = contents && provedRange(contents, originatorId);
    if (!range) return undefined;
    const { firstSequenceId, lastSequenceId, count } = range.range;
    if (sequenceId < firstSequenceId || sequenceId > lastSequenceId) return undefined;
    if (count === 0n) return { range, entry: { entries: [] } };
    const known = await this.#keep(`range:${digest}:${originatorId}`, () => this.#rangeTops(range.range));
    return { range, entry: await this.#proveEntry(known, range.range, sequenceId) };
  }

  async #proveEntry({ tops, firsts }: RangeTops, range: LogRange, sequenceId: bigint): Promise<EntryProof> {
    const block = Math.max(
      0,
      firsts.findLastIndex((first) => first <= sequenceId),
    );
    const own = await this.#blockOf(range, firsts, block);
    const at = own.findIndex((entry) => entry.sequenceId >= sequenceId);
    const base = block * BLOCK_LEAVES;
    const prove = (entries: typeof own, i: number, start: number): ProvedEntry => {
      return { ...entries[i]!, proof: tops.prove(start + i, entries.map(logEntryFields)) };
    };
    if (at >= 0 && own[at]!.sequenceId === sequenceId) return { entries: [prove(own, at, base)] };
    // What is between two entries is not there; the second may be the first of the next block.
    if (at > 0) return { entries: [prove(own, at - 1, base), prove(own, at, base)] };
    if (at === 0) return { entries: [prove(own, 0, base)] };
    const before = prove(own, own.length - 1, base);
    if (block === firsts.length - 1) return { entries: [before] };
    return { entries: [before, prove(await this.#blockOf(range, firsts, block + 1), 0, base + BLOCK_LEAVES)] };
  }

  async #blockOf({ originatorId, lastSequenceId }: LogRange, firsts: readonly bigint[], block: number) {
    const entries: { sequenceId: bigint; payerEnvelopeHash: Hex }[] = [];
    for await (const { sequenceId, payerEnvelopeHash } of readFacts(this.#store, originatorId, firsts[block]! - 1n)) {
      if (sequenceId > lastSequenceId || entries.length === BLOCK_LEAVES) break;
      entries.push({ sequenceId, payerEnvelopeHash: toHex(payerEnvelopeHash) });
    }
    return entries;
  }

  async #rangeTops(range: LogRange): Promise<RangeTops> {
    const { originatorId, firstSequenceId, lastSequenceId, count } = range;
    const [tops, firsts] = [new BlockTops(TreeTag.range), [] as bigint[]];
    for await (const { sequenceId, payerEnvelopeHash } of readFacts(this.#store, originatorId, firstSequenceId - 1n)) {
      if (sequenceId > lastSequenceId) break;
      if (tops.count % BLOCK_LEAVES === 0) firsts.push(sequenceId);
      tops.add(logEntryFields({ sequenceId, payerEnvelopeHash: toHex(payerEnvelopeHash) }));
    }
    if (BigInt(tops.count) !== count)
      throw new Error(`${tops.count} of ${count} entries of originator ${originatorId} are kept`);
    return { tops: tops.finish(), firsts };
  }

  #get(digest: Hex): Promise<ReportContents | undefined> {
    return this.#contents.get(digest, () => this.#store.get(digest));
  }

  #keep<T>(key: string, make: () => Promise<T>): Promise<T> {
    return this.#trees.get(key, make) as Promise<T>;
  }
}

export interface EntryAnswer {
  range: ProvedRange;
  entry: EntryProof;
}

function provedRange({ ranges }: ReportContents, originatorId: number): ProvedRange | undefined {
  const index = ranges.findIndex((range) => range.originatorId === originatorId);
  return index < 0 ? undefined : { range: ranges[index]!, proof: proveLeaf(logsTree(ranges), index) };
}

async function usageTops({ usage }: ReportContents): Promise<{ tops: BlockTops; total: bigint }> {
  const tops = new BlockTops(TreeTag.usage);
  let total = 0n;
  for (const leaf of usage) {
    if (tops.count % BLOCK_LEAVES === 0) await setImmediate();
    tops.add(usageFields(leaf));
    total += leaf.usagePico;
  }
  return { tops: tops.finish(), total };
}
