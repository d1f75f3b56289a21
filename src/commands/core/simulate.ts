import { AbiCoder, Interface, keccak256, toBeHex } from "ethers";

import type { Address, Hex } from "../../protocol/bytes.ts";
import type { ChainProvider } from "./context.ts";
import type { CommandError } from "./errors.ts";
import type { Call, Plan, Step } from "./plan.ts";
import { asCommandError } from "./refusal.ts";

const ALLOWANCE = new Interface(["function allowance(address owner, address spender) view returns (uint256)"]);
/** Where tokens keep allowances: OpenZeppelin's at 1, USDC's at 10. */
const MOST_SLOTS = 20;

type Overrides = Record<Address, { stateDiff: Record<Hex, Hex> }>;

export type Verdict =
  /** It would go through now. */
  | { state: "accepted"; gas?: bigint }
  | { state: "refused"; refusal: CommandError }
  /** Only the steps before it make it possible. */
  | { state: "later" };

/** Asks the chain about every step, and sends nothing. Rejects when the endpoint does not answer. */
export async function simulate(provider: ChainProvider, { account, steps }: Plan): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  let overrides: Overrides | undefined = {};
  for (const step of steps) {
    if (typeof step.call === "function" || step.canSimulate === false || !overrides) {
      verdicts.push({ state: "later" });
      continue;
    }
    verdicts.push(await ask(provider, account, step.call, overrides));
    if (step.approves) overrides = await withAllowance(provider, account, step.approves, overrides);
  }
  return verdicts;
}

async function ask(provider: ChainProvider, from: Address, call: Call, overrides: Overrides): Promise<Verdict> {
  const { to, data } = call;
  const transaction = { from, ...(to ? { to } : {}), data };
  try {
    if (Object.keys(overrides).length === 0) {
      return { state: "accepted", gas: await provider.estimateGas(transaction) };
    }
    await provider.send("eth_call", [transaction, "latest", overrides]);
    return { state: "accepted" };
  } catch (error) {
    const refusal = asCommandError(error);
    if (refusal?.code !== "refused" && refusal?.code !== "no_gas_money") throw error;
    return { state: "refused", refusal };
  }
}

/**
 * The state as if an approval was there: the token's slot is the one with which `allowance` answers the amount.
 * Undefined when none is found, or the endpoint takes no overrides.
 */
async function withAllowance(
  provider: ChainProvider,
  owner: Address,
  { token, spender, amount }: NonNullable<Step["approves"]>,
  overrides: Overrides,
): Promise<Overrides | undefined> {
  const data = ALLOWANCE.encodeFunctionData("allowance", [owner, spender]);
  for (let slot = 0; slot < MOST_SLOTS; slot++) {
    const key = mappingSlot(spender, mappingSlot(owner, toBeHex(slot, 32) as Hex));
    const changed = { ...overrides, [token]: { stateDiff: { [key]: toBeHex(amount, 32) as Hex } } };
    try {
      const answer = (await provider.send("eth_call", [{ to: token, data }, "latest", changed])) as string;
      if (BigInt(answer) === amount) return changed;
    } catch {
      return undefined;
    }
  }
  return undefined;
}

function mappingSlot(key: Address, slot: Hex): Hex {
  return keccak256(AbiCoder.defaultAbiCoder().encode(["address", "bytes32"], [key, slot])) as Hex;
}

/** A transaction as wallets and Safes take it. */
export function printableCall({ to, data, value }: Call): { to: Address | null; data: Hex; value: string } {
  return { to, data, value: value.toString() };
}
