import type { EventLog, Provider } from "ethers";

import type { Contracts } from "../../contracts/connectContracts.ts";
import { readNodes } from "../../contracts/readNodes.ts";
import { readRates } from "../../contracts/readRates.ts";
import type { Address } from "../../protocol/bytes.ts";
import { fromHex, toAddress, toHex } from "../../protocol/bytes.ts";
import type { DaemonChain } from "../ports.ts";
import type { Transactions } from "../transactions/send.ts";
import { ethersWork } from "./ethersWork.ts";

const SETTLED_ROW_LENGTH = 36;
/** The contracts as the daemon's chain. `contracts` only read. */
export function ethersChain(
  contracts: Contracts,
  provider: Pick<Provider, "getBlock" | "getFeeData">,
  transactions: Transactions,
): DaemonChain {
  const { postageChannels, feeDistributor, nodeRegistry, rateRegistry } = contracts;

  async function blockOf(tag: "latest" | "safe") {
    const block = await provider.getBlock(tag);
    if (!block) throw new Error(`the chain has no ${tag} block`);
    return block;
  }

  return {
    async heads() {
      const [latest, safe] = await Promise.all([blockOf("latest"), blockOf("safe")]);
      return { latest: BigInt(latest.number), safe: BigInt(safe.number), timestamp: BigInt(latest.timestamp) };
    },

    async touchedChannels(fromBlock, toBlock) {
      const names = ["Deposit", "WithdrawalRequested", "WithdrawalCancelled", "Withdrawn", "Settled"] as const;
      const topics = [names.map((name) => postageChannels.interface.getEvent(name).topicHash)];
      const logs = await postageChannels.queryFilter(topics as never, Number(fromBlock), Number(toBlock));
      const touched = new Set<Address>();
      for (const { eventName, args } of logs as unknown as EventLog[]) {
        if (eventName !== "Settled") touched.add(toAddress(String(args[0])));
        else for (const channel of settledChannels(String(args.rows))) touched.add(channel);
      }
      return touched;
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
      const { maxFeePerGas, gasPrice } = await provider.getFeeData();
      const price = gasPrice ?? maxFeePerGas;
      if (price === null) throw new Error("the chain names no gas price");
      return price;
    },

    ...ethersWork(contracts, transactions),
  };
}

/** The channels of a `Settled` event: `channel 20 | feesSpent 8 | stampsSigned 8` a row. */
function settledChannels(rows: string): Address[] {
  const bytes = fromHex(rows);
  const channels: Address[] = [];
  for (let at = 0; at + SETTLED_ROW_LENGTH <= bytes.length; at += SETTLED_ROW_LENGTH) {
    channels.push(toHex(bytes.subarray(at, at + 20)));
  }
  return channels;
}
