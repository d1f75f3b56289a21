import type { Log as EthersLog, Provider } from "ethers";

import type { Contracts } from "../../contracts/connectContracts.ts";
import type { DeploymentRecord } from "../../contracts/deploymentRecord.ts";
import { readAllNodes } from "../../contracts/readNodes.ts";
import { readRates } from "../../contracts/readRates.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Hex } from "../../protocol/bytes.ts";
import { fromHex } from "../../protocol/bytes.ts";
import type { ChainEvent, NodeChain } from "../ports.ts";

const ATTEMPTS = 3;
const FIRST_RETRY_MS = 200;
/** Blocks whose time is asked for at once. */
const BLOCKS_AT_ONCE = 10;

export interface EthersNodeChainOptions {
  record: DeploymentRecord;
  contracts: Contracts;
  provider: Pick<Provider, "getBlock" | "getLogs">;
  clock: Clock;
}

/** The contracts as a node reads them. A call that fails is tried again twice before it throws. */
export function ethersNodeChain({ record, contracts, provider, clock }: EthersNodeChainOptions): NodeChain {
  const { nodeRegistry, rateRegistry, identityRegistry, commitBroadcaster } = contracts;
  const addresses = [record.contracts.identityRegistry.address, record.contracts.commitBroadcaster.address];
  const identityTopic = identityRegistry.interface.getEvent("IdentityUpdateCreated").topicHash;
  const commitTopic = commitBroadcaster.interface.getEvent("MessageSent").topicHash;
  const retried = <T>(call: () => Promise<T>) => retrying(clock, call);

  /** An endpoint refuses ranges with too many logs: halves are asked for then, down to one block. */
  async function logs(first: number, last: number): Promise<EthersLog[]> {
    const filter = { address: addresses, topics: [[identityTopic, commitTopic]], fromBlock: first, toBlock: last };
    if (first === last) return retried(() => provider.getLogs(filter));
    try {
      return await provider.getLogs(filter);
    } catch {
      const middle = Math.floor((first + last) / 2);
      return [...(await logs(first, middle)), ...(await logs(middle + 1, last))];
    }
  }

  /** Of the blocks with these hashes; by hash, so that a reorganisation in between cannot mix two chains. */
  async function timestamps(hashes: readonly string[]): Promise<Map<string, bigint>> {
    const found = new Map<string, bigint>();
    for (let i = 0; i < hashes.length; i += BLOCKS_AT_ONCE) {
      const part = hashes.slice(i, i + BLOCKS_AT_ONCE);
      const blocks = await Promise.all(part.map((hash) => retried(() => provider.getBlock(hash))));
      for (const [j, block] of blocks.entries()) {
        if (!block) throw new Error(`block ${part[j]} is gone: the chain was reorganised`);
        found.set(part[j]!, BigInt(block.timestamp));
      }
    }
    return found;
  }

  function toEvent(log: EthersLog, blockTimestamp: bigint): ChainEvent {
    const isIdentity = log.topics[0] === identityTopic;
    const parsed = (isIdentity ? identityRegistry : commitBroadcaster).interface.parseLog(log);
    if (!parsed) throw new Error(`log ${log.index} of transaction ${log.transactionHash} cannot be read`);
    const { inboxId, groupId, update, message, sequenceId } = parsed.args as unknown as Record<string, string> & {
      sequenceId: bigint;
    };
    return {
      kind: isIdentity ? "identity" : "commit",
      subject: fromHex((isIdentity ? inboxId : groupId)!),
      sequenceId,
      clientEnvelope: fromHex((isIdentity ? update : message)!),
      blockNumber: log.blockNumber,
      blockHash: log.blockHash as Hex,
      blockTimestamp,
      transactionHash: log.transactionHash as Hex,
      logIndex: log.index,
    };
  }

  return {
    deploymentBlock: record.deploymentBlock,

    registeredNodes: () => retried(() => readAllNodes(nodeRegistry)),

    nodeKey: (nodeId, signer) =>
      retried(async () => {
        const { known, retiredAt } = await nodeRegistry.keyOf(nodeId, signer);
        if (!known) return undefined;
        return retiredAt === 0n ? {} : { retiredAt };
      }),

    terms: () =>
      retried(async () => ({
        rates: await readRates(rateRegistry),
        retentionDays: Number(await rateRegistry.retentionDays()),
      })),

    latestBlock: () =>
      retried(async () => {
        const block = await provider.getBlock("latest");
        if (!block?.hash) throw new Error("the chain has no latest block");
        return { number: block.number, hash: block.hash as Hex };
      }),

    block: (number) =>
      retried(async () => {
        const block = await provider.getBlock(number);
        return block?.hash ? { number: block.number, hash: block.hash as Hex } : undefined;
      }),

    events: async (first, last) => {
      const found = await logs(first, last);
      found.sort((a, b) => a.blockNumber - b.blockNumber || a.index - b.index);
      const times = await timestamps([...new Set(found.map(({ blockHash }) => blockHash))]);
      return found.map((log) => toEvent(log, times.get(log.blockHash)!));
    },
  };
}

async function retrying<T>(clock: Clock, call: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      if (attempt === ATTEMPTS) throw error;
      await clock.sleep(FIRST_RETRY_MS * 2 ** (attempt - 1));
    }
  }
}
