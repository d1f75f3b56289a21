import { isError } from "ethers";

import { decodeRevert } from "../../contracts/decodeRevert.ts";
import { saysNoMoney } from "../../contracts/saysNoMoney.ts";

/** What can go wrong with a channel's money, in words that programs compare. */
export type ChannelErrorCode =
  /** The amount, the address or the key is not one. */
  | "bad_input"
  /** The wallet's owner said no. */
  | "declined"
  /** The account has less of the fee token than the deposit. */
  | "too_little_money"
  /** The account has nothing to pay gas with. */
  | "too_little_gas_money"
  /** The token takes neither an authorization nor a permit: approve and deposit. */
  | "token_not_supported"
  /** Nothing was or can be deposited under the idempotency key: the holder withdrew its authorization. */
  | "authorization_cancelled"
  /** The idempotency key's authorization was used or cancelled, and the endpoint does not show which. */
  | "not_shown"
  /** Signer and deployment are of different chains. */
  | "wrong_chain"
  /** The contract refuses; `revert` says what with. */
  | "refused"
  | "chain_unavailable"
  | "aborted";

/** An error about a channel: `code` for programs, `message` says what to do, `retryable` whether waiting helps. */
export class ChannelError extends Error {
  override readonly name = "ChannelError";
  readonly code: ChannelErrorCode;
  readonly retryable: boolean;
  /** The contract's error by name, such as `PostageChannelsWithdrawalNotReady`. */
  readonly revert: string | undefined;

  constructor(
    code: ChannelErrorCode,
    message: string,
    { retryable = false, revert, ...options }: ErrorOptions & { retryable?: boolean; revert?: string } = {},
  ) {
    super(message, options);
    this.code = code;
    this.retryable = retryable;
    this.revert = revert;
  }
}

export function isChannelError(error: unknown, code?: ChannelErrorCode): error is ChannelError {
  return error instanceof ChannelError && (code === undefined || error.code === code);
}

/** What a wallet, an endpoint or a contract failed with, as a ChannelError. */
export function toChannelError(error: unknown): ChannelError {
  if (error instanceof ChannelError) return error;
  const cause = { cause: error };
  if (isError(error, "ACTION_REJECTED")) {
    return new ChannelError("declined", "the wallet's owner declined: ask again", cause);
  }
  const { message } = error instanceof Error ? error : new Error(String(error));
  if (saysNoMoney(error)) {
    const problem = "the account that sends has too little of the chain's own money to pay gas";
    return new ChannelError("too_little_gas_money", `${problem}: send it some`, cause);
  }
  const revert = decodeRevert(error);
  if (revert) {
    const args = Object.entries(revert.args).map(([name, value]) => `${name} ${String(value)}`);
    const message = `the contract refuses with ${revert.name}${args.length > 0 ? ` (${args.join(", ")})` : ""}`;
    return new ChannelError("refused", message, { ...cause, revert: revert.name });
  }
  if (isError(error, "CALL_EXCEPTION")) return new ChannelError("refused", `the contract refuses: ${message}`, cause);
  return new ChannelError("chain_unavailable", `the chain or the wallet does not answer: ${message}`, {
    ...cause,
    retryable: true,
  });
}
