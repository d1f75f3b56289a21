import { setImmediate } from "node:timers/promises";

import type { Clock } from "../../platform/clock.ts";
import type { Watcher } from "../store/hub.ts";
import type { Cursor, PageBounds, StoredEnvelope, StoreReader } from "../store/reader.ts";
import { seen } from "../store/reader.ts";
import type { NodeStore } from "../store/store.ts";

/** A frame is small, so that a slow reader holds little memory: the next one is read when it took this one. */
const FRAME: PageBounds = { rows: 500, bytes: 1024 * 1024 };
/** Index look-ups without a result after which others get their turn. */
const LOOKUPS_PER_TURN = 200;

/** What a subscriber wants, in one of the two ways to ask for it. */
export type Interest =
  | { kind: "topics"; cursors: ReadonlyMap<string, Cursor> }
  | { kind: "originators"; ids: readonly number[]; cursor: Cursor };

export type FeedEvent = { kind: "envelopes"; envelopes: StoredEnvelope[] } | { kind: "caughtUp" } | { kind: "idle" };

export interface FeedPorts {
  store: NodeStore;
  clock: Clock;
  keepAliveMs: number;
}

/**
 * History, then what arrives, each envelope once. The two meet at an arrival id that is fixed when the watcher already
 * looks, so nothing falls between them. Ends when the signal is aborted.
 */
export async function* feed(ports: FeedPorts, interest: Interest, signal: AbortSignal): AsyncGenerator<FeedEvent> {
  const { hub } = ports.store;
  if (interest.kind === "topics") {
    const watcher = hub.watchTopics(new Set(interest.cursors.keys()));
    const arrived = (reader: StoreReader, keys: string[], id: bigint) => reader.arrivedOnTopics(keys, id, FRAME);
    yield* follow(ports, interest, watcher, arrived, signal);
  } else {
    const watcher = hub.watchOriginators(new Set(interest.ids));
    const arrived = (reader: StoreReader, keys: number[], id: bigint) => reader.arrivedOfOriginators(keys, id, FRAME);
    yield* follow(ports, interest, watcher, arrived, signal);
  }
}

async function* follow<K>(
  { store, clock, keepAliveMs }: FeedPorts,
  interest: Interest,
  watcher: Watcher<K>,
  arrived: (reader: StoreReader, keys: K[], id: bigint) => StoredEnvelope[],
  signal: AbortSignal,
): AsyncGenerator<FeedEvent> {
  try {
    const { reader } = store;
    let lastId = reader.lastId();
    for (const envelopes of history(reader, interest, lastId)) {
      if (signal.aborted) return;
      if (envelopes.length > 0) yield { kind: "envelopes", envelopes };
      else await setImmediate();
    }
    yield { kind: "caughtUp" };
    while (!signal.aborted) {
      const keys = watcher.take();
      const rows = keys.length > 0 ? arrived(reader, keys, lastId) : [];
      if (rows.length > 0) {
        lastId = rows.at(-1)!.id;
        watcher.keep(keys);
        const envelopes = rows.filter((row) => isWanted(interest, row));
        if (envelopes.length > 0) yield { kind: "envelopes", envelopes };
        continue;
      }
      const outcome = await watcher.wait(clock, keepAliveMs, signal);
      if (outcome === "idle") yield { kind: "idle" };
    }
  } finally {
    watcher.close();
  }
}

function isWanted(interest: Interest, { topic, originatorId, sequenceId }: StoredEnvelope): boolean {
  const cursor = interest.kind === "topics" ? interest.cursors.get(topic) : interest.cursor;
  return cursor !== undefined && sequenceId > seen(cursor, originatorId);
}

/** Frames of what is stored up to `upToId`; an empty one where others should get their turn. */
function* history(reader: StoreReader, interest: Interest, upToId: bigint): Generator<StoredEnvelope[]> {
  let frame: StoredEnvelope[] = [];
  let bytes = 0;
  let lookups = 0;
  for (const page of historyPages(reader, interest, upToId)) {
    if (page.length === 0 && ++lookups % LOOKUPS_PER_TURN === 0) yield [];
    const added = page.reduce((sum, row) => sum + row.bytes.length, 0);
    if (frame.length > 0 && (frame.length + page.length > FRAME.rows || bytes + added > FRAME.bytes)) {
      yield frame;
      [frame, bytes] = [[], 0];
    }
    frame.push(...page);
    bytes += added;
  }
  if (frame.length > 0) yield frame;
}

function* historyPages(reader: StoreReader, interest: Interest, upToId: bigint): Generator<StoredEnvelope[]> {
  if (interest.kind === "originators") {
    for (const id of interest.ids) {
      yield* pages(id, interest.cursor, (cursor) => reader.byOriginators([id], cursor, FRAME, upToId));
    }
    return;
  }
  for (const [topic, cursor] of interest.cursors) {
    for (const { id } of reader.originators()) {
      yield* pages(id, cursor, (after) => reader.topicOf(topic, id, after, FRAME, upToId));
    }
  }
}

function* pages(id: number, cursor: Cursor, read: (cursor: Cursor) => StoredEnvelope[]): Generator<StoredEnvelope[]> {
  for (let after = cursor; ;) {
    const page = read(after);
    yield page;
    if (page.length === 0) return;
    after = { [id]: page.at(-1)!.sequenceId };
  }
}
