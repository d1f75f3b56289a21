import type { Kysely, Transaction } from "kysely";

import { StoreConflictError } from "./errors.ts";

const ATTEMPTS = 8;

/** One transaction, tried again when it lost against another one. */
export function inTransaction<Tables, T>(
  { kysely }: { kysely: Kysely<Tables> },
  work: (trx: Transaction<Tables>) => Promise<T>,
): Promise<T> {
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
