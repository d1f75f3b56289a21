import type { Address } from "../protocol/bytes.ts";
import type { Lane } from "./transactions/ports.ts";
import type { SendTerms } from "./transactions/send.ts";

export interface SettleResult {
  transactionHash: string;
  gasUsed: bigint;
  collected: bigint;
  bounty: bigint;
  /** Rows that changed a channel. */
  settledRows: number;
}

/**
 * What a daemon does on chain. What sends resolves when it is mined and had its effect, and rejects as
 * `Transactions.send` does.
 */
export interface WorkChain {
  /** What `settle` would collect with these rows now. Rejects with the revert, which is a CALL_EXCEPTION. */
  simulateSettle(rows: Uint8Array): Promise<bigint>;
  settle(rows: Uint8Array, terms: SendTerms): Promise<SettleResult>;
  /** Channels with a row in a settlement that is under way (see `Transactions.underway`), and by which lane. */
  settling(isDemanded: boolean): Promise<Map<Address, Set<Lane>>>;
  /** What `distribute` would move on: fees that were collected and not yet streamed. */
  undistributed(): Promise<bigint>;
  distribute(terms: SendTerms): Promise<void>;
  claimable(nodeId: number): Promise<bigint>;
  claim(nodeId: number, terms: SendTerms): Promise<bigint>;
  /** Whether the registry has ever written a version: before that nobody can attest anything. */
  hasVersion(): Promise<boolean>;
  /** Whether seats or keys have changed since the registry's latest version, and this epoch has none yet. */
  isRollOverDue(): Promise<boolean>;
  /** What the epochs to come pay to all seats together: reports, which need a version, decide who earns it. */
  streaming(): Promise<bigint>;
  rollOver(terms: SendTerms): Promise<void>;
}
