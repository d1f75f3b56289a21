import type { Address, Hex } from "../../protocol/bytes.ts";

export interface Call {
  from: Address;
  /** Null deploys a contract. */
  to: Address | null;
  data: Hex;
}

/** What the newest block says of fees, in wei per gas. */
export interface Market {
  baseFeePerGas: bigint;
  /** What others pay on top to be in one of the next blocks. */
  priorityFeePerGas: bigint;
  /** The block's time, in unix seconds. */
  timestamp: bigint;
  /** Most wei per byte of a transaction that are paid beside its gas, as on Base for L1; absent where nothing is. */
  dataFeePerByte?: bigint;
}

/** What a block's base fee was. */
export interface PastPrice {
  /** Unix seconds, exact or estimated from the blocks around it. */
  timestamp: bigint;
  baseFeePerGas: bigint;
}

export interface Receipt {
  hash: Hex;
  blockNumber: bigint;
  blockHash: Hex;
  isSuccess: boolean;
  gasUsed: bigint;
  to: Address | null;
  contractAddress: Address | null;
  logs: readonly { address: Address; topics: readonly Hex[]; data: Hex }[];
}

/** The chain as transactions need it. Every call may fail, and every answer may be older than the last. */
export interface TransactionChain {
  /** Rejects with the revert when the call would fail. */
  estimateGas(call: Call): Promise<bigint>;
  market(): Promise<Market>;
  /** Base fees of the last blocks, newest first, back to about so many seconds ago; absent where nobody knows them. */
  pastPrices?(seconds: bigint): Promise<PastPrice[]>;
  /** How many transactions of an account are in blocks up to there; `pending` adds those in the pool. */
  nonce(account: Address, at: "latest" | "pending" | "finalized"): Promise<number>;
  balance(account: Address): Promise<bigint>;
  receipt(hash: Hex): Promise<Receipt | undefined>;
  /** Whether the endpoint has it, in its pool or in a block. */
  isKnown(hash: Hex): Promise<boolean>;
  finalizedBlock(): Promise<bigint>;
  blockHash(number: bigint): Promise<Hex | undefined>;
  broadcast(raw: Hex): Promise<void>;
}
