import type { Address } from "../../protocol/bytes.ts";
import type { JournalBlock } from "../ports.ts";

/** What the chain says now, held against what was read before. */
export interface JournalChange {
  /** The lowest block that differs; undefined when nothing does. */
  from: bigint | undefined;
  /** Blocks of the journal that the chain does not have any more, or not with these events. */
  vanished: JournalBlock[];
  /** Channels whose events came, went or moved. */
  touched: Set<Address>;
}

/** Both ascending, of the same range. */
export function compareJournal(known: readonly JournalBlock[], found: readonly JournalBlock[]): JournalChange {
  const before = new Map(known.map((block) => [block.number, block]));
  const now = new Map(found.map((block) => [block.number, block]));
  const change: JournalChange = { from: undefined, vanished: [], touched: new Set() };
  const differs = ({ number, touched }: JournalBlock) => {
    if (change.from === undefined || number < change.from) change.from = number;
    for (const channel of touched) change.touched.add(channel);
  };
  for (const block of known) {
    const other = now.get(block.number);
    if (other && isSameBlock(block, other)) continue;
    if (!other || other.hash !== block.hash || block.touched.some((channel) => !other.touched.includes(channel))) {
      change.vanished.push(block);
    }
    differs(block);
  }
  for (const block of found) {
    const other = before.get(block.number);
    if (!other || !isSameBlock(block, other)) differs(block);
  }
  return change;
}

export function isSameJournal(known: readonly JournalBlock[], found: readonly JournalBlock[]): boolean {
  return known.length === found.length && known.every((block, i) => isSameBlock(block, found[i]!));
}

/** Events that an endpoint leaves out of a block it still has are kept: both blocks' channels. */
export function keepBlocks(found: readonly JournalBlock[], kept: readonly JournalBlock[]): JournalBlock[] {
  const blocks = new Map(found.map((block) => [block.number, block]));
  for (const block of kept) {
    const touched = [...new Set([...(blocks.get(block.number)?.touched ?? []), ...block.touched])].sort();
    blocks.set(block.number, { ...block, touched });
  }
  return [...blocks.values()].sort((a, b) => (a.number < b.number ? -1 : 1));
}

function isSameBlock(a: JournalBlock, b: JournalBlock): boolean {
  return (
    a.number === b.number &&
    a.hash === b.hash &&
    a.touched.length === b.touched.length &&
    a.touched.every((channel, i) => channel === b.touched[i])
  );
}
