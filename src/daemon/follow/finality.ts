/** How a chain says what stays. */
export type FinalityPolicy =
  /** By the block tags `safe` and `finalized`. */
  | { kind: "tags" }
  /** It has no such tags: blocks this far below the newest count as safe and as final. */
  | { kind: "depth"; safe: bigint; finalized: bigint };

/** Ethereum, Sepolia, Base, Base Sepolia, and Hardhat's local chain, whose tags are its newest block. */
const TAGGED = new Set([1n, 11_155_111n, 8_453n, 84_532n, 31_337n]);
/** Deeper than a reorg of any chain that is in use has been for years; a chain's operator may know better. */
const UNKNOWN_CHAIN: FinalityPolicy = { kind: "depth", safe: 64n, finalized: 256n };

export function finalityOf(chainId: bigint): FinalityPolicy {
  return TAGGED.has(chainId) ? { kind: "tags" } : UNKNOWN_CHAIN;
}
