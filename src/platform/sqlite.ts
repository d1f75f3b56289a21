import { mkdirSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { open } from "node:fs/promises";
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
 * Commits that return before they are on disk, and a flush for all of them that does not hold up the thread: they outlive this
 * process at once, and the machine once a `flush` after them has resolved.
 */
export class LateFlush {
  readonly #database: SqliteDatabase;
  readonly #path: string;
  #log: FileHandle | undefined;
  #isDirty = false;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(database: SqliteDatabase, path: string) {
    this.#database = database;
    this.#path = path;
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

  /** Calls that come while one is under way share the next one: what they are about may have been written after it began. */
  flush(): Promise<void> {
    if (this.#running) {
      return (this.#next ??= this.#running
        .catch(() => {})
        .then(() => {
          this.#next = undefined;
          return this.flush();
        }));
    }
    if (!this.#isDirty || this.#path === ":memory:") return Promise.resolve();
    this.#running = this.#sync().finally(() => (this.#running = undefined));
    return this.#running;
  }

  async #sync(): Promise<void> {
    this.#isDirty = false;
    try {
      this.#log ??= await this.#open();
      await this.#log.datasync();
    } catch (error) {
      this.#isDirty = true;
      throw error;
    }
  }

  /** SQLite names a new log in its folder for good with the first commit that it flushes itself, and these are not. */
  async #open(): Promise<FileHandle> {
    const log = await open(`${this.#path}-wal`, "r+");
    const folder = await open(dirname(this.#path), "r");
    await folder.sync().finally(() => folder.close());
    return log;
  }

  async close(): Promise<void> {
    await this.#running?.catch(() => {});
    await this.#log?.close();
    this.#log = undefined;
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
