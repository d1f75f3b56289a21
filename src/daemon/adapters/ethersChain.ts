import type { ContractTransaction, EventLog, Provider, TransactionReceipt } from "ethers";

import type { Contracts } from "../../contracts/connectContracts.ts";
import { readNodes } from "../../contracts/readNodes.ts";
import { readRates } from "../../contracts/readRates.ts";
import type { TransactionSender } from "../../contracts/transactionSender.ts";
import type { Address } from "../../protocol/bytes.ts";
import { fromHex, toAddress, toHex } from "../../protocol/bytes.ts";
import type { ChannelOnChain, DaemonChain, SettleResult } from "../ports.ts";

const SETTLED_ROW_LENGTH = 36;
/** A transaction that is not mined within this, bumps included, is given up; the next run looks again. */
const SEND_TIMEOUT_MS = 600_000;

/** The contracts as the daemon's chain. `contracts` only read; `sender` is the settlement key's. */
export function ethersChain(
  contracts: Contracts,
  provider: Pick<Provider, "getBlock" | "getFeeData">,
  sender: Pick<TransactionSender, "send">,
): DaemonChain {
  const { postageChannels, feeDistributor, nodeRegistry, rateRegistry } = contracts;

  async function blockOf(tag: "latest" | "safe") {
    const block = await provider.getBlock(tag);
    if (!block) throw new Error(`the chain has no ${tag} block`);
    return block;
  }

  /** Simulates, sends and waits until it is mined. */
  async function send(call: ContractTransaction): Promise<TransactionReceipt> {
    const receipt = await sender.send({ to: call.to, data: call.data }, AbortSignal.timeout(SEND_TIMEOUT_MS));
    if (receipt.status !== 1) throw new Error(`transaction ${receipt.hash} was mined and reverted`);
    return receipt;
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
      const { maxFeePerGas, gasPrice } = await provider.getFeeData();
      const price = gasPrice ?? maxFeePerGas;
      if (price === null) throw new Error("the chain names no gas price");
      return price;
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

/** The channels of a `Settled` event: `channel 20 | feesSpent 8 | stampsSigned 8` a row. */
function settledChannels(rows: string): Address[] {
  const bytes = fromHex(rows);
  const channels: Address[] = [];
  for (let at = 0; at + SETTLED_ROW_LENGTH <= bytes.length; at += SETTLED_ROW_LENGTH) {
    channels.push(toHex(bytes.subarray(at, at + 20)));
  }
  return channels;
}
