import type { OriginatorEnvelope } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";

import type { SigningKey } from "../contracts/readSigningKey.ts";
import type { GasBook } from "../contracts/transactionSender.ts";
import type { Address, Hex } from "../protocol/bytes.ts";
import type { Rates } from "../protocol/fees.ts";
import type { StampHeaders } from "../protocol/stamps/headers.ts";

export type * from "./storePorts.ts";
export type { GasBook, SigningKey };

// --- Chain ---------------------------------------------------------------------------------------------------------

export interface RegisteredNode {
  id: number;
  /** Account of its signing key: receipts must recover to it. */
  signer: Address;
  /** Whether it has a seat. */
  isCanonical: boolean;
  httpAddress: string;
}

export interface NetworkRates {
  /** Ascending by `startAt`. */
  history: readonly Rates[];
  retentionDays: number;
  /** Base units: what a stamp costs. */
  stampPrice: bigint;
}

/** A channel as the chain has it, in base units. */
export interface ChannelState {
  deposited: bigint;
  feesSpent: bigint;
  stampsSpent: bigint;
  stampsSigned: bigint;
  pendingWithdrawal: bigint;
}

export interface Sequenced {
  sequenceId: bigint;
  /** Absent when somebody else had sequenced it before. */
  transactionHash: Hex | undefined;
}

export interface ChainHead {
  number: bigint;
  /** Unix seconds. */
  timestamp: bigint;
}

export interface GasAccount {
  account: Address;
  balanceWei: bigint;
  /** What its next transaction asks for a unit of gas, at most. */
  maxFeePerGasWei: bigint;
  /** A transaction of it was refused for want of money, and it has got none since. */
  isRefused: boolean;
}

/** What the gateway needs of the chain. Every call may fail; each ends when the signal does. */
export interface GatewayChain {
  /** The newest block. */
  head(signal: AbortSignal): Promise<ChainHead>;
  /** The account that pays for gas. */
  gas(signal: AbortSignal): Promise<GasAccount>;
  nodes(signal: AbortSignal): Promise<RegisteredNode[]>;
  /** Undefined for a key that never was the node's. */
  signingKey(nodeId: number, signer: Address, signal: AbortSignal): Promise<SigningKey | undefined>;
  rates(signal: AbortSignal): Promise<NetworkRates>;
  channel(key: Address, signal: AbortSignal): Promise<ChannelState>;
  /**
   * Asks the contract whether it would take the entry, sends it, waits for the receipt. "Already sequenced" is success.
   * Rejects with GatewayError `invalid_identity_update` or `refused_by_chain` when the contract refuses.
   */
  addIdentityUpdate(
    inboxId: Uint8Array,
    clientEnvelope: Uint8Array,
    signal: AbortSignal,
    gas?: GasBook,
  ): Promise<Sequenced>;
  addMessage(groupId: Uint8Array, clientEnvelope: Uint8Array, signal: AbortSignal, gas?: GasBook): Promise<Sequenced>;
}

// --- Nodes ---------------------------------------------------------------------------------------------------------

/** A refusal that carries the numbers of `pennyblack.v1.PostageRefusal`. */
export interface PostageDemand {
  code: string;
  /** Base units: cumulative fees that a voucher must cover for this publish. */
  required: bigint;
  /** Largest voucher that the node knows. */
  authorised: bigint;
  /** What the node believes the channel still backs. */
  available: bigint;
  retryable: boolean;
}

/** How a publish ended. Told apart by what may be stored, because that decides what may be sent next. */
export type PublishOutcome =
  | { kind: "accepted"; envelopes: OriginatorEnvelope[] }
  /** Not stored, says the node; what other nodes serve tells whether that is true. */
  | { kind: "refused"; reason: "invalid" | "postage" | "other"; message: string; demand: PostageDemand | undefined }
  /** The connection was refused: not one byte arrived. */
  | { kind: "notSent"; message: string }
  /** Stored or not: nobody can tell yet. */
  | { kind: "unknown"; message: string };

export interface NodeQuery {
  topics: Uint8Array[];
  originatorIds: number[];
  /** Sequence ids by originator; only what follows is wanted. */
  lastSeen: ReadonlyMap<number, bigint>;
  /** 0 is none. */
  limit: number;
}

export interface NodeClient {
  /** All or none: one voucher covers the whole call. Never rejects. */
  publish(
    payerEnvelopes: readonly Uint8Array[],
    voucherRow: Uint8Array,
    signal: AbortSignal,
    stampHeaders?: StampHeaders,
  ): Promise<PublishOutcome>;
  query(query: NodeQuery, signal: AbortSignal): Promise<OriginatorEnvelope[]>;
  /** Whether it says that it serves. Rejects when it does not answer. */
  health(signal: AbortSignal): Promise<boolean>;
  close(): void;
}

export type ConnectNode = (node: Pick<RegisteredNode, "id" | "httpAddress">) => NodeClient;

/** Evenly in [0, 1). */
export type Random = () => number;
