import type { Kysely, Transaction } from "kysely";
import { sql } from "kysely";

import { StoreVersionError } from "./errors.ts";
import { inTransaction } from "./transactions.ts";

/** What the schema's types are called. */
export interface ColumnTypes {
  bytes: string;
  integer: string;
  /** A primary key that counts by itself. */
  id: string;
  /** After a table whose key is nearly all of it. */
  withoutRowid: string;
}

/** Statements that bring the schema from one version to the next. */
export type Migration = (types: ColumnTypes) => readonly string[];

/** A database whose schema has a version. */
export interface Migratable<Tables> {
  readonly kysely: Kysely<Tables>;
  /** For messages; without a password. */
  readonly name: string;
  readonly types: ColumnTypes;
  /** Held to the end of the transaction; no other process migrates meanwhile. */
  lockMigrations(trx: Transaction<Tables>): Promise<void>;
}

/**
 * Brings the schema to the newest version, each step in a transaction with its number.
 * @param table keeps the number: programs that share a database have one each
 */
export async function migrate<Tables>(
  database: Migratable<Tables>,
  migrations: readonly Migration[],
  table = "store_version",
): Promise<void> {
  for (let steps = 0; steps <= migrations.length; steps++) {
    if (await inTransaction(database, (trx) => migrateOnce(database, trx, migrations, table))) return;
  }
}

/** True when there was nothing left to do. */
async function migrateOnce<Tables>(
  database: Migratable<Tables>,
  trx: Transaction<Tables>,
  migrations: readonly Migration[],
  table: string,
): Promise<boolean> {
  await database.lockMigrations(trx);
  const versions = sql.table(table);
  await sql`create table if not exists ${versions} (version ${sql.raw(database.types.integer)} not null)`.execute(trx);
  const { rows } = await sql<{ version: bigint }>`select version from ${versions}`.execute(trx);
  const version = Number(rows[0]?.version ?? 0n);
  if (version > migrations.length) {
    throw new StoreVersionError(
      `${database.name} has version ${version}, this program knows up to ${migrations.length}: run the newer program on it`,
    );
  }
  const next = migrations[version];
  if (!next) return true;
  for (const statement of next(database.types)) await sql.raw(statement).execute(trx);
  await sql`delete from ${versions}`.execute(trx);
  await sql`insert into ${versions} (version) values (${BigInt(version + 1)})`.execute(trx);
  return false;
}
