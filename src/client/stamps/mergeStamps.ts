import type { Hex } from "../../protocol/bytes.ts";
import type { StampStanding } from "../../protocol/stamps/stampsJson.ts";
import { STANDINGS } from "../../protocol/stamps/stampsJson.ts";
import type { ShownStamp } from "./ports.ts";

/** A stamp that came for an inbox, as several daemons tell of it. Amounts are base units, times unix seconds. */
export interface InboxStamp {
  payer: Hex;
  /** The first 16 bytes of the welcome's payer digest: by it the recipient names it. */
  welcome: Hex;
  openedAt: bigint;
  /** Until when the recipient may accept or report it. */
  until: bigint;
  price: bigint;
  standing: StampStanding;
  /** Which user of the payer's app wrote, to block that one alone; undefined without a tag that enough daemons agree on. */
  tag: Hex | undefined;
  /** Whose daemons say so. */
  saidBy: number[];
  /** Whether more than half of the daemons that answered say so, and no single one alone. What is not may be made up, or new. */
  isConfirmed: boolean;
}

/**
 * One list of what several daemons show, newest first. They may lie: each has one voice about a stamp, and what few say is
 * marked, not dropped, because honest ones may be a little behind.
 * @param needed daemons that have to say the same
 */
export function mergeStamps(
  shown: readonly { nodeId: number; said: readonly ShownStamp[] }[],
  needed: number,
): InboxStamp[] {
  const voices = new Map<string, Map<number, ShownStamp>>();
  for (const { nodeId, said } of shown) {
    for (const stamp of said) {
      const key = `${stamp.payer}:${stamp.welcome}`;
      const own = voices.get(key) ?? new Map<number, ShownStamp>();
      // The first of a daemon that contradicts itself.
      if (!own.has(nodeId)) own.set(nodeId, stamp);
      voices.set(key, own);
    }
  }
  const merged = [...voices.values()].map((own) => mergeOne([...own], { needed, answered: shown.length }));
  return merged.sort((a, b) => (a.openedAt === b.openedAt ? 0 : a.openedAt > b.openedAt ? -1 : 1));
}

function mergeOne(
  voices: readonly [number, ShownStamp][],
  { needed, answered }: { needed: number; answered: number },
): InboxStamp {
  const terms = ([, stamp]: [number, ShownStamp]) => `${stamp.openedAt}:${stamp.until}:${stamp.price}`;
  // Of equally many the earlier end: nobody should wait for a later one that is not true.
  const byEnd = [...voices].sort(([, a], [, b]) => (a.until === b.until ? 0 : a.until < b.until ? -1 : 1));
  const agreed = mostSaid(byEnd, terms);
  const [, { payer, welcome, openedAt, until, price }] = agreed[0]!;
  // Of equally many what leaves more to say: to say it again does no harm.
  const inOrder = [...agreed].sort(([, a], [, b]) => STANDINGS.indexOf(a.standing) - STANDINGS.indexOf(b.standing));
  const standing = mostSaid(inOrder, ([, stamp]) => stamp.standing)[0]![1].standing;
  const tagged = mostSaid(
    agreed.filter(([, { tag }]) => tag !== undefined),
    ([, { tag }]) => tag!,
  );
  return {
    ...{ payer, welcome, openedAt, until, price, standing },
    tag: tagged.length >= needed ? tagged[0]![1].tag : undefined,
    saidBy: agreed.map(([nodeId]) => nodeId).sort((a, b) => a - b),
    isConfirmed: agreed.length >= needed && 2 * agreed.length > answered,
  };
}

/** Those that agree with most others; of equal groups the one that comes first. */
function mostSaid<T>(voices: readonly T[], key: (voice: T) => string): T[] {
  const groups = new Map<string, T[]>();
  for (const voice of voices) groups.set(key(voice), [...(groups.get(key(voice)) ?? []), voice]);
  return [...groups.values()].reduce<T[]>((best, group) => (group.length > best.length ? group : best), []);
}
