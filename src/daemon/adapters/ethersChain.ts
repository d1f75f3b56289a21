import type { ContractTransaction, Provider, TransactionReceipt } from "ethers";

import type { Contracts } from "../../contracts/connectContracts.ts";
import { readNodes } from "../../contracts/readNodes.ts";
import { readRates } from "../../contracts/readRates.ts";
import type { TransactionSender } from "../../contracts/transactionSender.ts";
import { toHex } from "../../protocol/bytes.ts";
import type { ChainEndpoint } from "../follow/ports.ts";
import type { ChannelOnChain, DaemonChain, SettleResult } from "../ports.ts";
import type { EthersEndpointOptions } from "./ethersEndpoint.ts";
import { ethersEndpoint, settledChannels } from "./ethersEndpoint.ts";

/** A transaction that is not mined within this, bumps included, is given up; the next run looks again. */
const SEND_TIMEOUT_MS = 600_000;

/**
 * The contracts as the daemon's chain. `contracts` only read; `sender` is the settlement key's.
 * @param endpoints what is followed; without them the provider itself, as a chain with block tags
 */
export function ethersChain(
  contracts: Contracts,
  provider: Pick<Provider, "getBlock"> & EthersEndpointOptions["provider"],
  sender: Pick<TransactionSender, "send">,
  endpoints: readonly ChainEndpoint[] = [
    ethersEndpoint({ name: "rpc", provider, contracts, finality: { kind: "tags" } }),
  ],
): DaemonChain {
  const { postageChannels, feeDistributor, nodeRegistry, rateRegistry } = contracts;

  /** Simulates, sends and waits until it is mined. */
  async function send(call: ContractTransaction): Promise<TransactionReceipt> {
    const receipt = await sender.send({ to: call.to, data: call.data }, AbortSignal.timeout(SEND_TIMEOUT_MS));
    if (receipt.status !== 1) throw new Error(`transaction ${receipt.hash} was mined and reverted`);
    return receipt;
  }

  return {
    endpoints,

    async heads() {
      const block = await provider.getBlock("latest");
      if (!block) throw new Error("the chain has no latest block");
      return { timestamp: BigInt(block.timestamp) };
    },

    async channels(channels, block) {
      if (channels.length === 0) return [];
      const states = await postageChannels.getChannels([...channels], { blockTag: block ?? "latest" });
      return states.map(({ deposited, feesSpent, stampsSpent, stampsSigned, pendingWithdrawal }): ChannelOnChain => ({
        ...{ deposited, feesSpent, stampsSpent, stampsSigned, pendingWithdrawal },
      }));
    },

    rates: () => readRates(rateRegistry),

    async retentionDays() {
      return Number(await rateRegistry.retentionDays());
    },

    async nodes() {
      const nodes = await readNodes(nodeRegistry);
      return nodes.map(({ id, httpAddress, isCanonical }) => ({ nodeId: id, httpAddress, isCanonical }));
    },

    epochSeconds: () => feeDistributor.epochSeconds(),

    async gasPrice() {
      // `getFeeData` would make three calls of it.
      const price = await provider.send("eth_gasPrice", []);
      if (typeof price !== "string" || !/^0x[0-9a-f]{1,32}$/i.test(price))
        throw new Error("the chain names no gas price");
      return BigInt(price);
    },

    async settle(rows): Promise<SettleResult> {
      const receipt = await send(await postageChannels.settle.populateTransaction(toHex(rows)));
      const result = { transactionHash: receipt.hash, gasUsed: receipt.gasUsed };
      for (const log of receipt.logs) {
        const event = postageChannels.interface.parseLog(log);
        if (event?.name !== "Settled") continue;
        const { collected, bounty, rows: changed } = event.args as unknown as Record<string, bigint | string>;
        const settledRows = settledChannels(String(changed)).length;
        return { ...result, collected: BigInt(collected!), bounty: BigInt(bounty!), settledRows };
      }
      return { ...result, collected: 0n, bounty: 0n, settledRows: 0 };
    },

    async undistributed() {
      return (await postageChannels.uncollected()) + (await feeDistributor.remainder());
    },

    async distribute() {
      await send(await feeDistributor.distribute.populateTransaction());
    },

    claimable: (nodeId) => feeDistributor.claimable(nodeId),

    async claim(nodeId) {
      const receipt = await send(await feeDistributor.claim.populateTransaction(nodeId));
      const events = receipt.logs.map((log) => feeDistributor.interface.parseLog(log));
      const claimed = events.find((event) => event?.name === "Claimed");
      return BigInt((claimed?.args.amount as bigint | undefined) ?? 0n);
    },
  };
}
