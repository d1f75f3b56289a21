import type { Address, Hex } from "../../protocol/bytes.ts";
import type { ChannelOnChain, JournalBlock } from "../ports.ts";

export interface Head {
  number: bigint;
  hash: Hex;
  /** Seconds since 1970, as the chain counts. */
  timestamp: bigint;
}

export interface Heads {
  latest: Head;
  safe: Head;
  finalized: Head;
}

/**
 * One endpoint of the chain. Every call may fail, and every answer may be wrong: it is well formed, within what was
 * asked, and no more is known of it. An event says where to look; only states say what a channel has.
 */
export interface ChainEndpoint {
  readonly name: string;
  heads(): Promise<Heads>;
  /** The newest block, and those from a block on with events of ours; read at about the same moment, in one request. */
  peek(fromBlock: bigint): Promise<{ latest: Head; blocks: JournalBlock[] }>;
  /**
   * Blocks with events of ours between two (inclusive), ascending, and the hash that the last block of the range had at
   * that moment. Rejects with RangeRefusedError when the range is more than the endpoint answers.
   */
  events(fromBlock: bigint, toBlock: bigint): Promise<{ blocks: JournalBlock[]; endHash: Hex | undefined }>;
  /** Undefined when it has no such block. */
  hashOf(number: bigint): Promise<Hex | undefined>;
  /** In the order asked, at the block of this hash. Rejects when the endpoint does not have it. */
  channels(channels: readonly Address[], blockHash: Hex): Promise<ChannelOnChain[]>;
}

/** The endpoint refuses a question about logs of so many blocks. */
export class RangeRefusedError extends Error {
  override readonly name = "RangeRefusedError";
}

/** The endpoint's newest block comes before one that was read already. */
export class LaggingError extends Error {
  override readonly name = "LaggingError";
}

/** What the endpoint says contradicts itself: a reorg came in between, or it leaves things out. The next look decides. */
export class InconsistentError extends Error {
  override readonly name = "InconsistentError";
}

/** Endpoints name different final blocks: none of them is believed. */
export class FinalityDisputedError extends Error {
  override readonly name = "FinalityDisputedError";
}

/** An operator's word about a reorganisation that does not fit what is known; the message says what would. */
export class ReorgRefusedError extends Error {
  override readonly name = "ReorgRefusedError";
}

/** The chain took back what it called final. Nothing it says counts until the operator has looked. */
export class FinalityBrokenError extends Error {
  override readonly name = "FinalityBrokenError";
}
