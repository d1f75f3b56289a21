import { existsSync, realpathSync } from "node:fs";

import type { SqliteDatabase as KyselyDatabase, SqliteStatement } from "kysely";
import { Kysely, SqliteDialect, sql } from "kysely";

import type { Clock } from "../../platform/clock.ts";
import { StoreUnavailableError, StoreVersionError } from "../../platform/database/errors.ts";
import type { SqliteDatabase } from "../../platform/sqlite.ts";
import { holdFileLock, isSqliteError, openDurableSqlite } from "../../platform/sqlite.ts";
import { PICO_PER_DOLLAR, bytesOf } from "./encode.ts";
import type { Engine } from "./engine.ts";
import { LedgerInUseError } from "./errors.ts";
import type { Tables } from "./tables.ts";

const CACHE_KIB = 65_536;
const PREPARED = 100;
/** What the disk or another program says no to, and may say yes to later. Everything else is a bug or a broken file. */
const TRANSIENT = /^SQLITE_(FULL|IOERR|BUSY|LOCKED|CANTOPEN|READONLY|NOMEM)/;

/** What every SQLite file has, whoever opened it. */
export const SQLITE: Pick<Engine, "types" | "size" | "lockMigrations"> = {
  types: { bytes: "blob", integer: "integer", id: "integer primary key", withoutRowid: "without rowid" },
  size: () => sql`select page_count * page_size as database_bytes, null as charges_bytes
    from pragma_page_count(), pragma_page_size()`,
  lockMigrations: async () => {},
};

/** One file, one process: throws LedgerInUseError while another process has it. */
export function openSqliteEngine(path: string, clock: Clock): Engine {
  const file = path !== ":memory:" && existsSync(path) ? realpathSync(path) : path;
  const lock = file === ":memory:" ? { release: () => {} } : holdFileLock(`${file}.lock`);
  if (!lock) {
    throw new LedgerInUseError(
      `another process has ${file}: end it, or give several daemons of a node one PostgreSQL (databaseUrl)`,
    );
  }
  let database: SqliteDatabase | undefined;
  try {
    database = openDurableSqlite(file);
    database.pragma(`cache_size = -${CACHE_KIB}`);
    refuseUnreleased(database, file);
  } catch (error) {
    database?.close();
    lock.release();
    throw error;
  }
  const kysely = new Kysely<Tables>({ dialect: new SqliteDialect({ database: guarded(database) }) });
  return {
    ...{ kysely, name: file, isShared: false },
    ...SQLITE,
    now: () => sql<bigint>`${BigInt(clock.now())}`,
    ...hotStatements(database),
    close: async () => {
      await kysely.destroy();
      lock.release();
    },
  };
}

/**
 * What every envelope costs, row by row: a statement of many rows is built anew for each number of them, and is slower.
 * Both run in the one connection, so within the transaction that is open in it.
 */
function hotStatements(database: SqliteDatabase): Pick<Engine, "addCharges" | "addUsage"> {
  let statements: { charge: Statement; usage: Statement } | undefined;
  // Prepared when first needed: the tables come with the first migration.
  const prepared = () =>
    (statements ??= {
      charge: database.prepare(
        "insert into charges (generation, digest, account_id) values (?, ?, ?) on conflict do nothing",
      ),
      usage: database.prepare(
        `update accounts set
           usage_dollars = usage_dollars + ? + (usage_pico + ?) / ${PICO_PER_DOLLAR},
           usage_pico = (usage_pico + ?) % ${PICO_PER_DOLLAR}
         where id = ?`,
      ),
    });
  return {
    addCharges: async (_trx, generation, charges) =>
      attempt(() => {
        const { charge } = prepared();
        return charges.map(({ digest, accountId }) => charge.run([generation, bytesOf(digest), accountId]).changes > 0);
      }),
    addUsage: async (_trx, usage) =>
      attempt(() => {
        for (const { accountId, dollars, pico } of usage) prepared().usage.run([dollars, pico, pico, accountId]);
      }),
  };
}

/** Ledgers from before the first release counted their versions in the file's header, which is 0 now. */
function refuseUnreleased(database: SqliteDatabase, path: string): void {
  const version = database.pragma("user_version", { simple: true });
  if (version === 0n || version === 0) return;
  throw new StoreVersionError(
    `${path} was made by an unreleased version: move it away and start with an empty one. ` +
      "Usage is metered again from the node's log; vouchers come back by gossip and with the next publishes",
  );
}

/** The database as Kysely drives it: statements are kept, and what the disk refuses is a StoreUnavailableError. */
function guarded(database: SqliteDatabase): KyselyDatabase {
  const prepared = new Map<string, SqliteStatement>();
  const prepare = (text: string): SqliteStatement => {
    // SQLite has rolled back by itself when the disk was full; a second time is an error that would hide the first.
    if (text === "rollback" && !database.inTransaction) return NOTHING;
    const known = prepared.get(text);
    if (known) return known;
    const statement = guardedStatement(attempt(() => database.prepare(text)));
    const oldest = prepared.keys().next();
    if (prepared.size >= PREPARED && !oldest.done) prepared.delete(oldest.value);
    prepared.set(text, statement);
    return statement;
  };
  return { prepare, close: () => void database.close() };
}

type Statement = ReturnType<SqliteDatabase["prepare"]>;

function guardedStatement(statement: Statement): SqliteStatement {
  return {
    reader: statement.reader,
    all: (parameters) => attempt(() => statement.all(parameters)),
    run: (parameters) => attempt(() => statement.run(parameters)),
    iterate: (parameters) => statement.iterate(parameters),
  };
}

const NOTHING: SqliteStatement = {
  reader: false,
  all: () => [],
  run: () => ({ changes: 0, lastInsertRowid: 0 }),
  iterate: () => [].values(),
};

function attempt<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (!isSqliteError(error) || !TRANSIENT.test(error.code)) throw error;
    throw new StoreUnavailableError(`${error.code}, ${error.message}: look at the disk's free space and health`, {
      cause: error,
    });
  }
}
