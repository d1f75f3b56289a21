import type { ContractRunner, Log, TypedDataDomain } from "ethers";
import { Contract, Interface, TypedDataEncoder, isError } from "ethers";

import type { Address, Hex } from "../../protocol/bytes.ts";
import { toAddress } from "../../protocol/bytes.ts";
import { ChannelError } from "./errors.ts";

const ABI = [
  "function name() view returns (string)",
  "function version() view returns (string)",
  "function DOMAIN_SEPARATOR() view returns (bytes32)",
  "function balanceOf(address) view returns (uint256)",
  "function nonces(address) view returns (uint256)",
  "function authorizationState(address, bytes32) view returns (bool)",
] as const;

const EVENTS = new Interface(["event Transfer(address indexed from, address indexed to, uint256 value)"]);

/** How a deposit is signed: EIP-3009, or EIP-2612 where a token has no more than that. */
export type FundingForm = "authorization" | "permit";

export interface FeeToken {
  address: Address;
  form: FundingForm;
  domain: TypedDataDomain;
  balanceOf(account: Address): Promise<bigint>;
  /** Of the next permit. */
  nonceOf(account: Address): Promise<bigint>;
  /** Whether an authorization was used, or cancelled: then it is not taken any more. */
  isSpent(account: Address, nonce: Hex): Promise<boolean>;
}

/**
 * Finds out what the token takes, and by what domain it is signed. Tokens tell their version in no common way, so that the
 * domain is tried against the token's own separator: a wallet must not sign what then fails on chain. Throws ChannelError
 * `token_not_supported`.
 */
export async function readFeeToken(address: Address, chainId: bigint, runner: ContractRunner): Promise<FeeToken> {
  const token = new Contract(address, ABI, runner);
  const call = <T>(name: string, ...args: unknown[]) => token.getFunction(name).staticCall(...args) as Promise<T>;
  const [name, version, separator, nonces, authorization] = await Promise.all([
    orUndefined(call<string>("name")),
    orUndefined(call<string>("version")),
    orUndefined(call<Hex>("DOMAIN_SEPARATOR")),
    orUndefined(call<bigint>("nonces", address)),
    orUndefined(call<boolean>("authorizationState", address, `0x${"00".repeat(32)}`)),
  ]);
  const form = authorization !== undefined ? "authorization" : nonces !== undefined ? "permit" : undefined;
  const domain = (name === undefined ? [] : [version, "1", "2"])
    .filter((one) => one !== undefined)
    .map((one): TypedDataDomain => ({ name, version: one, chainId, verifyingContract: address }))
    .find((one) => TypedDataEncoder.hashDomain(one) === separator);
  if (!form || !domain) {
    const problem = `the fee token ${address} takes neither an EIP-3009 authorization nor an EIP-2612 permit`;
    throw new ChannelError("token_not_supported", `${problem}: approve PostageChannels and call deposit instead`);
  }
  return {
    ...{ address, form, domain },
    balanceOf: (account) => call("balanceOf", account),
    nonceOf: (account) => call("nonces", account),
    isSpent: (account, nonce) => call("authorizationState", account, nonce),
  };
}

/** What the token says in this log that it moved from one account to another; undefined when it is about something else. */
export function movedIn(log: Log, token: Address, from: Address, to: Address): bigint | undefined {
  const event = toAddress(log.address) === token ? EVENTS.parseLog(log) : null;
  if (event === null || toAddress(event.args.from as string) !== from) return undefined;
  return toAddress(event.args.to as string) === to ? (event.args.value as bigint) : undefined;
}

/** A token that lacks a function reverts, or answers nothing. Anything else is the endpoint's failure and not the token's answer. */
async function orUndefined<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (isError(error, "CALL_EXCEPTION") || isError(error, "BAD_DATA")) return undefined;
    throw error;
  }
}
