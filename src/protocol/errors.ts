export type ProtocolErrorCode =
  | "malformed_envelope"
  | "not_canonical"
  | "bad_signature"
  | "wrong_topic"
  | "wrong_size"
  | "malformed_mls"
  | "malformed_voucher"
  | "malformed_report"
  | "malformed_note"
  | "malformed_tag"
  | "malformed_header"
  | "no_rates"
  | "invalid_identity_update";

/** Bytes or values that break a rule of the protocol. `message` says which rule and what was found. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
  readonly code: ProtocolErrorCode;

  constructor(code: ProtocolErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
