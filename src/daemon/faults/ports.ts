import type { FaultName } from "../../contracts/faultEvidence.ts";
import type { Address, Hex } from "../../protocol/bytes.ts";

/**
 * found -> committed -> revealed -> executed -> paid, or given up for a reason. What the chain says goes before what is
 * noted here: each step asks it first, so a crash between a transaction and its note costs nothing but a look.
 */
export type EvidenceState = "found" | "committed" | "revealed" | "executed" | "paid" | "givenUp";

/** What convicts a node, and how far its case is. */
export interface Evidence {
  fault: FaultName;
  nodeId: number;
  sequenceId: bigint;
  /** Serialized OriginatorEnvelopes as nodes served them; one for a wrong target, two for an equivocation. */
  envelopes: Uint8Array[];
  /** 32 bytes; the commitment hides behind it. */
  salt: Hex;
  state: EvidenceState;
  /** Commitments so far that were sent, or seen on chain. */
  commitments: number;
  /** Per envelope, the data contracts deployed so far. */
  pieces: Address[][];
  /** Of the case, once there is one. */
  caseId?: bigint;
  /** Unix seconds of the chain. */
  executableAt?: bigint;
  /** Why it was given up. */
  reason?: string;
  /** Milliseconds since 1970. */
  foundAt: number;
  changedAt: number;
}

export type EvidenceKey = Pick<Evidence, "nodeId" | "sequenceId">;
export type EvidenceChange = Partial<
  Pick<Evidence, "salt" | "state" | "commitments" | "pieces" | "caseId" | "executableAt" | "reason">
>;

/** The durable memory of evidence. A resolved promise means that the change is on disk. */
export interface EvidenceStore {
  /** False when there is evidence of this node and sequence id already: a message convicts once. */
  add(evidence: Evidence): Promise<boolean>;
  get(key: EvidenceKey): Promise<Evidence | undefined>;
  has(key: EvidenceKey): Promise<boolean>;
  change(key: EvidenceKey, change: EvidenceChange, changedAt: number): Promise<void>;
  /** Neither paid nor given up, the longest known first. */
  open(): Promise<EvidenceKey[]>;
  openCount(nodeId: number): Promise<number>;
  /** The latest first. */
  latest(limit: number): Promise<Omit<Evidence, "envelopes" | "salt">[]>;
  /** Up to which sequence id an originator's log was compared with a peer's copy of it. */
  comparedTo(originatorId: number, peerId: number): Promise<bigint>;
  setComparedTo(originatorId: number, peerId: number, sequenceId: bigint): Promise<void>;
}

/** Other nodes' logs, as anybody may read them. */
export interface PeerLogs {
  /**
   * Serialized OriginatorEnvelopes that a node says follow `after` in an originator's log: at most `limit`, and nothing
   * else about them is certain. Rejects when the peer does not answer in time or answers too much.
   */
  read(
    httpAddress: string,
    page: { originatorId: number; after: bigint; limit: number },
    signal: AbortSignal,
  ): Promise<Uint8Array[]>;
}

export interface FaultCase {
  id: bigint;
  status: "open" | "dismissed" | "closed" | "executed";
  fault: FaultName | undefined;
  reporter: Address;
  committedAt: bigint;
  executableAt: bigint;
}

/** FaultProofs refused a call, now and for these bytes: `name` is its error. */
export class FaultRefused extends Error {
  override readonly name = "FaultRefused";
  readonly error: string;

  constructor(error: string, options?: ErrorOptions) {
    super(`FaultProofs refuses: ${error}`, options);
    this.error = error;
  }
}

/** FaultProofs and NodeStaking as a reporter needs them. Every call may fail; those that send throw FaultRefused. */
export interface FaultChain {
  /** The account that reports, and is credited. */
  reporter(): Promise<Address>;
  /** Unix seconds of the latest block. */
  now(): Promise<bigint>;
  /** Whether evidence under this key convicts the node: its key now, or until less than an unbonding period ago. */
  isKeyOf(nodeId: number, signer: Address): Promise<boolean>;
  /** Whether the node has enough left for a slash to be worth anything. */
  isWorthSlashing(nodeId: number): Promise<boolean>;
  isFrozen(nodeId: number): Promise<boolean>;
  /** When a commitment was made; undefined when it was not. */
  committedAt(commitment: Hex): Promise<bigint | undefined>;
  caseOf(key: EvidenceKey): Promise<FaultCase | undefined>;
  commit(commitData: Hex): Promise<void>;
  /** Deploys a data contract. */
  deploy(creationCode: Hex): Promise<Address>;
  reveal(revealData: Hex): Promise<void>;
  execute(caseId: bigint): Promise<void>;
  /** Pays the reporter's credit out. Answers how much, 0 when there was none. */
  withdrawCredit(): Promise<bigint>;
}
