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
