import { isError } from "ethers";

import type { ContractRevert } from "../../contracts/decodeRevert.ts";
import { decodeRevert, revertDataOf } from "../../contracts/decodeRevert.ts";
import { saysNoMoney } from "../../contracts/saysNoMoney.ts";
import { TransactionError } from "../../contracts/transactionSender.ts";
import { ADVICE } from "./advice.ts";
import { CommandError } from "./errors.ts";
import { instant } from "./time.ts";

const DEFAULT_ADVICE = "contracts/interfaces documents the error";
/** Arguments that are instants. */
const INSTANT = /(At|Until|until|now_?)$/;
/** What ethers calls an endpoint that does not answer, or answers something else. */
const ENDPOINT_CODES = ["NETWORK_ERROR", "SERVER_ERROR", "TIMEOUT", "UNKNOWN_ERROR", "BAD_DATA"];

/** A contract's refusal in words, with what to do. */
export function refusalOf(revert: ContractRevert): CommandError {
  const { name, args } = revert;
  const words = Object.entries(args).map(([key, value]) => `${key} ${argument(key, value)}`);
  const advice = ADVICE[name] ?? DEFAULT_ADVICE;
  const problem = `the chain refuses: ${name}${words.length > 0 ? ` (${words.join(", ")})` : ""}: ${advice}`;
  return new CommandError("refused", problem, { contractError: name, args });
}

function argument(name: string, value: unknown): string {
  return typeof value === "bigint" && INSTANT.test(name) ? instant(value) : String(value);
}

/**
 * Whatever an external call failed with as what a command fails with; `undefined` for what is nobody's but ours, a
 * mistake in this program.
 */
export function asCommandError(error: unknown): CommandError | undefined {
  if (error instanceof CommandError) return error;
  if (error instanceof TransactionError) return new CommandError(error.code, error.message, { cause: error });
  if (saysNoMoney(error)) {
    return new CommandError("no_gas_money", "the account has no money for gas: send it some", { cause: error });
  }
  const revert = decodeRevert(error);
  if (revert) return refusalOf(revert);
  const data = revertDataOf(error);
  const reason = isError(error, "CALL_EXCEPTION") ? error.reason : undefined;
  if (data !== undefined || reason) {
    const what = reason ?? `unknown error ${data!.slice(0, 10)}`;
    return new CommandError("refused", `the chain refuses: ${what}: ${DEFAULT_ADVICE}`, { cause: error });
  }
  if (isTimeout(error)) {
    const problem = "the transaction was sent and is not in a block yet: look for it before you run this again";
    return new CommandError("not_mined", problem, { cause: error });
  }
  if (isFileError(error)) return new CommandError("bad_file", `${error.message}: name another file`, { cause: error });
  if (isEndpointError(error)) return unavailable(error);
  return undefined;
}

/** Rejects with `chain_unavailable`. */
export function chainCallFailed(cause: unknown): never {
  throw unavailable(cause);
}

function unavailable(cause: unknown): CommandError {
  const short = (cause as { shortMessage?: string }).shortMessage ?? (cause as Error).message;
  const problem = `the chain's endpoint does not answer as it should (${short}): try again, or change --rpc-url`;
  return new CommandError("chain_unavailable", problem, { cause });
}

function isTimeout(error: unknown): boolean {
  return error instanceof DOMException && (error.name === "TimeoutError" || error.name === "AbortError");
}

function isFileError(error: unknown): error is Error {
  return error instanceof Error && "syscall" in error && "path" in error;
}

function isEndpointError(error: unknown): boolean {
  if (typeof error !== "object" || error === null) return false;
  const { code, syscall } = error as { code?: unknown; syscall?: unknown };
  // Ethers rejects with CALL_EXCEPTION also where no contract answers.
  return syscall !== undefined || code === "CALL_EXCEPTION" || ENDPOINT_CODES.includes(String(code)) || isRpcCode(code);
}

/** JSON-RPC's own, as Hardhat's provider passes them on. */
function isRpcCode(code: unknown): boolean {
  return typeof code === "number" && code <= -32_000;
}
