import type { RawBuilder } from "kysely";

import type { Migratable } from "../../platform/database/migrate.ts";
import type { ChargeRow } from "./charges/chargeBook.ts";
import type { Tables, Trx } from "./tables.ts";

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
export interface Engine extends Migratable<Tables> {
  readonly isShared: boolean;
  /** Unix milliseconds of the one clock that all processes on this database share. */
  readonly now: () => RawBuilder<bigint>;
  /** One row with `database_bytes` and, where the database knows it without counting, `charges_bytes`. */
  readonly size: () => RawBuilder<SizeRow>;
  /** Adds charges that the generation does not have; says of each whether it was added. */
  addCharges(trx: Trx, generation: bigint, charges: readonly ChargeRow[]): Promise<boolean[]>;
  /** Adds to the usage of accounts, each at most once. */
  addUsage(trx: Trx, usage: readonly AccountUsage[]): Promise<void>;
  close(): Promise<void>;
}
