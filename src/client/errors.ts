import type { Address } from "../protocol/bytes.ts";

/** What can go wrong in a gateway, in words that programs compare. The sentence of the error is for people. */
export type GatewayErrorCode =
  /** The bytes break a rule of the network; sending them again cannot help. */
  | "invalid_envelope"
  /** An identity update that the registry refuses for good: it would make its inbox unusable. */
  | "invalid_identity_update"
  | "too_many_envelopes"
  /** The app's own check does not know who sends this. */
  | "unauthenticated"
  /** This user, or this app, has sent what it may in a minute. */
  | "rate_limited"
  /** This user, this app or the whole gateway has spent what it may on a day. */
  | "budget_exhausted"
  /** The channel cannot cover the publish. */
  | "out_of_money"
  /** A welcome to a stranger needs a stamp, and no more may be signed for stamps. */
  | "stamp_needed"
  /** The recipient lets no welcome of this sender through. */
  | "sender_blocked"
  /** As many calls in flight or on hold as this gateway takes. */
  | "too_busy"
  | "no_node"
  | "no_rates"
  | "chain_unavailable"
  /** The contract takes no such entry now. */
  | "refused_by_chain"
  /** Every node refused for a reason other than money. */
  | "refused_by_nodes"
  /** It is published, but no node serves it yet. */
  | "not_served_yet"
  /** A node's receipt does not hold. */
  | "bad_receipt"
  /** A node asks for more than the ledger can explain. */
  | "demand_above_ledger"
  /** Another process writes the same ledger, and the store is not one that several share. */
  | "ledger_conflict"
  /** The gateway's database does not answer: nothing was recorded, signed or sent. */
  | "store_unavailable"
  /** Another process of this gateway has the same bytes under way. */
  | "in_progress"
  | "timeout"
  | "shutting_down";

/** Amounts that belong to an error, in base units of the fee token. */
export interface PostageNumbers {
  channel: Address;
  required: bigint;
  authorised: bigint;
  available: bigint;
}

/** An error of the gateway: `code` for programs, `message` says what to do, `retryable` whether waiting helps. */
export class GatewayError extends Error {
  override readonly name = "GatewayError";
  readonly code: GatewayErrorCode;
  readonly retryable: boolean;
  readonly numbers: PostageNumbers | undefined;
  /** When what is used up is there again, in milliseconds since 1970; undefined where no time mends it. */
  readonly renewsAt: number | undefined;

  constructor(
    code: GatewayErrorCode,
    message: string,
    options: ErrorOptions & { retryable: boolean; numbers?: PostageNumbers; renewsAt?: number },
  ) {
    super(message, options);
    this.code = code;
    this.retryable = options.retryable;
    this.numbers = options.numbers;
    this.renewsAt = options.renewsAt;
  }
}

export function isGatewayError(error: unknown, code?: GatewayErrorCode): error is GatewayError {
  return error instanceof GatewayError && (code === undefined || error.code === code);
}
