import type { Hex } from "../../protocol/bytes.ts";
import { toHex } from "../../protocol/bytes.ts";
import { keccak256 } from "../../protocol/keccak.ts";
import { GrowingTree } from "../../protocol/report/growingTree.ts";
import type { LogRange } from "../../protocol/report/leaves.ts";
import { logEntryFields } from "../../protocol/report/leaves.ts";
import { TreeTag, emptyRoot } from "../../protocol/report/tree.ts";
import type { Fact } from "./facts.ts";
import { packFacts } from "./facts.ts";
import type { FactStore } from "./ports.ts";
import { readFacts } from "./readFacts.ts";

const NO_FACTS = new Uint8Array(32);
/** Envelopes between two places from which a walk can be taken up again. */
const STRIDE = 4_096;

/** A range, and a hash over all that reports take from its envelopes: the range's own root knows nothing of dates. */
export interface KnownRange {
  range: LogRange;
  facts: Hex;
}

interface Place {
  lastSequenceId: bigint;
  facts: Uint8Array;
  firstMinute: number;
  lastMinute: number;
  tree: GrowingTree;
}

export interface WalkOptions {
  store: Pick<FactStore, "pages">;
  originatorId: number;
  /** Where the parent's range ended. */
  after: bigint;
  /** The epoch's end: the first envelope dated then or later ends what a report of it can say, and all after it. */
  endsAt: bigint;
}

/**
 * One originator's log from the end of its parent's range on, as this node has it: how far it goes, and the range that
 * ends at any sequence id. Goes on where it was when the log has grown.
 */
export class LogWalk {
  readonly #options: WalkOptions;
  readonly #places: Place[];
  #end: Place;
  /** The first envelope dated after the epoch, once it was met. */
  #lateFrom: bigint | undefined;

  constructor(options: WalkOptions) {
    this.#options = options;
    const tree = new GrowingTree(TreeTag.range);
    this.#end = { lastSequenceId: options.after, facts: NO_FACTS, firstMinute: 0, lastMinute: 0, tree };
    this.#places = [copyOf(this.#end)];
  }

  get originatorId(): number {
    return this.#options.originatorId;
  }

  /** The whole range, as far as the log is metered. Rejects with CannotAttestError `history_missing`. */
  async whole(): Promise<KnownRange> {
    await this.#goOn();
    return this.#rangeOf(this.#end);
  }

  /** The range that ends at a sequence id. Undefined when the log is not known so far, or is dated later by then. */
  async upTo(sequenceId: bigint): Promise<KnownRange | undefined> {
    const { store, originatorId, after } = this.#options;
    if (sequenceId < after) return undefined;
    if (sequenceId > this.#end.lastSequenceId) await this.#goOn();
    if (sequenceId > this.#end.lastSequenceId) return undefined;
    const from = this.#places.findLast((place) => place.lastSequenceId <= sequenceId)!;
    const place = copyOf(from);
    for await (const fact of readFacts(store, originatorId, from.lastSequenceId)) {
      if (fact.sequenceId > sequenceId) break;
      take(place, fact);
    }
    place.lastSequenceId = sequenceId;
    return this.#rangeOf(place);
  }

  async #goOn(): Promise<void> {
    const { store, originatorId, endsAt } = this.#options;
    if (this.#lateFrom !== undefined) return;
    // A place of its own: what is walked at the same time, or breaks off, leaves no half of it behind.
    const end = copyOf(this.#end);
    const places: Place[] = [];
    for await (const fact of readFacts(store, originatorId, end.lastSequenceId)) {
      if (fact.seconds >= endsAt) {
        this.#lateFrom = fact.sequenceId;
        break;
      }
      take(end, fact);
      if (end.tree.count % STRIDE === 0) places.push(copyOf(end));
    }
    if (end.lastSequenceId <= this.#end.lastSequenceId) return;
    this.#end = end;
    for (const place of places) {
      if (place.lastSequenceId > this.#places.at(-1)!.lastSequenceId) this.#places.push(place);
    }
  }

  #rangeOf({ lastSequenceId, facts, firstMinute, lastMinute, tree }: Place): KnownRange {
    const { originatorId, after } = this.#options;
    const ends = { originatorId, firstSequenceId: after + 1n, lastSequenceId, firstMinute, lastMinute };
    return { range: { ...ends, count: BigInt(tree.count), root: tree.root() }, facts: toHex(facts) };
  }
}

/** What is said of an originator of which nothing is agreed on. */
export function emptyRange(originatorId: number, after: bigint): LogRange {
  const root: Hex = emptyRoot(TreeTag.range);
  return {
    ...{ originatorId, firstSequenceId: after + 1n, lastSequenceId: after, firstMinute: 0, lastMinute: 0 },
    ...{ count: 0n, root },
  };
}

function take(place: Place, fact: Fact): void {
  const { sequenceId, seconds, payerEnvelopeHash } = fact;
  // What a welcome says follows from its hash: nodes that have kept it and nodes that have not agree all the same.
  place.facts = keccak256(place.facts, packFacts([{ ...fact, welcome: undefined }]));
  const minute = Number(seconds / 60n);
  if (place.tree.count === 0) place.firstMinute = minute;
  place.lastMinute = minute;
  place.lastSequenceId = sequenceId;
  place.tree.add(logEntryFields({ sequenceId, payerEnvelopeHash: toHex(payerEnvelopeHash) }));
}

function copyOf(place: Place): Place {
  return { ...place, tree: place.tree.clone() };
}
