export type SendErrorCode =
  /** Another process of this daemon's database writes to the chain. */
  | "not_leader"
  /** This process lost the leadership while it worked, and writes no more until a later term is its own. */
  | "fenced"
  /** A block's fee is more than the budget allows; waiting helps. */
  | "too_expensive"
  /** What the account has is kept for work with a deadline. */
  | "gas_reserve"
  /** The account that pays for gas has not enough. */
  | "no_gas_money"
  /** Mined, and without effect. */
  | "reverted"
  /** Its nonce was used by another transaction, or filled. */
  | "replaced";

/** Why a transaction was not sent, or did nothing. Whoever wanted it asks the chain and decides anew. */
export class SendError extends Error {
  override readonly name = "SendError";
  readonly code: SendErrorCode;

  constructor(code: SendErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export function fencedError(cause?: unknown): SendError {
  const message = "another process leads: this one writes no more to the chain until that one's term has ended";
  return new SendError("fenced", message, { cause });
}
