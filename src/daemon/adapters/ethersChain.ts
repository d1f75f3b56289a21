import type { Provider } from "ethers";

import type { Contracts } from "../../contracts/connectContracts.ts";
import { readNodes } from "../../contracts/readNodes.ts";
import { readRates } from "../../contracts/readRates.ts";
import type { ChainEndpoint } from "../follow/ports.ts";
import type { DaemonChain } from "../ports.ts";
import type { Transactions } from "../transactions/send.ts";
import { dataFeePerByte } from "./dataFee.ts";
import type { EthersEndpointOptions } from "./ethersEndpoint.ts";
import { ethersEndpoint } from "./ethersEndpoint.ts";
import { ethersWork } from "./ethersWork.ts";

/**
 * The contracts as the daemon's chain. `contracts` only read.
 * @param endpoints what is followed; without them the provider itself, as a chain with block tags
 */
export function ethersChain(
  contracts: Contracts,
  provider: Pick<Provider, "call" | "getBlock" | "getCode"> & EthersEndpointOptions["provider"],
  transactions: Transactions,
  endpoints: readonly ChainEndpoint[] = [
    ethersEndpoint({ name: "rpc", provider, contracts, finality: { kind: "tags" } }),
  ],
): DaemonChain {
  const { postageChannels, feeDistributor, nodeRegistry, rateRegistry } = contracts;

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
      return states.map(({ deposited, feesSpent, stampsSpent, stampsSigned, pendingWithdrawal, readyAt }) => ({
        ...{ deposited, feesSpent, stampsSpent, stampsSigned, pendingWithdrawal },
        ...(pendingWithdrawal > 0n ? { withdrawableAt: readyAt } : {}),
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

    dataFeePerByte: dataFeePerByte(provider),

    ...ethersWork(contracts, transactions),
  };
}
