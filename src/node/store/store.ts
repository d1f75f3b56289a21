import type { Log } from "../../platform/log.ts";
import type { SqliteDatabase } from "../../platform/sqlite.ts";
import { openSqlite } from "../../platform/sqlite.ts";
import type { EnvelopeLog } from "../ports.ts";
import { ChainTables } from "./chainTables.ts";
import { AppendHub } from "./hub.ts";
import { PAGE, StoreReader } from "./reader.ts";
import { MIGRATIONS } from "./schema.ts";
import type { WriterStatements } from "./writer.ts";
import { StoreWriter, prepareWriter } from "./writer.ts";

/** The node's durable state: one SQLite file. */
export class NodeStore {
  readonly reader: StoreReader;
  readonly chain: ChainTables;
  readonly hub: AppendHub;
  readonly log: EnvelopeLog;
  readonly #database: SqliteDatabase;
  readonly #statements: WriterStatements;

  constructor(path: string, log: Log) {
    this.#database = openSqlite(path, MIGRATIONS);
    this.reader = new StoreReader(this.#database);
    this.chain = new ChainTables(this.#database);
    this.hub = new AppendHub(log);
    this.#statements = prepareWriter(this.#database);
    this.log = this.#envelopeLog();
  }

  /** Runs `work` in one transaction; what it appended is on disk when streams and listeners hear of it. */
  write<T>(work: (writer: StoreWriter) => T): T {
    const writer = new StoreWriter(this.#statements);
    const result = this.#database.transaction(() => work(writer)).immediate();
    this.hub.appended(writer.appended);
    return result;
  }

  close(): void {
    this.#database.close();
  }

  #envelopeLog(): EnvelopeLog {
    const { reader, hub } = this;
    return {
      originators: async () => reader.originators().map(({ id }) => id),
      read: async (originatorId, afterSequenceId, limit) => {
        const rows = Math.min(limit, PAGE.rows);
        return reader
          .byOriginators([originatorId], { [originatorId]: afterSequenceId }, { ...PAGE, rows })
          .map(({ sequenceId, bytes }) => ({ sequenceId, envelope: bytes }));
      },
      onAppend: (listener) => hub.onAppend(listener),
    };
  }
}
