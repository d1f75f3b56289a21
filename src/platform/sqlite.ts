import { mkdirSync } from "node:fs";
import { dirname } from "node:path";

import Database from "better-sqlite3";

export type SqliteDatabase = Database.Database;

/** A file that this version of Pennyblack must not touch. */
export class SqliteVersionError extends Error {
  override readonly name = "SqliteVersionError";
}

/**
 * Opens a durable database: a transaction that has returned is on disk. Integers are read as bigint.
 * @param migrations SQL scripts; script i brings the file from version i to i + 1, in one transaction each
 */
export function openSqlite(path: string, migrations: readonly string[]): SqliteDatabase {
  if (path !== ":memory:") mkdirSync(dirname(path), { recursive: true });
  const database = new Database(path);
  try {
    database.defaultSafeIntegers(true);
    database.pragma("journal_mode = WAL");
    database.pragma("synchronous = FULL");
    database.pragma("foreign_keys = ON");
    database.pragma("busy_timeout = 5000");
    migrate(database, path, migrations);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
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
