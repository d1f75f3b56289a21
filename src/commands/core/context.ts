import type { JsonRpcApiProvider, Provider } from "ethers";

import type { Contracts } from "../../contracts/connectContracts.ts";
import { connectContracts } from "../../contracts/connectContracts.ts";
import type { DeploymentRecord } from "../../contracts/deploymentRecord.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Address } from "../../protocol/bytes.ts";
import { CommandError } from "./errors.ts";
import { chainCallFailed } from "./refusal.ts";
import type { Sender } from "./sender.ts";

/** Ethers' provider, over HTTP or Hardhat's own. */
export type ChainProvider = Provider & Pick<JsonRpcApiProvider, "send">;

/** One network on one chain, as a command sees it. */
export interface Context {
  record: DeploymentRecord;
  /** Connected for reading. */
  contracts: Contracts;
  provider: ChainProvider;
  /** Where the chain answers, when that is an address. */
  rpcUrl?: string;
  /** Where the record was read. */
  deployment?: string;
  clock: Clock;
  /** Who signs: the key's account, or the one named with `--from`. */
  account?: Address;
  /** Absent when nothing can be sent. */
  sender?: Sender;
}

/** Checks that the endpoint answers for the deployment's chain. Throws `wrong_chain` or `chain_unavailable`. */
export async function connectContext(options: Omit<Context, "contracts">): Promise<Context> {
  const { record, provider } = options;
  const chainId = Number(await provider.send("eth_chainId", []).catch(chainCallFailed));
  if (chainId !== record.chainId) {
    const problem = `the endpoint is of chain ${chainId}, the deployment is on chain ${record.chainId}`;
    throw new CommandError("wrong_chain", `${problem}: change --rpc-url or --deployment`);
  }
  return { ...options, contracts: connectContracts(record, provider) };
}

/** The chain's time: that of its latest block, unix seconds. */
export async function chainNow({ provider }: Pick<Context, "provider">): Promise<bigint> {
  const block = await provider.getBlock("latest");
  if (!block) throw new CommandError("chain_unavailable", "the endpoint has no latest block: use another one");
  return BigInt(block.timestamp);
}
