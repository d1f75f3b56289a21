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

/** A ledger that belongs to another deployment than the one asked for. */
export class LedgerDomainError extends Error {
  override readonly name = "LedgerDomainError";
}

/** A ledger that belongs to another node. */
export class LedgerNodeError extends Error {
  override readonly name = "LedgerNodeError";
}

/** Another process has the ledger's file. */
export class LedgerInUseError extends Error {
  override readonly name = "LedgerInUseError";
}

/** Somebody else has metered this stretch of the log. Nothing of the batch was charged: go on from the cursor. */
export class MeterOvertakenError extends Error {
  override readonly name = "MeterOvertakenError";
}

/** Another process has read the chain meanwhile. Nothing was recorded: look again. */
export class ChainOvertakenError extends Error {
  override readonly name = "ChainOvertakenError";
}

/** An account's nonce has an intent already. */
export class NonceTakenError extends Error {
  override readonly name = "NonceTakenError";
}

/** An intent that does not exist, or that ended in another way. */
export class IntentStateError extends Error {
  override readonly name = "IntentStateError";
}
