/** The database did not answer or could not write. Nothing was acknowledged; the same call may work later. */
export class StoreUnavailableError extends Error {
  override readonly name: string = "StoreUnavailableError";

  constructor(problem: string, options?: ErrorOptions) {
    super(`the ledger's database is not available, and nothing was recorded: ${problem}`, options);
  }
}

/** Two transactions were in each other's way and this one gave in. The store tries again by itself, so many times. */
export class StoreConflictError extends StoreUnavailableError {
  override readonly name = "StoreConflictError";
}

/** The database has a schema that this program must not touch. */
export class StoreVersionError extends Error {
  override readonly name = "StoreVersionError";
}

/** The server would acknowledge what a power cut takes back. */
export class StoreNotDurableError extends Error {
  override readonly name = "StoreNotDurableError";
}
