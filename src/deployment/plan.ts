import { Interface, Transaction, dataLength, id, isError } from "ethers";

import { decodeRevert, revertDataOf } from "../contracts/decodeRevert.ts";
import { saysNoMoney } from "../contracts/saysNoMoney.ts";
import { PROXY } from "./create3.ts";
import { DeploymentError } from "./errors.ts";
import type { NetworkParameters } from "./networkParameters.ts";
import type { ReadArtifact } from "./readArtifact.ts";
import type { ChainReader, Deployment, Step } from "./steps.ts";
import { deploymentOf, ownersOf } from "./steps.ts";

export interface PlannedStep {
  step: Step;
  isDone: boolean;
  /** Estimated; 0 for what is done. */
  gas: bigint;
}

export interface Plan {
  deployment: Deployment;
  steps: PlannedStep[];
  owners: string[];
  /** Of what is sent and to where, whatever of it is done: the same for everybody who plans the same deployment. */
  digest: string;
  gas: bigint;
  gasPriceWei: bigint;
  /** What the chain takes for the data at most, besides gas. */
  dataFeeWei: bigint;
  /** Money sent along. */
  valueWei: bigint;
  /** All of it, at today's prices. */
  costWei: bigint;
  /** What the account has to hold before anything is sent: prices move. */
  neededWei: bigint;
  balanceWei: bigint;
}

export interface PlanOptions {
  network: NetworkParameters;
  chain: ChainReader;
  artifacts: ReadArtifact;
}

/** What deploying through proxies costs on top of deploying plainly, measured: both are estimated plainly at first. */
const CREATE3_GAS = 50_000n;
const CREATE2_GAS = 2_000n;
/** Of what cannot be estimated before the contracts are there, measured. */
const HAND_OVER_GAS: Record<string, bigint> = { roles: 400_000n, handOver: 30_000n, proxyMoney: 21_000n };
/** TransactionSender's margin, and prices that rise meanwhile. */
const NEEDED_PERCENT = 150n;

/**
 * What is left to do, for how much. Reads and sends nothing. Throws DeploymentError when it cannot work: another chain, a
 * token that is none, a constructor that refuses its parameters, something else where a contract belongs.
 *
 * @example
 * const plan = await planDeployment({ network: readNetworkParameters("base"), chain: provider, artifacts });
 */
export async function planDeployment({ network, chain, artifacts }: PlanOptions): Promise<Plan> {
  return asking(async () => {
    await requireChain(network, chain);
    const deployment = deploymentOf(network, artifacts);
    const steps: PlannedStep[] = [];
    for (const step of deployment.steps) {
      const isDone = await step.isDone(chain);
      steps.push({ step, isDone, gas: isDone ? 0n : await gasOf(step, deployment, chain) });
    }
    const costs = await costsOf(network, chain, steps);
    return { deployment, steps, owners: ownersOf(deployment), digest: digestOf(deployment), ...costs };
  });
}

/** Says of every failure that is not ours that the chain could not be asked. */
export async function asking<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof DeploymentError) throw cause;
    // Ethers' whole message names the endpoint, whose address may hold a key.
    const { shortMessage, message } = cause as Error & { shortMessage?: string };
    const problem = `the chain cannot be asked (${shortMessage ?? message}): check the endpoint and run it again`;
    throw new DeploymentError("chain_unread", problem, { cause, isRetryable: true });
  }
}

const BLS_G1_ADD = "0x000000000000000000000000000000000000000b";

async function requireChain({ network, chain: expected }: NetworkParameters, chain: ChainReader): Promise<void> {
  const { chainId } = await chain.getNetwork();
  if (chainId !== BigInt(expected.chainId)) {
    const problem = `the endpoint serves chain ${chainId}, ${network} is chain ${expected.chainId}: check its URL`;
    throw new DeploymentError("wrong_chain", problem);
  }
  // Infinity plus infinity; a chain without the precompile answers nothing.
  const sum = await chain.call({ to: BLS_G1_ADD, data: `0x${"00".repeat(256)}` });
  if (sum.length !== 2 + 2 * 128) {
    const problem = `chain ${chainId} has no BLS12-381 precompiles (EIP-2537): node keys and reports cannot be verified there`;
    throw new DeploymentError("chain_lacks", problem);
  }
  if (expected.feeToken !== "test") await requireToken(expected.feeToken, chain);
}

const TOKEN = new Interface(["function decimals() view returns (uint8)", "function symbol() view returns (string)"]);

async function requireToken(
  token: { address: string; decimals: number; symbol: string },
  chain: ChainReader,
): Promise<void> {
  const { address, decimals, symbol } = token;
  const wrong = (problem: string) =>
    new DeploymentError("wrong_token", `fee token ${address} ${problem}: check \`feeToken\` and the chain`);
  if ((await chain.getCode(address)) === "0x") throw wrong("has no code");
  const read = async (name: "decimals" | "symbol") => {
    try {
      const answer = await chain.call({ to: address, data: TOKEN.encodeFunctionData(name) });
      return String(TOKEN.decodeFunctionResult(name, answer)[0]);
    } catch (error) {
      if (!isAnswered(error) && !isError(error, "CALL_EXCEPTION") && !isError(error, "BAD_DATA")) throw error;
      throw wrong(`does not answer ${name}() (${(error as Error).message})`);
    }
  };
  const found = await read("decimals");
  if (found !== String(decimals)) throw wrong(`has ${found} decimals, expected ${decimals}`);
  const name = await read("symbol");
  if (name !== symbol) throw wrong(`is ${name}, expected ${symbol}`);
}

/** Whether the endpoint answered, with an error of JSON-RPC, which has a number; what did not get through has none. */
function isAnswered(error: unknown, depth = 0): boolean {
  if (depth > 5 || typeof error !== "object" || error === null) return false;
  const fields = error as Record<string, unknown>;
  if (typeof fields.code === "number") return true;
  return ["error", "info", "cause"].some((key) => isAnswered(fields[key], depth + 1));
}

async function gasOf(step: Step, { network, suite }: Deployment, chain: ChainReader): Promise<bigint> {
  const fixed = HAND_OVER_GAS[step.id];
  if (fixed !== undefined) return fixed;
  // Paid for by the account of the step before.
  if (step.creationCode === undefined) return 0n;
  const from = network.chain.deployer;
  const through = step.key ? suite.deployer : PROXY.address;
  const call = step.call as { to: string; data: string };
  try {
    if ((await chain.getCode(through)) !== "0x") return await chain.estimateGas({ from, to: call.to, data: call.data });
    // Constructors call nobody and ask nobody who called: deployed plainly they do the same.
    const plain = await chain.estimateGas({ from, data: step.creationCode });
    return plain + (step.key ? CREATE3_GAS : CREATE2_GAS);
  } catch (cause) {
    if (saysNoMoney(cause)) {
      const problem = `${from} has too little for an estimate: send it some of the chain's money and run it again`;
      throw new DeploymentError("no_gas_money", problem, { cause, isRetryable: true });
    }
    if (revertDataOf(cause) === undefined && !isError(cause, "CALL_EXCEPTION")) throw cause;
    throw new DeploymentError("constructor_refuses", await refusalOf(step, from, chain, cause), { cause });
  }
}

/** The constructor's own words: the Create3Deployer only says that it failed. */
async function refusalOf(step: Step, from: string, chain: ChainReader, cause: unknown): Promise<string> {
  const plain = await chain.estimateGas({ from, data: step.creationCode }).then(
    () => cause,
    (error: unknown) => error,
  );
  const revert = decodeRevert(plain);
  const args = revert && Object.entries(revert.args).map(([name, value]) => `${name} ${String(value)}`);
  const reason = revert ? `${revert.name}(${args!.join(", ")})` : (plain as Error).message;
  return `${step.words} cannot be deployed: ${reason}. Correct the network's parameters`;
}

const DATA_FEE_ORACLE = new Interface(["function getL1FeeUpperBound(uint256 size) view returns (uint256)"]);

async function costsOf({ chain: parameters }: NetworkParameters, chain: ChainReader, steps: PlannedStep[]) {
  const left = steps.filter(({ isDone }) => !isDone);
  const gas = left.reduce((sum, step) => sum + step.gas, 0n);
  const { gasPrice, maxFeePerGas } = await chain.getFeeData();
  const gasPriceWei = gasPrice ?? maxFeePerGas;
  if (gasPriceWei === null)
    throw new DeploymentError("chain_unread", "the chain names no gas price", { isRetryable: true });
  let [dataFeeWei, valueWei] = [0n, 0n];
  for (const { step } of left) {
    if ("raw" in step.call) continue;
    valueWei += step.call.value ?? 0n;
    if (!parameters.dataFeeOracle) continue;
    const transaction = Transaction.from({ type: 2, chainId: parameters.chainId, ...step.call, gasLimit: 1n });
    const data = DATA_FEE_ORACLE.encodeFunctionData("getL1FeeUpperBound", [dataLength(transaction.unsignedSerialized)]);
    const answer = await chain.call({ to: parameters.dataFeeOracle, data });
    dataFeeWei += DATA_FEE_ORACLE.decodeFunctionResult("getL1FeeUpperBound", answer)[0] as bigint;
  }
  const feesWei = gas * gasPriceWei + dataFeeWei;
  return {
    gas,
    gasPriceWei,
    dataFeeWei,
    valueWei,
    costWei: feesWei + valueWei,
    neededWei: (feesWei * NEEDED_PERCENT) / 100n + valueWei,
    balanceWei: await chain.getBalance(parameters.deployer),
  };
}

function digestOf({ network, steps }: Deployment): string {
  const sent = steps.map(({ id: name, call }) =>
    "raw" in call ? [name, call.raw] : [name, call.to, call.data, String(call.value ?? 0n)],
  );
  return id(JSON.stringify([network.chain.chainId, network.hash, sent]));
}
