export type CommandErrorCode =
  | "missing_argument"
  | "conflicting_options"
  | "bad_amount"
  | "wrong_unit"
  | "bad_address"
  | "bad_node"
  | "bad_url"
  | "bad_number"
  | "bad_identifier"
  | "bad_voucher"
  | "bad_evidence"
  | "bad_proposal"
  | "foreign_target"
  | "bad_file"
  | "file_exists"
  | "bad_key_file"
  | "no_account"
  | "wrong_key"
  | "wrong_chain"
  | "chain_unavailable"
  | "unknown_node"
  | "unknown_channel"
  | "unknown_inbox"
  | "unknown_proposal"
  | "unknown_receipt"
  | "receipt_contradicted"
  | "receipt_not_served"
  | "not_owner"
  | "balance_short"
  | "stake_short"
  | "key_taken"
  | "out_of_bounds"
  | "votes_short"
  | "no_votes"
  | "already_voted"
  | "wrong_state"
  | "too_early"
  | "too_late"
  | "nothing_to_do"
  | "not_possible_unsigned"
  | "refused"
  | "reverted"
  | "not_mined"
  | "no_gas_money"
  | "no_gas_price"
  | "log_differs"
  | "not_answering";

/** What was typed cannot be used: nothing was asked of the chain, and the exit code is 2. */
const BAD_INPUT = new Set<CommandErrorCode>([
  "missing_argument",
  "conflicting_options",
  "bad_amount",
  "wrong_unit",
  "bad_address",
  "bad_node",
  "bad_url",
  "bad_number",
  "bad_identifier",
  "bad_voucher",
  "bad_evidence",
  "bad_proposal",
  "foreign_target",
  "bad_file",
  "file_exists",
  "bad_key_file",
  "no_account",
  "wrong_key",
  "not_possible_unsigned",
]);

export interface CommandErrorDetails extends ErrorOptions {
  /** The contract's error, when it was one that refused. */
  contractError?: string;
  args?: Record<string, unknown>;
}

/** Why a command did not do what it was asked to. `message` says what is wrong and what to do. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly code: CommandErrorCode;
  readonly contractError: string | undefined;
  readonly args: Record<string, unknown> | undefined;

  constructor(code: CommandErrorCode, message: string, { contractError, args, ...options }: CommandErrorDetails = {}) {
    super(message, options);
    this.code = code;
    this.contractError = contractError;
    this.args = args;
  }

  get exitCode(): 1 | 2 {
    return BAD_INPUT.has(this.code) ? 2 : 1;
  }
}
