import type { Address } from "../../protocol/bytes.ts";
import type { SignedVoucher } from "../../protocol/voucher.ts";
import type { Terms } from "../backing.ts";
import type { Charge } from "../ports.ts";
import type { PostageRefused } from "../refusal.ts";

/** What a publish call wants to have let in, all of it or nothing. */
export interface Ask {
  /** The payers of the call. */
  channels: readonly Address[];
  /** One per envelope that costs something, each once. */
  charges: readonly Charge[];
  /** Whether none of them was charged before, for certain. */
  isNew: boolean;
  /** The call's voucher when it raises what is known of its channel. It is on disk, whatever is decided, when `hold` is over. */
  raise: SignedVoucher | undefined;
  /** Whether the call came with a voucher, also one that raises nothing. */
  hasVoucher: boolean;
  /** Asked at the moment of the decision. */
  terms: () => Terms;
}

export type ChargeKey = Pick<Charge, "channel" | "digest">;

export const keyOf = ({ channel, digest }: ChargeKey): string => `${channel}:${digest}`;

/** Postage that is held for a call until the node says whether it stored the envelopes. */
export interface Hold {
  /**
   * Whether everything of the call is held for it alone; to be asked right before it is sent to a node that stores what
   * comes twice. False when an envelope was let in or charged before, or another process may think that this one is gone.
   */
  isHeld(): boolean;
  /** To be called once: whether the node has all of it on disk, so that the meter will meet it, or nothing. */
  release(stored: boolean): void;
}

/** What metering the log, from its start in this moment to its end, says the fate of. */
export interface Ripe {
  own: readonly ChargeKey[];
  /** Processes that are gone, with whatever they held. */
  gone: readonly bigint[];
}

/**
 * What was let in and is not in the ledger yet: fees of messages on their way through the node, and what was lent since the
 * last round of gossip. One check and hold at a time for a channel, whichever process it comes to.
 */
export interface Holdings {
  /** Messages that are held, as far as this process knows: what comes next is numbered after them. */
  readonly count: number;
  /** Whether something was lent here since the last round. */
  readonly isLent: boolean;
  /** Throws PostageRefused; then nothing is held. */
  hold(ask: Ask): Promise<Hold>;
  /** A majority of seats has answered a round of gossip. */
  noteRound(): Promise<void>;
  /** Before a run of the meter. */
  ripe(): Ripe;
  /** After the run, when it came to the end of every log: what it did not meet the node has not stored. */
  reap(ripe: Ripe): Promise<void>;
  /** Says to other processes that this one lives; to be called every `TEND_MS`. */
  tend(): Promise<void>;
  /** No call is under way any more. */
  close(): Promise<void>;
}

export const TEND_MS = 5_000;

/** A hold or a raise under a lease that has ended: nothing was done. */
export class LeaseOverError extends Error {
  override readonly name = "LeaseOverError";
}

export interface Exchange {
  process: bigint;
  /** What this process holds no longer and the node has not stored. */
  dropped: readonly ChargeKey[];
  asks: readonly Ask[];
}

export interface Exchanged {
  /** One per ask: what is held for it now, or why nothing is. */
  outcomes: (PostageRefused | Charge[])[];
  /** Messages held by all processes, before these. */
  count: number;
}

/** Holdings of all processes of one database, by its clock. */
export interface HoldingStore {
  /** A number for a process that has none or lost it. */
  enter(leaseMs: number): Promise<bigint>;
  /** False when it is known no more: others have taken over what it held. */
  renew(process: bigint, leaseMs: number): Promise<boolean>;
  /** Ends a lease, as if it had ended `agoMs` earlier. */
  leave(process: bigint, agoMs: number): Promise<void>;
  /** Gives back, raises, decides and holds, all in one transaction. Throws LeaseOverError. */
  exchange(exchange: Exchange): Promise<Exchanged>;
  /** Of what was stored and metered, or is not stored for certain: nothing is taken back of what was lent. */
  forget(process: bigint, keys: readonly ChargeKey[]): Promise<void>;
  noteRound(process: bigint): Promise<void>;
  /** Processes whose leases ended more than `graceMs` ago. */
  gone(graceMs: number): Promise<bigint[]>;
  /** Drops what they held, takes over what they lent. Passes over those that have come back. */
  drain(gone: readonly bigint[], heir: bigint, graceMs: number): Promise<void>;
}
