import { ProtocolError } from "../../protocol/errors.ts";
import type { NoteRefusal } from "../../protocol/stamps/stampsJson.ts";
import type { ChannelErrorCode } from "../account/errors.ts";
import { toChannelError } from "../account/errors.ts";
import { isGatewayError } from "../errors.ts";

/** What can go wrong with stamps, in words that programs compare. */
export type StampsErrorCode =
  /** What daemons say about a note that they do not take. */
  | NoteRefusal
  /** Something given is not what it has to be. */
  | "bad_input"
  /** Fewer daemons than it needs answered, or took it. */
  | "too_few_daemons"
  | Extract<
      ChannelErrorCode,
      "declined" | "too_little_gas_money" | "wrong_chain" | "refused" | "chain_unavailable" | "aborted"
    >;

/** An error about stamps: `code` for programs, `message` says what to do, `retryable` whether waiting helps. */
export class StampsError extends Error {
  override readonly name = "StampsError";
  readonly code: StampsErrorCode;
  readonly retryable: boolean;
  /** The contract's error by name, such as `StampsClaimed`. */
  readonly revert: string | undefined;

  constructor(
    code: StampsErrorCode,
    message: string,
    { retryable = false, revert, ...options }: ErrorOptions & { retryable?: boolean; revert?: string } = {},
  ) {
    super(message, options);
    this.code = code;
    this.retryable = retryable;
    this.revert = revert;
  }
}

export function isStampsError(error: unknown, code?: StampsErrorCode): error is StampsError {
  return error instanceof StampsError && (code === undefined || error.code === code);
}

/** What a wallet, an endpoint, a contract or a rule of the protocol failed with, as a StampsError. */
export function toStampsError(error: unknown): StampsError {
  if (error instanceof StampsError) return error;
  if (error instanceof ProtocolError) {
    const code = error.code === "bad_signature" ? "bad_signature" : "bad_input";
    return new StampsError(code, error.message, { cause: error });
  }
  if (isGatewayError(error, "timeout")) {
    return new StampsError("chain_unavailable", `${error.message}: try again later`, { retryable: true, cause: error });
  }
  const { code, message, retryable, revert } = toChannelError(error);
  return new StampsError(isOfDeposits(code) ? "refused" : code, message, {
    retryable,
    ...(revert ? { revert } : {}),
    cause: error,
  });
}

const OF_DEPOSITS = ["too_little_money", "token_not_supported", "authorization_cancelled", "not_shown"] as const;

function isOfDeposits(code: ChannelErrorCode): code is (typeof OF_DEPOSITS)[number] {
  return OF_DEPOSITS.some((one) => one === code);
}

export function aborted(cause?: unknown): StampsError {
  return new StampsError("aborted", "aborted by its caller", cause === undefined ? {} : { cause });
}
