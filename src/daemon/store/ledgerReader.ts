import Database from "better-sqlite3";
import { Kysely, SqliteDialect, sql } from "kysely";

import { bytesToUint } from "../../protocol/bytes.ts";
import { isPostgres } from "../../platform/database/postgres.ts";
import { silentLog } from "../../platform/log.ts";
import type { LedgerStore } from "../ports.ts";
import type { Engine } from "./engine.ts";
import { LedgerTables } from "./ledgerTables.ts";
import { MIGRATIONS } from "./migrations.ts";
import { openPostgresEngine } from "./postgresEngine.ts";
import { SQLITE } from "./sqliteEngine.ts";
import type { Tables } from "./tables.ts";

/** Whose ledger it is and how far it has come. */
export interface LedgerIdentity {
  /** Of its schema; `newest` is what this program makes of it. */
  version: number;
  newest: number;
  /** `chainId:postageChannels` */
  domain: string;
  nodeId: number;
  highWater: bigint;
  cursors: Map<number, bigint>;
}

export interface LedgerReader {
  readonly ledger: Pick<LedgerStore, "accounts" | "chainCursor" | "finalized">;
  identity(): Promise<LedgerIdentity>;
  close(): Promise<void>;
}

/** Looks at a ledger, also one that a daemon is using, and changes nothing. Rejects when there is none. */
export function openLedgerReader(at: string): LedgerReader {
  const engine = isPostgres(at) ? openPostgresEngine(at, silentLog) : openSqliteReader(at);
  const { kysely } = engine;
  return {
    ledger: new LedgerTables(engine),
    async identity() {
      const [version, ledger, cursors] = await Promise.all([
        kysely.selectFrom("store_version").select("version").executeTakeFirstOrThrow(),
        kysely.selectFrom("ledger").select(["domain", "node_id", "high_water"]).executeTakeFirstOrThrow(),
        kysely.selectFrom("cursors").selectAll().execute(),
      ]);
      return {
        ...{ version: Number(version.version), newest: MIGRATIONS.length, domain: ledger.domain },
        ...{ nodeId: Number(ledger.node_id), highWater: bytesToUint(ledger.high_water) },
        cursors: new Map(cursors.map(({ originator, sequence_id }) => [Number(originator), sequence_id])),
      };
    },
    close: () => engine.close(),
  };
}

function openSqliteReader(path: string): Engine {
  const database = new Database(path, { readonly: true, fileMustExist: true });
  database.defaultSafeIntegers(true);
  const kysely = new Kysely<Tables>({ dialect: new SqliteDialect({ database }) });
  return {
    ...{ kysely, name: path, isShared: false },
    ...SQLITE,
    now: () => sql<bigint>`0`,
    addCharges: () => Promise.reject(new Error("a reader writes nothing")),
    addUsage: () => Promise.reject(new Error("a reader writes nothing")),
    close: () => kysely.destroy(),
  };
}
