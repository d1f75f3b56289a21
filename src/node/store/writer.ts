import type { SqliteDatabase } from "../../platform/sqlite.ts";
import type { Appended } from "./hub.ts";

export interface NewEnvelope {
  originatorId: number;
  sequenceId: bigint;
  originatorNs: bigint;
  topic: Uint8Array;
  /** Serialized OriginatorEnvelope. */
  bytes: Uint8Array;
  /** Payer and payer digest, of what this node originated. */
  publishKey?: Uint8Array;
  /** Of what the chain originated. */
  blockNumber?: number;
}

/** The statements of one transaction. */
export class StoreWriter {
  readonly appended: Appended[] = [];
  readonly #statements;

  constructor(statements: WriterStatements) {
    this.#statements = statements;
  }

  append(envelope: NewEnvelope): void {
    const { originatorId, sequenceId, originatorNs, topic, bytes, publishKey, blockNumber } = envelope;
    this.#statements.insert.run(
      originatorId,
      sequenceId,
      topic,
      originatorNs,
      publishKey ?? null,
      blockNumber ?? null,
      bytes,
    );
    this.#statements.advance.run(originatorId, sequenceId, originatorNs);
    this.appended.push({ originatorId, topic: Buffer.from(topic).toString("hex") });
  }

  /** Counts messages that this node originated in a minute, and forgets minutes before `keepFrom`. */
  countOwn(minute: bigint, messages: bigint, keepFrom: bigint): void {
    this.#statements.count.run(minute, messages);
    this.#statements.forget.run(keepFrom);
  }
}

export type WriterStatements = ReturnType<typeof prepareWriter>;

export function prepareWriter(database: SqliteDatabase) {
  return {
    insert: database.prepare(
      `insert into envelopes (originator, sequence_id, topic, originator_ns, publish_key, block_number, bytes)
       values (?, ?, ?, ?, ?, ?, ?)`,
    ),
    advance: database.prepare(
      `insert into originators values (?, ?, ?) on conflict (originator) do update set
         last_sequence_id = max(last_sequence_id, excluded.last_sequence_id), last_ns = max(last_ns, excluded.last_ns)`,
    ),
    count: database.prepare(
      `insert into own_minutes values (?, ?) on conflict (minute) do update set messages = messages + excluded.messages`,
    ),
    forget: database.prepare("delete from own_minutes where minute < ?"),
  };
}
