import type { Provider } from "ethers";

import type { Hex } from "../../protocol/bytes.ts";
import { toAddress } from "../../protocol/bytes.ts";
import type { PastPrice, Receipt, TransactionChain } from "../transactions/chain.ts";
import { dataFeePerByte } from "./dataFee.ts";

type Endpoint = Pick<
  Provider,
  | "broadcastTransaction"
  | "call"
  | "estimateGas"
  | "getBalance"
  | "getBlock"
  | "getCode"
  | "getFeeData"
  | "getTransaction"
  | "getTransactionCount"
  | "getTransactionReceipt"
> & { send?(method: string, params: unknown[]): Promise<unknown> };

/** What endpoints answer of at once; on Base half an hour. */
const MOST_BLOCKS = 1_024n;

/** The chain of transactions over an ethers provider. */
export function ethersTransactions(provider: Endpoint): TransactionChain {
  const dataFee = dataFeePerByte(provider);
  return {
    estimateGas: ({ from, to, data }) => provider.estimateGas({ from, to, data }),

    async market() {
      const [block, fees, perByte] = await Promise.all([provider.getBlock("latest"), provider.getFeeData(), dataFee()]);
      if (!block) throw new Error("the chain has no latest block");
      const baseFeePerGas = block.baseFeePerGas ?? 0n;
      const price = fees.gasPrice ?? 0n;
      const above = price > baseFeePerGas ? price - baseFeePerGas : 0n;
      const priorityFeePerGas = fees.maxPriorityFeePerGas ?? above;
      return { baseFeePerGas, priorityFeePerGas, timestamp: BigInt(block.timestamp), dataFeePerByte: perByte };
    },

    ...(provider.send ? { pastPrices: (seconds: bigint) => pastPrices(provider as Required<Endpoint>, seconds) } : {}),

    nonce: (account, at) => provider.getTransactionCount(account, at),
    balance: (account) => provider.getBalance(account),

    async receipt(hash): Promise<Receipt | undefined> {
      const receipt = await provider.getTransactionReceipt(hash);
      if (!receipt) return undefined;
      const { blockNumber, blockHash, status, gasUsed, to, contractAddress, logs } = receipt;
      return {
        ...{ hash, gasUsed, blockNumber: BigInt(blockNumber), blockHash: blockHash as Hex, isSuccess: status === 1 },
        to: to === null ? null : toAddress(to),
        contractAddress: contractAddress === null ? null : toAddress(contractAddress),
        logs: logs.map((log) => ({
          address: toAddress(log.address),
          topics: log.topics as readonly Hex[],
          data: log.data as Hex,
        })),
      };
    },

    isKnown: async (hash) => (await provider.getTransaction(hash)) !== null,

    async finalizedBlock() {
      const block = await provider.getBlock("finalized");
      // A young chain has none yet.
      return BigInt(block?.number ?? 0);
    },

    blockHash: async (number) => (await provider.getBlock(number))?.hash as Hex | undefined,

    async broadcast(raw) {
      await provider.broadcastTransaction(raw);
    },
  };
}

/** Blocks come at about the same pace as the last ones did. */
async function pastPrices(provider: Required<Endpoint>, seconds: bigint): Promise<PastPrice[]> {
  const latest = await provider.getBlock("latest");
  if (!latest) throw new Error("the chain has no latest block");
  const depth = BigInt(latest.number) < MOST_BLOCKS ? latest.number : Number(MOST_BLOCKS - 1n);
  const oldest = await provider.getBlock(latest.number - depth);
  if (!oldest) throw new Error(`the chain has no block ${latest.number - depth}`);
  const span = latest.timestamp - oldest.timestamp;
  const wanted = span <= Number(seconds) ? depth + 1 : Math.ceil((Number(seconds) * depth) / span) + 1;
  const count = `0x${Math.min(wanted, depth + 1).toString(16)}`;
  const answer = (await provider.send("eth_feeHistory", [count, `0x${latest.number.toString(16)}`, []])) as {
    baseFeePerGas?: string[];
  };
  // One more than asked for: the next block's.
  const fees = (answer.baseFeePerGas ?? []).slice(0, -1).reverse().slice(0, wanted);
  return fees.map((fee, i) => ({
    timestamp: BigInt(latest.timestamp - (depth === 0 ? 0 : Math.round((i * span) / depth))),
    baseFeePerGas: BigInt(fee),
  }));
}
