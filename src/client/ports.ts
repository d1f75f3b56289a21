import type { OriginatorEnvelope } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";

import type { SigningKey } from "../contracts/readSigningKey.ts";
import type { GasBook } from "../contracts/transactionSender.ts";
import type { Address, Hex } from "../protocol/bytes.ts";
import type { Rates } from "../protocol/fees.ts";
import type { StampHeaders } from "../protocol/stamps/headers.ts";

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

/** What the gateway needs of the chain. Every call may fail; each ends when the signal does. */
export interface GatewayChain {
  /** The newest block. */
  head(signal: AbortSignal): Promise<ChainHead>;
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

// --- Store ---------------------------------------------------------------------------------------------------------

/** Who a publish is booked on, by the app's own names; empty where nobody was asked. */
export interface Spender {
  app: string;
  user: string;
}

export interface AttemptKey {
  /** keccak256 of the client envelope. */
  envelopeHash: Hex;
  /** Node, or originator 0 or 1 for what goes on chain. */
  originatorId: number;
}

/** A publish that was or is about to be sent, and whose fate is not known. */
export interface Attempt extends AttemptKey {
  topic: Uint8Array;
  /** What is sent, byte for byte, also after a restart. Empty for what goes on chain. */
  payerEnvelope: Uint8Array;
  reservedPico: bigint;
  /** Wei that transactions of it may still turn out to have cost. */
  reservedWei: bigint;
  spender: Spender;
  /** Milliseconds since 1970. */
  startedAt: number;
}

/** A publish that a node refused: kept for a while, because a node that stored it all the same charges for it. */
export interface Refusal extends AttemptKey {
  topic: Uint8Array;
  spender: Spender;
  /** Milliseconds since 1970. */
  refusedAt: number;
}

export interface StoredAnswer {
  /** Serialized OriginatorEnvelope. */
  envelope: Uint8Array;
  chargedPico: bigint;
  answeredAt: number;
}

export interface StoredChannel {
  usagePico: bigint;
  /** The part of it that receipts and logs tell of, by originator; chain reconciliation names none. */
  usageByNode: ReadonlyMap<number, bigint>;
  /** Packed row of the largest voucher signed. */
  voucherRow: Uint8Array | undefined;
  /** Envelopes that two nodes carried and charged. */
  doubles: bigint;
  /** Raised by every commit. */
  revision: bigint;
}

/** A receipt that is kept until a final report has its place in the log. One of each (originator, sequence id). */
export interface KeptReceipt {
  originatorId: number;
  sequenceId: bigint;
  /** Serialized OriginatorEnvelope: what the node signed, and its signature. */
  envelope: Uint8Array;
  /** Milliseconds since 1970. */
  keptAt: number;
  /** What a final report has in the receipt's place; undefined until one covers it. */
  contradiction: Contradiction | undefined;
}

export interface Contradiction {
  /** Digest of the report. */
  report: Hex;
  /** As FaultProofs takes it; undefined when nothing convicts the node, and `reason` says why. */
  proof: Hex | undefined;
  reason: string | undefined;
}

export type ReceiptKey = Pick<KeptReceipt, "originatorId" | "sequenceId">;

/** Receipts on disk, ascending by originator and sequence id. */
export interface ReceiptStore {
  receipt(channel: Address, key: ReceiptKey): Promise<KeptReceipt | undefined>;
  /** Those that follow `after`, or the first. */
  receipts(channel: Address, after: ReceiptKey | undefined, limit: number): Promise<KeptReceipt[]>;
  receiptCount(channel: Address): Promise<number>;
  removeReceipts(channel: Address, keys: readonly ReceiptKey[]): Promise<void>;
  contradictReceipt(channel: Address, key: ReceiptKey, contradiction: Contradiction): Promise<void>;
  /** Forgets receipts without contradiction that were kept before `beforeMs`, at most `limit`; returns how many. */
  forgetReceipts(channel: Address, beforeMs: number, limit: number): Promise<number>;
}

/** What it was spent on; `unnamed` is usage that chain or logs told of, and nobody here knows whose it was. */
export type SpendKind = "message" | "welcome" | "keyPackage" | "commit" | "identityUpdate" | "unnamed";

export interface SpendKey extends Spender {
  /** Days since 1970, in UTC. */
  day: number;
  kind: SpendKind;
}

export interface SpendTotal {
  /** Envelopes. */
  count: bigint;
  postagePico: bigint;
  /** Base units of ceilings signed for stamps, which are charged in part or not at all. */
  stampUnits: bigint;
  gasWei: bigint;
}

/** What somebody spent on a day on things of one kind. */
export interface Spend extends SpendKey, SpendTotal {}

/** A day of everybody, of an app, or of a user of it. */
export interface SpendScope {
  day: number;
  app?: string;
  user?: string;
}

/** Who spent what. Its sums are those of the ledger: both are written in one step. */
export interface SpendStore {
  /** Those of days `from` to `to` that follow `after`, in the order of day, app, user, kind. */
  spendPage(
    channel: Address,
    days: { from: number; to: number },
    after: SpendKey | undefined,
    limit: number,
  ): Promise<Spend[]>;
  spendTotal(channel: Address, scope: SpendScope): Promise<SpendTotal>;
  /** Adds up at most `limit` rows of days before that one, on day 0 and without names; returns how many. */
  foldSpend(channel: Address, beforeDay: number, limit: number): Promise<number>;
}

/** A deposit that the gateway makes by itself. */
export interface StoredTopUp {
  /** From 1, one after the other: the next begins when the last is finished. */
  number: number;
  /** Days since 1970 in UTC, on whose limit it counts. */
  day: number;
  amount: bigint;
  /** 32 bytes. */
  idempotencyKey: Hex;
  /** Base units that the channel had deposited in all when it was begun. */
  depositedBefore: bigint;
  /** When it was seen mined, in milliseconds since 1970. */
  finishedAt: number | undefined;
}

/** Deposits that were begun; each is on disk before it is sent. */
export interface TopUpStore {
  lastTopUp(channel: Address): Promise<StoredTopUp | undefined>;
  /** Base units of those that count on a day, made or not. */
  toppedUpOn(channel: Address, day: number): Promise<bigint>;
  /** Rejects when there is one of that number. */
  beginTopUp(channel: Address, topUp: StoredTopUp): Promise<void>;
  finishTopUp(channel: Address, number: number, finishedAt: number): Promise<void>;
}

/** One step of the ledger: all of it is on disk when `commit` resolves, or none. */
export interface LedgerCommit {
  channel: Address;
  state: StoredChannel;
  /** Written when `commit` resolves, so that it outlives the process; the machine, once `flush` has resolved. */
  isFlushedLater?: boolean;
  /** New ones, or known ones that reserve another amount of gas. */
  addAttempts?: readonly Attempt[];
  removeAttempts?: readonly AttemptKey[];
  addRefusals?: readonly Refusal[];
  removeRefusals?: readonly AttemptKey[];
  /** The first answer of an envelope stays. */
  answer?: { envelopeHash: Hex; answer: StoredAnswer };
  receipt?: KeptReceipt;
  /** Added to what is there. */
  spend?: readonly Spend[];
}

export interface GatewayStore extends ReceiptStore, SpendStore, TopUpStore {
  /** Undefined for a channel that this store has not seen. */
  loadChannel(channel: Address): Promise<StoredChannel | undefined>;
  loadAttempts(channel: Address): Promise<Attempt[]>;
  /** Oldest first. */
  loadRefusals(channel: Address): Promise<Refusal[]>;
  /** Throws GatewayError `ledger_conflict` unless the stored revision is `state.revision - 1`. */
  commit(step: LedgerCommit): Promise<void>;
  /** What was committed before the call is on disk when this resolves. */
  flush(): Promise<void>;
  findAnswer(channel: Address, envelopeHash: Hex): Promise<StoredAnswer | undefined>;
  /** Forgets answers given before `beforeMs`, at most `limit` of them; returns how many. */
  pruneAnswers(channel: Address, beforeMs: number, limit: number): Promise<number>;
  close(): Promise<void>;
}

/** Evenly in [0, 1). */
export type Random = () => number;
