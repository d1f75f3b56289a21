import type { ErrorDescription, Result } from "ethers";
import { Interface, isHexString } from "ethers";

import { abis } from "./abis.ts";

/** What a contract refused with. */
export interface ContractRevert {
  /** Which contract's error it is, by its key in a deployment record; `token` for the fee or stake token. */
  contract: string;
  /** Name of the error, such as `PostageChannelsWithdrawalNotReady`. */
  name: string;
  /** Its arguments by name. */
  args: Record<string, unknown>;
}

// ERC-6093, which OpenZeppelin's tokens use. Others say it in words, which decode as Error(string).
const TOKEN_ERRORS = [
  "error ERC20InsufficientBalance(address sender, uint256 balance, uint256 needed)",
  "error ERC20InsufficientAllowance(address spender, uint256 allowance, uint256 needed)",
  "error ERC20InvalidSender(address sender)",
  "error ERC20InvalidReceiver(address receiver)",
  "error ERC20InvalidSpender(address spender)",
];

const INTERFACES: [string, Interface][] = [
  // First: the stake token's ABI has the same errors.
  ["token", new Interface(TOKEN_ERRORS)],
  ...Object.entries(abis).map(([key, abi]): [string, Interface] => [key, new Interface(abi)]),
];

/** Names a contract's revert. `undefined` when the error carries no revert data, or not of a contract of ours. */
export function decodeRevert(error: unknown): ContractRevert | undefined {
  const data = revertDataOf(error);
  if (data === undefined) return undefined;
  for (const [contract, iface] of INTERFACES) {
    const description = parse(iface, data);
    if (description) return { contract, name: description.name, args: argumentsOf(description) };
  }
  return undefined;
}

/** By name; `Error(string)` and `Panic(uint256)` have none and get numbers. */
function argumentsOf({ fragment, args }: ErrorDescription): Record<string, unknown> {
  return Object.fromEntries(fragment.inputs.map(({ name }, i) => [name || String(i), argumentOf(args, i)]));
}

/** ethers decodes when it is asked, and throws at words that are no UTF-8. */
function argumentOf(args: Result, i: number): unknown {
  try {
    return args[i] as unknown;
  } catch {
    return "(not readable)";
  }
}

function parse(iface: Interface, data: string): ErrorDescription | null {
  try {
    return iface.parseError(data);
  } catch {
    return null; // The selector of ours with a body that is not: somebody else's error.
  }
}

/**
 * What a contract reverted with; undefined when the error carries none. Clients wrap it differently: ethers in `data`,
 * JSON-RPC in `error.data`, some in `info.error.data`.
 */
export function revertDataOf(error: unknown, depth = 0): string | undefined {
  if (depth > 5 || typeof error !== "object" || error === null) return undefined;
  const fields = error as Record<string, unknown>;
  if (isHexString(fields.data) && fields.data.length >= 10) return fields.data;
  for (const key of ["data", "error", "info", "cause"]) {
    const inner = revertDataOf(fields[key], depth + 1);
    if (inner !== undefined) return inner;
  }
  return undefined;
}
