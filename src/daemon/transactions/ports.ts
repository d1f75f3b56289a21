import type { Address, Hex } from "../../protocol/bytes.ts";

/** Each lane has a key of its own, so that what has a deadline never waits behind what has none. */
export type Lane = "routine" | "deadline";

/**
 * What a transaction is for: settle, distribute, claim, the steps of a report of a fault; the report of an epoch, what
 * follows from it, and the answer to a roll call, its beginning and its end.
 */
export type IntentKind =
  | ("settle" | "distribute" | "rollOver" | "claim" | "fault" | "report" | "penalties" | "announce" | "charge")
  | ("rollCall" | "rollCallOpen" | "rollCallClose");

/** One broadcast of an intent; all attempts of an intent share its nonce, so at most one is mined. */
export interface Attempt {
  hash: Hex;
  maxFeePerGas: bigint;
  maxPriorityFeePerGas: bigint;
  /** Unix milliseconds. */
  sentAt: number;
}

/** A transaction that was decided on. It is on disk before it is signed. */
export interface NewIntent {
  lane: Lane;
  kind: IntentKind;
  /** The lane's account. */
  from: Address;
  nonce: number;
  /** Null deploys a contract. */
  to: Address | null;
  data: Hex;
  gasLimit: bigint;
  /** Most that gas may cost, in wei, whatever the deadline. */
  budgetWei: bigint;
  /** When it has to be mined, in unix seconds; undefined when there is no hurry. */
  deadlineAt?: bigint;
  /** Unix milliseconds. */
  createdAt: number;
}

/**
 * How an intent ended. `done`: mined, its event is in the receipt, its block final. `reverted`: mined, to no effect.
 * `replaced`: its nonce was used by a transaction that is none of its attempts (a filled gap, another program).
 */
export type Outcome = "done" | "reverted" | "replaced";

export interface Intent extends NewIntent {
  id: bigint;
  attempts: readonly Attempt[];
  /** Where it was seen mined; forgotten again when a reorg drops that block. */
  mined?: { hash: Hex; blockNumber: bigint; blockHash: Hex };
  outcome?: Outcome;
}

/** A term is over: another process has begun a newer one. */
export class StaleTermError extends Error {
  override readonly name = "StaleTermError";
  /** The one that is over. */
  readonly term: bigint;

  constructor(message: string, term: bigint) {
    super(message);
    this.term = term;
  }
}

/**
 * Intents on disk. Whoever writes names the term of its leadership; a call with an older term than the newest one in the
 * database changes nothing and throws StaleTermError, so a leader that was paused cannot write.
 */
export interface IntentStore {
  /** Without an outcome, ascending by nonce. */
  open(from: Address): Promise<Intent[]>;
  /** Throws when an intent without the outcome `replaced` has that account's nonce already. */
  begin(intent: NewIntent, term: bigint): Promise<Intent>;
  /** On disk before the attempt is broadcast. */
  addAttempt(id: bigint, attempt: Attempt, term: bigint): Promise<void>;
  setMined(id: bigint, mined: Intent["mined"], term: bigint): Promise<void>;
  finish(id: bigint, outcome: Outcome, term: bigint): Promise<void>;
  /** Those of an account that are done or reverted and were mined above a block are open again, as before they were final. */
  reopen(from: Address, aboveBlock: bigint, term: bigint): Promise<void>;
  /** The newest, with or without an outcome, newest first: for an operator to look at. */
  recent(limit: number): Promise<Intent[]>;
}

/** Which of the processes that share a database writes to the chain. */
export interface Leadership {
  /**
   * Takes the leadership when nobody has it, or renews it. The term of this process, which grows with each new leader, or
   * undefined while another process leads.
   */
  hold(holder: string, leaseMs: number): Promise<bigint | undefined>;
  release(holder: string): Promise<void>;
}
