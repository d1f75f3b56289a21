import type { Kysely, RawBuilder } from "kysely";
import { sql } from "kysely";

import type { ChargeRow } from "./charges/chargeBook.ts";
import { StoreConflictError, StoreVersionError } from "./errors.ts";
import type { Migration } from "./migrations.ts";
import type { Tables, Trx } from "./tables.ts";

/** What the schema's types are called. */
export interface ColumnTypes {
  bytes: string;
  integer: string;
  /** A primary key that counts by itself. */
  id: string;
  /** After a table whose key is nearly all of it. */
  withoutRowid: string;
}

export interface SizeRow {
  database_bytes: bigint;
  charges_bytes: bigint | null;
}

/** What an account used, in whole dollars and picodollars below one. */
export interface AccountUsage {
  accountId: bigint;
  dollars: bigint;
  pico: bigint;
}

/** A database, with the little in which SQLite and PostgreSQL differ. */
export interface Engine {
  readonly kysely: Kysely<Tables>;
  /** For messages; without a password. */
  readonly name: string;
  readonly isShared: boolean;
  readonly types: ColumnTypes;
  /** Unix milliseconds of the one clock that all processes on this database share. */
  readonly now: () => RawBuilder<bigint>;
  /** One row with `database_bytes` and, where the database knows it without counting, `charges_bytes`. */
  readonly size: () => RawBuilder<SizeRow>;
  /** Adds charges that the generation does not have; says of each whether it was added. */
  addCharges(trx: Trx, generation: bigint, charges: readonly ChargeRow[]): Promise<boolean[]>;
  /** Adds to the usage of accounts, each at most once. */
  addUsage(trx: Trx, usage: readonly AccountUsage[]): Promise<void>;
  /** Held to the end of the transaction; no other process migrates meanwhile. */
  lockMigrations(trx: Trx): Promise<void>;
  close(): Promise<void>;
}

const ATTEMPTS = 8;

/** One transaction, tried again when it lost against another one. */
export function inTransaction<T>({ kysely }: Pick<Engine, "kysely">, work: (trx: Trx) => Promise<T>): Promise<T> {
  return retried(() => kysely.transaction().execute(work));
}

/** Tries again what lost against another transaction (deadlock, serialization), at most eight times. */
export async function retried<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof StoreConflictError) || attempt === ATTEMPTS) throw error;
    }
  }
}

/** Brings the schema to the newest version, each step in a transaction with its number. */
export async function migrate(engine: Engine, migrations: readonly Migration[]): Promise<void> {
  for (let steps = 0; steps <= migrations.length; steps++) {
    if (await inTransaction(engine, (trx) => migrateOnce(engine, trx, migrations))) return;
  }
}

/** True when there was nothing left to do. */
async function migrateOnce(engine: Engine, trx: Trx, migrations: readonly Migration[]): Promise<boolean> {
  await engine.lockMigrations(trx);
  await sql.raw(`create table if not exists store_version (version ${engine.types.integer} not null)`).execute(trx);
  const version = Number((await trx.selectFrom("store_version").select("version").executeTakeFirst())?.version ?? 0n);
  if (version > migrations.length) {
    throw new StoreVersionError(
      `${engine.name} has version ${version}, this program knows up to ${migrations.length}: run the newer program on it`,
    );
  }
  const next = migrations[version];
  if (!next) return true;
  for (const statement of next(engine.types)) await sql.raw(statement).execute(trx);
  await trx.deleteFrom("store_version").execute();
  await trx
    .insertInto("store_version")
    .values({ version: BigInt(version + 1) })
    .execute();
  return false;
}
