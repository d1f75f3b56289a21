export type DeploymentErrorCode =
  /** A reviewed file is missing, or wrong. */
  | "bad_parameters"
  /** A value that a reviewer has to decide is not there yet. */
  | "not_filled_in"
  /** The endpoint serves another chain. */
  | "wrong_chain"
  /** The chain lacks what the contracts are built on. */
  | "chain_lacks"
  /** The fee token is not what the parameters say. */
  | "wrong_token"
  /** The signing account is not the one that the addresses derive from. */
  | "wrong_account"
  /** The record in the way is of another network, or of other parameters. */
  | "wrong_record"
  /** Something else is where a contract belongs. */
  | "address_occupied"
  /** A constructor refuses its parameters. */
  | "constructor_refuses"
  /** The plan is not the one that was reviewed. */
  | "other_plan"
  /** The sources are not those of a commit. */
  | "uncommitted"
  /** The contracts are not compiled, or from other sources. */
  | "not_built"
  /** Only Hardhat's plugin can do it. */
  | "needs_hardhat"
  /** The deploying account cannot pay for the gas. */
  | "no_gas_money"
  /** A transaction was not mined in time. */
  | "not_mined"
  /** A transaction was mined and did nothing. */
  | "reverted"
  /** What was there is gone again. */
  | "reorganised"
  /** The chain cannot be asked. */
  | "chain_unread"
  /** Everything is there, and not everything is right. */
  | "not_proved";

/** Why a deployment stopped. `message` says what to do; `isRetryable`: the same command may be run again as it is. */
export class DeploymentError extends Error {
  override readonly name = "DeploymentError";
  readonly code: DeploymentErrorCode;
  readonly isRetryable: boolean;

  constructor(code: DeploymentErrorCode, message: string, options: ErrorOptions & { isRetryable?: boolean } = {}) {
    super(message, options);
    this.code = code;
    this.isRetryable = options.isRetryable ?? false;
  }
}
