import type { Interface } from "ethers";
import { Contract, ZeroAddress } from "ethers";

import type { Address, Hex } from "../../protocol/bytes.ts";
import { toAddress } from "../../protocol/bytes.ts";
import type { Unit } from "./amounts.ts";
import { formatAmount } from "./amounts.ts";
import type { Context } from "./context.ts";
import { CommandError } from "./errors.ts";
import type { Call, Step } from "./plan.ts";
import type { Mined } from "./sender.ts";

const TOKEN_ABI = [
  "function balanceOf(address) view returns (uint256)",
  "function allowance(address, address) view returns (uint256)",
  "function approve(address, uint256) returns (bool)",
];

/** Who signs: the account that was named, else `owner`. */
export function actingAs({ account }: Context, owner?: Address): Address {
  const acting = account ?? owner;
  if (!acting) throw new CommandError("no_account", "who signs? Name a key file with --key, or an account with --from");
  return acting;
}

/** The problem that `account` is not whom the contract listens to. */
export function ownerProblem(account: Address, owner: Address, what: string): CommandError[] {
  if (account === owner) return [];
  return [new CommandError("not_owner", `${what} belongs to ${owner}, not to ${account}: sign with its owner`)];
}

/** The owner of a node's token. Throws CommandError `unknown_node`. */
export async function ownerOfNode({ contracts }: Context, nodeId: number): Promise<Address> {
  const [phase, last] = await Promise.all([
    contracts.nodeRegistry.phaseOf(nodeId),
    contracts.nodeRegistry.lastNodeId(),
  ]);
  if (phase === 0n) {
    const known = last === 0n ? "no node is registered yet" : `ids go from 100 to ${last}`;
    throw new CommandError("unknown_node", `there is no node ${nodeId}: ${known}; check --deployment and the id`);
  }
  return toAddress(await contracts.nodeRegistry.ownerOf(nodeId));
}

export interface Spending {
  token: Address;
  unit: Unit;
  spender: Address;
  /** The spender's name, for words. */
  spenderName: string;
  amount: bigint;
}

/** The approval that is missing, of exactly the amount, and the problem that the balance is too small. */
export async function spending(
  { provider }: Context,
  account: Address,
  { token, unit, spender, spenderName, amount }: Spending,
): Promise<{ steps: Step[]; problems: CommandError[]; balance: bigint }> {
  const handle = new Contract(token, TOKEN_ABI, provider);
  const [balance, allowance] = (await Promise.all([
    handle.getFunction("balanceOf")(account),
    handle.getFunction("allowance")(account, spender),
  ])) as [bigint, bigint];
  const steps: Step[] = [];
  if (allowance < amount) {
    const call = callOf(token, handle.interface, "approve", [spender, amount]);
    const description = `Let ${spenderName} take exactly ${formatAmount(amount, unit)} from ${account}`;
    steps.push({ description, call, approves: { token, spender, amount } });
  }
  const problems: CommandError[] = [];
  if (balance < amount) {
    const has = `${account} has ${formatAmount(balance, unit)}, this takes ${formatAmount(amount, unit)}`;
    problems.push(new CommandError("balance_short", `${has}: get ${formatAmount(amount - balance, unit)} more`));
  }
  return { steps, problems, balance };
}

export function callOf(to: string, abi: Interface, method: string, args: readonly unknown[]): Call {
  return { to: toAddress(to), data: abi.encodeFunctionData(method, args) as Hex, value: 0n };
}

/** The arguments of the first event of a name that a contract has emitted in these transactions. */
export function eventOf(
  mined: readonly Mined[],
  { address, abi }: { address: string; abi: Interface },
  name: string,
): Record<string, unknown> | undefined {
  for (const log of mined.flatMap(({ logs }) => logs)) {
    if (log.address.toLowerCase() !== address.toLowerCase()) continue;
    const event = abi.parseLog({ topics: [...log.topics], data: log.data });
    if (event?.name === name) return event.args.toObject() as Record<string, unknown>;
  }
  return undefined;
}

/** The same of an event that a transaction cannot go through without. */
export function requiredEvent(
  mined: readonly Mined[],
  source: { address: string; abi: Interface },
  name: string,
): Record<string, unknown> {
  const event = eventOf(mined, source, name);
  if (event) return event;
  const problem = `the transaction went through, and the endpoint's receipt lacks its ${name}`;
  throw new CommandError("chain_unavailable", `${problem}: look with a \`show\` command, at another --rpc-url`);
}

export const isNobody = (address: string): boolean => address === ZeroAddress;
