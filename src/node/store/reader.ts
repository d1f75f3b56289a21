import type { SqliteDatabase } from "../../platform/sqlite.ts";
import { LIMITS, MAX_INT64 } from "../limits.ts";

export interface StoredEnvelope {
  /** Order of arrival. */
  id: bigint;
  originatorId: number;
  sequenceId: bigint;
  /** Hex without 0x. */
  topic: string;
  /** Serialized OriginatorEnvelope. */
  bytes: Uint8Array;
}

/** The sequence ids up to which a reader has seen each originator; 0 for those it does not name. */
export type Cursor = Readonly<Record<number, bigint>>;

/** Most rows and bytes of one page; the first row always fits. */
export interface PageBounds {
  rows: number;
  bytes: number;
}

export const PAGE: PageBounds = { rows: LIMITS.pageRows, bytes: LIMITS.pageBytes };

interface Ref {
  id: bigint;
  originator: bigint;
  sequence_id: bigint;
  length: bigint;
}

const REF = "select id, originator, sequence_id, length(bytes) as length from envelopes";

export function seen(cursor: Cursor, originatorId: number): bigint {
  const value = cursor[originatorId] ?? 0n;
  return value > MAX_INT64 ? MAX_INT64 : value;
}

/** Bounded reads of the log. Rows are picked by their index entries first; bytes are read for those that go out. */
export class StoreReader {
  readonly #database: SqliteDatabase;
  readonly #statements;

  constructor(database: SqliteDatabase) {
    this.#database = database;
    const prepare = (sql: string) => database.prepare<unknown[], Ref>(sql);
    this.#statements = {
      originators: database.prepare<[], { originator: bigint; last_sequence_id: bigint; last_ns: bigint }>(
        "select originator, last_sequence_id, last_ns from originators order by originator",
      ),
      topic: prepare(
        `${REF} where topic = ? and originator = ? and sequence_id > ? and id <= ? order by sequence_id limit ?`,
      ),
      originator: prepare(`${REF} where originator = ? and sequence_id > ? and id <= ? order by sequence_id limit ?`),
      newest: database.prepare<unknown[], { id: bigint; originator_ns: bigint; length: bigint }>(
        `select id, originator_ns, length(bytes) as length from envelopes
         where topic = ? and originator = ? order by sequence_id desc limit 1`,
      ),
      arrivedTopics: prepare(
        `${REF} indexed by envelopes_by_topic_arrival
         where topic in (select unhex(value) from json_each(?)) and id > ? order by id limit ?`,
      ),
      arrivedOriginators: prepare(
        `${REF} indexed by envelopes_by_originator_arrival
         where originator in (select value from json_each(?)) and id > ? order by id limit ?`,
      ),
      bytes: database.prepare<[bigint], { topic: Buffer; bytes: Buffer }>(
        "select topic, bytes from envelopes where id = ?",
      ),
      publishKey: database.prepare<[Uint8Array], { bytes: Buffer }>(
        "select bytes from envelopes where publish_key = ?",
      ),
      lastId: database.prepare<[], { id: bigint }>("select coalesce(max(id), 0) as id from envelopes"),
      minutes: database.prepare<[bigint], { minute: bigint; messages: bigint }>(
        "select minute, messages from own_minutes where minute >= ?",
      ),
    };
  }

  /** Every originator with the highest sequence id and the latest time stored, ascending. */
  originators(): { id: number; lastSequenceId: bigint; lastNs: bigint }[] {
    return this.#statements.originators
      .all()
      .map((row) => ({ id: Number(row.originator), lastSequenceId: row.last_sequence_id, lastNs: row.last_ns }));
  }

  last(originatorId: number): { sequenceId: bigint; ns: bigint } {
    const found = this.originators().find(({ id }) => id === originatorId);
    return { sequenceId: found?.lastSequenceId ?? 0n, ns: found?.lastNs ?? 0n };
  }

  /** The newest arrival: what is stored later has a larger id. */
  lastId(): bigint {
    return this.#statements.lastId.get()!.id;
  }

  byPublishKey(key: Uint8Array): Uint8Array | undefined {
    return this.#statements.publishKey.get(key)?.bytes;
  }

  /** Messages that this node originated, by minute since 1970, from `minute` on. */
  ownMinutes(minute: bigint): Map<bigint, bigint> {
    return new Map(this.#statements.minutes.all(minute).map((row) => [row.minute, row.messages]));
  }

  /** Envelopes on any of the topics (hex), originator by originator, each ascending by sequence id. */
  byTopics(topics: readonly string[], cursor: Cursor, bounds: PageBounds, upToId = MAX_INT64): StoredEnvelope[] {
    const keys = topics.map((topic) => Buffer.from(topic, "hex"));
    const page: Ref[] = [];
    for (const { id } of this.originators()) {
      const room = bounds.rows - page.length;
      if (room === 0) break;
      let found: Ref[] = [];
      for (const key of keys) {
        found.push(...this.#statements.topic.all(key, id, seen(cursor, id), upToId, room));
        // The lowest ids win whatever topic they are on, so the rest can be dropped early and memory stays bounded.
        if (found.length > 4 * bounds.rows) found = lowest(found, room);
      }
      page.push(...lowest(found, room));
    }
    return this.#load(page, bounds.bytes);
  }

  /** Envelopes of one originator on one topic (hex), ascending by sequence id. */
  topicOf(topic: string, id: number, cursor: Cursor, bounds: PageBounds, upToId: bigint): StoredEnvelope[] {
    const key = Buffer.from(topic, "hex");
    return this.#load(this.#statements.topic.all(key, id, seen(cursor, id), upToId, bounds.rows), bounds.bytes);
  }

  /** Envelopes of the originators, one after the other, each ascending by sequence id. */
  byOriginators(ids: readonly number[], cursor: Cursor, bounds: PageBounds, upToId = MAX_INT64): StoredEnvelope[] {
    const page: Ref[] = [];
    for (const id of ids) {
      const room = bounds.rows - page.length;
      if (room === 0) break;
      page.push(...this.#statements.originator.all(id, seen(cursor, id), upToId, room));
    }
    return this.#load(page, bounds.bytes);
  }

  /** Envelopes on the topics (hex) that arrived after `id`, in the order of arrival. */
  arrivedOnTopics(topics: readonly string[], id: bigint, bounds: PageBounds): StoredEnvelope[] {
    return this.#load(this.#statements.arrivedTopics.all(JSON.stringify(topics), id, bounds.rows), bounds.bytes);
  }

  /** Envelopes of the originators that arrived after `id`, in the order of arrival. */
  arrivedOfOriginators(ids: readonly number[], id: bigint, bounds: PageBounds): StoredEnvelope[] {
    return this.#load(this.#statements.arrivedOriginators.all(JSON.stringify(ids), id, bounds.rows), bounds.bytes);
  }

  /** The latest envelope on each topic (hex) by its originator's time; undefined when they are larger than `most`. */
  newest(topics: readonly string[], most: number): (Uint8Array | undefined)[] | undefined {
    const originators = this.originators();
    let left = most;
    const results: (Uint8Array | undefined)[] = [];
    for (const topic of topics) {
      const key = Buffer.from(topic, "hex");
      const latest = originators
        .map(({ id }) => this.#statements.newest.get(key, id))
        .filter((row) => row !== undefined)
        .reduce<{ id: bigint; originator_ns: bigint; length: bigint } | undefined>(
          (best, row) => (best && best.originator_ns >= row.originator_ns ? best : row),
          undefined,
        );
      left -= Number(latest?.length ?? 0n);
      if (left < 0) return undefined;
      results.push(latest && this.#statements.bytes.get(latest.id)?.bytes);
    }
    return results;
  }

  #load(refs: readonly Ref[], most: number): StoredEnvelope[] {
    let left = most;
    const envelopes: StoredEnvelope[] = [];
    for (const { id, originator, sequence_id: sequenceId, length } of refs) {
      left -= Number(length);
      if (left < 0 && envelopes.length > 0) break;
      const row = this.#statements.bytes.get(id)!;
      envelopes.push({
        id,
        originatorId: Number(originator),
        sequenceId,
        topic: row.topic.toString("hex"),
        bytes: row.bytes,
      });
    }
    return envelopes;
  }
}

function lowest(refs: Ref[], count: number): Ref[] {
  return refs
    .sort((a, b) => (a.sequence_id < b.sequence_id ? -1 : a.sequence_id > b.sequence_id ? 1 : 0))
    .slice(0, count);
}
