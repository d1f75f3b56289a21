import type { Hex, Address } from "../protocol/bytes.ts";
import type { ReadPayerEnvelope } from "../protocol/envelope.ts";
import type { StampHeaders } from "../protocol/stamps/headers.ts";
import type { Rates } from "../protocol/fees.ts";

/** What comes with the envelopes of a publish call. */
export interface Postage {
  /** The metadata `x-postage-voucher`. */
  voucherHeader: string | null;
  stampHeaders?: StampHeaders;
  /** Who waits behind its own and not in front of others. */
  caller?: string;
}

/** Decides whether this node may originate envelopes: the daemon's gate, which asks for postage. */
export interface PublishGate {
  /**
   * Resolves when all envelopes of the call may be stored. Throws to refuse them all; a ConnectError reaches the caller
   * as it is. `envelopes` are new to this node and distinct: what is stored already is answered without asking.
   */
  admit(call: Postage & { envelopes: ReadPayerEnvelope[] }): Promise<Admission>;
  /** False while every publish would be refused: then the node's health says so. */
  isOpen(): boolean;
}

/** What the gate holds for envelopes between its yes and their place on disk. */
export interface Admission {
  /** Called exactly once: `stored` is true when all envelopes are durable and false when none is. */
  release(stored: boolean): void;
}

/** Admits everything: a node without postage. */
export const openGate: PublishGate = { admit: async () => ({ release: () => {} }), isOpen: () => true };

/** The node's log as the daemon's meter reads it. */
export interface EnvelopeLog {
  /** Ids of all originators that have an envelope here, ascending. */
  originators(): Promise<number[]>;
  /** The next envelopes of an originator, ascending by sequence id; serialized OriginatorEnvelopes. */
  read(
    originatorId: number,
    afterSequenceId: bigint,
    limit: number,
  ): Promise<{ sequenceId: bigint; envelope: Uint8Array }[]>;
  /** Tells after each durable append whose log grew; returns the function that stops it. */
  onAppend(listener: (originatorId: number) => void): () => void;
}

export interface RegisteredNode {
  id: number;
  /** The account whose key signs the node's envelopes. */
  signer: Address;
  /** Holds an active seat. */
  isCanonical: boolean;
  httpAddress: string;
}

/** What one message costs, and how long it is kept. */
export interface NetworkTerms {
  /** Ascending by `startAt`. */
  rates: Rates[];
  retentionDays: number;
}

export interface ChainBlock {
  number: number;
  hash: Hex;
}

/** An IdentityUpdateCreated or MessageSent event. */
export interface ChainEvent {
  kind: "identity" | "commit";
  /** Inbox id (32 bytes) or group id (16 bytes), as the event names it. */
  subject: Uint8Array;
  sequenceId: bigint;
  /** Serialized ClientEnvelope, as the contract checked it. */
  clientEnvelope: Uint8Array;
  blockNumber: number;
  blockHash: Hex;
  /** Unix seconds. */
  blockTimestamp: bigint;
  transactionHash: Hex;
  logIndex: number;
}

/** What the node reads from the chain. Every call may fail and is then tried again later. */
export interface NodeChain {
  /** The first block that can hold an event. */
  deploymentBlock: number;
  /** Also those without a seat and those that have left: what they carried is served on. */
  registeredNodes(): Promise<RegisteredNode[]>;
  /** A signing key that the node has, or had until `retiredAt` (unix seconds); undefined when it never had it. */
  nodeKey(nodeId: number, signer: Address): Promise<{ retiredAt?: bigint } | undefined>;
  terms(): Promise<NetworkTerms>;
  latestBlock(): Promise<ChainBlock>;
  /** Undefined when the chain has no block of that number (any more). */
  block(number: number): Promise<ChainBlock | undefined>;
  /** Events of both kinds in the blocks from `first` to `last` inclusive, in the chain's order. */
  events(first: number, last: number): Promise<ChainEvent[]>;
}
