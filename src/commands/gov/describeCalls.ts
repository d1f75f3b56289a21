import type { ParamType, Result, TransactionDescription } from "ethers";
import { Interface } from "ethers";

import type { ContractKey } from "../../contracts/abis.ts";
import { abis } from "../../contracts/abis.ts";
import type { DeploymentRecord } from "../../contracts/deploymentRecord.ts";
import type { Address } from "../../protocol/bytes.ts";
import type { Context } from "../core/context.ts";
import { CommandError } from "../core/errors.ts";
import type { Row } from "../core/plan.ts";
import { json } from "../core/print.ts";
import { asCommandError } from "../core/refusal.ts";
import type { ProposedCall } from "./proposal.ts";
import { printable } from "../../contracts/proposals.ts";
import type { Change } from "./settings.ts";
import { SETTINGS } from "./settings.ts";

const FEE_TOKEN_ABI = [
  "function transfer(address to, uint256 amount) returns (bool)",
  "function approve(address spender, uint256 amount) returns (bool)",
];
const CREATE3_ABI = ["function deploy(bytes32 salt, bytes creationCode) returns (address)"];

/** What a proposal can call: the contracts of a deployment, its fee token and its Create3Deployer. */
export interface Target {
  name: string;
  address: Address;
  abi: Interface;
}

export function targetsOf(record: DeploymentRecord): Target[] {
  const contracts = Object.entries(abis).map(([name, abi]) => ({
    ...{ name, abi: new Interface(abi) },
    address: record.contracts[name as ContractKey].address.toLowerCase() as Address,
  }));
  const others: [string, string, string[]][] = [
    ["feeToken", record.token, FEE_TOKEN_ABI],
    ["create3Deployer", record.deployer, CREATE3_ABI],
  ];
  const rest = others.map(([name, address, abi]) => ({
    ...{ name, abi: new Interface(abi) },
    address: address.toLowerCase() as Address,
  }));
  return [...contracts, ...rest];
}

type Trial = { state: "accepted" } | { state: "refused"; refusal: CommandError } | { state: "untried"; why: string };

/** A call in words. */
export interface DescribedCall {
  /** `rateRegistry.scheduleRates(...)`, or an address and bytes. */
  title: string;
  /** False when it is not of this deployment, or of no function that it has. */
  isKnown: boolean;
  args: Record<string, unknown>;
  changes: Change[];
  affects?: string;
  /** Undefined of what is over. */
  trial?: Trial;
}

/**
 * Says what calls do, compares with what is, and tries each alone as the Timelock.
 *
 * @param executedAt When they are made at the earliest, unix seconds; undefined when they are not made any more.
 */
export async function describeCalls(
  context: Context,
  calls: readonly ProposedCall[],
  executedAt: bigint | undefined,
): Promise<DescribedCall[]> {
  const targets = targetsOf(context.record);
  return Promise.all(
    calls.map(async (call) => {
      const target = targets.find(({ address }) => address === call.target);
      const parsed = target ? parse(target.abi, call) : null;
      const trial = executedAt === undefined ? {} : { trial: await attempt(context, call, target) };
      if (!target || !parsed) {
        const title = `${target?.name ?? call.target}: ${call.data.slice(0, 10)}, ${call.data.length / 2 - 1} bytes`;
        return { title, isKnown: false, args: { data: call.data }, changes: [], ...trial };
      }
      const setting = SETTINGS[`${target.name}.${parsed.name}`];
      const isCompared = setting !== undefined && executedAt !== undefined;
      return {
        ...{ title: `${target.name}.${parsed.signature}`, isKnown: true },
        args: Object.fromEntries(
          parsed.fragment.inputs.map((input, i) => [input.name || String(i), plain(input, parsed.args[i])]),
        ),
        changes: isCompared ? await setting.changes(context.contracts, [...parsed.args], executedAt) : [],
        ...(setting ? { affects: setting.affects } : {}),
        ...trial,
      };
    }),
  );
}

function parse(abi: Interface, { data, value }: ProposedCall): TransactionDescription | null {
  try {
    return abi.parseTransaction({ data, value });
  } catch {
    return null; // A selector of ours with arguments that are not.
  }
}

/** A decoded argument with the names that structs have. */
function plain(type: ParamType, value: unknown): unknown {
  if (type.baseType === "array") return [...(value as Result)].map((one) => plain(type.arrayChildren!, one));
  if (type.baseType !== "tuple") return value;
  return Object.fromEntries(type.components!.map((part, i) => [part.name, plain(part, (value as Result)[i])]));
}

async function attempt({ provider, record }: Context, call: ProposedCall, target?: Target): Promise<Trial> {
  if (target?.name === "postageGovernor") {
    return { state: "untried", why: "the Governor listens only while it executes a proposal" };
  }
  const from = record.contracts.timelock.address;
  const transaction = { from, to: call.target, data: call.data, value: `0x${call.value.toString(16)}` };
  try {
    await provider.send("eth_call", [transaction, "latest"]);
    return { state: "accepted" };
  } catch (error) {
    const refusal = asCommandError(error);
    if (refusal?.code === "refused" || refusal?.code === "no_gas_money") return { state: "refused", refusal };
    // A revert without data: endpoints tell it in words alone.
    if (!(error instanceof Error) || !/\brevert/i.test(error.message)) throw error;
    const problem = "the chain refuses without saying why: check the function and its arguments";
    return { state: "refused", refusal: new CommandError("refused", problem, { cause: error }) };
  }
}

/** Calls as rows. */
export function callRows(described: readonly DescribedCall[]): Row[] {
  return described.flatMap(({ title, isKnown, args, changes, affects, trial }, i) => [
    [`call ${i + 1}`, isKnown ? title : `${title} (nothing of this deployment that is known)`] as const,
    ...(changes.length > 0 ? changes.map(changeRow) : Object.entries(args).map(argumentRow)),
    ...(affects === undefined ? [] : [["  affects", affects] as const]),
    ...(trial ? [["  if executed now", trialInWords(trial)] as const] : []),
  ]);
}

function changeRow({ name, now, proposed, bounds }: Change): Row {
  const value = now === undefined ? proposed : `${now} -> ${proposed}${now === proposed ? " (as it is)" : ""}`;
  return [`  ${name}`, bounds === undefined ? value : `${value} (allowed: ${bounds})`];
}

function argumentRow([name, value]: [string, unknown]): Row {
  const text = typeof value === "string" || typeof value === "bigint" ? value.toString() : json(value);
  return [`  ${name}`, printable(text)];
}

function trialInWords(trial: Trial): string {
  switch (trial.state) {
    case "accepted":
      return "would be accepted";
    case "refused":
      return trial.refusal.message;
    case "untried":
      return `cannot be tried: ${trial.why}`;
  }
}

/** Calls for machines. */
export function callData(calls: readonly ProposedCall[], described: readonly DescribedCall[]): unknown[] {
  return described.map(({ title, isKnown, args, changes, trial }, i) => ({
    ...{ target: calls[i]!.target, data: calls[i]!.data, value: calls[i]!.value },
    ...{ function: isKnown ? title : null, args, simulation: trial?.state ?? null },
    changes: changes.map(({ name, now, proposed, bounds }) => ({ name, now, proposed, bounds })),
  }));
}
