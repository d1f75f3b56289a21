import { mkdirSync } from "node:fs";
import { dirname } from "node:path";

import Database from "better-sqlite3";

export type SqliteDatabase = Database.Database;

/** What SQLite itself refuses, with its `code`. */
export const { SqliteError } = Database;

/** A file that this version of Pennyblack must not touch. */
export class SqliteVersionError extends Error {
  override readonly name = "SqliteVersionError";
}

/**
 * Opens a durable database: a transaction that has returned is on disk. Integers are read as bigint.
 * @param migrations SQL scripts; script i brings the file from version i to i + 1, in one transaction each
 */
export function openSqlite(path: string, migrations: readonly string[]): SqliteDatabase {
  const database = openDurableSqlite(path);
  try {
    migrate(database, path, migrations);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** The same without a look at what is in it: for who keeps count of migrations elsewhere. */
export function openDurableSqlite(path: string): SqliteDatabase {
  if (path !== ":memory:") mkdirSync(dirname(path), { recursive: true });
  const database = new Database(path);
  try {
    database.defaultSafeIntegers(true);
    database.pragma("journal_mode = WAL");
    database.pragma("synchronous = FULL");
    database.pragma("foreign_keys = ON");
    database.pragma("busy_timeout = 5000");
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/**
 * Commits that outlive this process when they return, and the machine once a `flush` after them has returned: one for as many as
 * there are. Flushing is a commit of SQLite's own, which knows its files and what to do about a disk that fails.
 */
export class LateFlush {
  readonly #database: SqliteDatabase;
  /** An earlier process may have written what was never flushed. */
  #isDirty = true;
  #hasFailed = false;

  constructor(database: SqliteDatabase) {
    this.#database = database;
  }

  write(commit: () => void): void {
    this.#database.pragma("synchronous = NORMAL");
    try {
      this.#isDirty = true;
      commit();
    } finally {
      this.#database.pragma("synchronous = FULL");
    }
  }

  /** Throws when the disk does not take it; what was written is still there, and on its way with the next flush. */
  flush(): void {
    if (!this.#isDirty) return;
    try {
      // After a failure the system may take for flushed what is not: then everything is copied, which reads it back.
      if (this.#hasFailed) this.#copyAll();
      const version = this.#database.pragma("user_version", { simple: true });
      this.#database.pragma(`user_version = ${String(version)}`);
      this.#isDirty = false;
      this.#hasFailed = false;
    } catch (error) {
      this.#hasFailed = true;
      throw error;
    }
  }

  #copyAll(): void {
    const [answer] = this.#database.pragma("wal_checkpoint(TRUNCATE)") as { busy: bigint }[];
    if (answer?.busy !== 0n) throw new Error("the database is in use and could not be flushed: try again");
  }
}

/** For reading beside whoever writes it; sees what was committed when it asks. Integers are read as bigint. */
export function openSqliteReader(path: string): SqliteDatabase {
  const database = new Database(path, { readonly: true, fileMustExist: true });
  database.defaultSafeIntegers(true);
  return database;
}

/**
 * Takes a lock that ends with this process, however it ends; undefined when somebody has it. It is a lock on a file of
 * its own and not on the database, so that the database can be looked at and backed up while it is in use.
 */
export function holdFileLock(path: string): { release(): void } | undefined {
  mkdirSync(dirname(path), { recursive: true });
  const lock = new Database(path, { timeout: 0 });
  try {
    lock.exec("begin exclusive");
    return { release: () => void lock.close() };
  } catch (error) {
    lock.close();
    if (isSqliteError(error) && error.code.startsWith("SQLITE_BUSY")) return undefined;
    throw error;
  }
}

export function isSqliteError(error: unknown): error is Error & { code: string } {
  return error instanceof SqliteError;
}

function migrate(database: SqliteDatabase, path: string, migrations: readonly string[]): void {
  const version = Number(database.pragma("user_version", { simple: true }));
  if (version > migrations.length) {
    throw new SqliteVersionError(
      `${path} has version ${version}, this program knows up to ${migrations.length}: run the newer program on it`,
    );
  }
  for (const [i, script] of migrations.entries()) {
    if (i < version) continue;
    database.transaction(() => {
      database.exec(script);
      database.pragma(`user_version = ${i + 1}`);
    })();
  }
}
