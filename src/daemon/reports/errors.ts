/** Why a node cannot attest now, or refuses to attest what it was shown. */
export type WhyNot =
  | "history_missing"
  | "behind"
  | "log_differs"
  | "usage_differs"
  | "debits_differ"
  | "absence_differs"
  | "stamps_differ"
  | "stamps_omitted"
  | "chain_state_missing"
  | "parent_unknown"
  | "not_due"
  | "not_a_seat"
  | "bad_signature"
  | "malformed"
  | "busy";

/** A report cannot be built or attested here. The message says what is missing and what to do. */
export class CannotAttestError extends Error {
  override readonly name = "CannotAttestError";
  readonly why: WhyNot;
  /** Whose log it is about, and the first sequence id. */
  readonly at: { originatorId: number; sequenceId: bigint } | undefined;

  constructor(why: WhyNot, message: string, at?: { originatorId: number; sequenceId: bigint }, options?: ErrorOptions) {
    super(message, options);
    this.why = why;
    this.at = at;
  }
}
