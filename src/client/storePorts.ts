import type { Address, Hex } from "../protocol/bytes.ts";

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
  /** Who is publishing it, where several processes share the store; nobody, where its fate has to be found out. */
  process?: bigint;
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
  /** 0 when its holder cancelled it. */
  amount: bigint;
  /** 32 bytes. */
  idempotencyKey: Hex;
  /** Base units that the channel had deposited in all when it was begun. */
  depositedBefore: bigint;
  /** When it was seen mined, or cancelled by its holder, in milliseconds since 1970. */
  finishedAt: number | undefined;
}

/** Deposits that were begun; each is on disk before it is sent. */
export interface TopUpStore {
  lastTopUp(channel: Address): Promise<StoredTopUp | undefined>;
  /** Base units of those that count on a day, made or not yet. */
  toppedUpOn(channel: Address, day: number): Promise<bigint>;
  /** Rejects when there is one of that number. */
  beginTopUp(channel: Address, topUp: StoredTopUp): Promise<void>;
  /** One that is finished stays as it is; of a cancelled one nothing was deposited. */
  cancelTopUp(channel: Address, number: number, finishedAt: number): Promise<void>;
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
  /** Where several processes may have one channel: how they take turns. */
  readonly shared?: SharedLedger;
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

// --- A store that several processes share ---------------------------------------------------------------------------

/** A step as other processes hear of it: without the bytes of payer envelopes. */
export interface LedgerNews extends Pick<
  LedgerCommit,
  "addAttempts" | "removeAttempts" | "addRefusals" | "removeRefusals" | "spend"
> {
  /** Nobody publishes any more what these processes did. */
  gone?: readonly bigint[];
}

export interface OpenRows {
  attempts: Attempt[];
  refusals: Refusal[];
}

export interface TurnAsk {
  /** The number under which the other processes know this one; undefined before its first turn. */
  process: bigint | undefined;
  leaseMs: number;
  /** The revision up to which this process knows everything; undefined when it knows nothing for certain. */
  known: bigint | undefined;
  /** Envelopes of which it is asked whether they have an answer. */
  envelopes: readonly Hex[];
}

/** A process of a channel: how long its lease is over, negative while it is not. */
export interface GatewayProcess {
  id: bigint;
  overMs: number;
}

/** What a process finds when it is its turn, and what it may do then. Nothing of it is there before the turn has ended. */
export interface LedgerTurn {
  /** Its number from now on: another one than it had when others have taken it for gone. */
  readonly process: bigint;
  /** Revision 0 of a channel that was never seen. */
  readonly state: StoredChannel;
  /** What others did meanwhile, in their order; undefined where that is no longer known, and `load` says everything. */
  readonly news: readonly LedgerNews[] | undefined;
  readonly answered: ReadonlySet<Hex>;
  /** Payer envelopes of other processes' attempts are left out. */
  load(): Promise<OpenRows>;
  /** What was committed in this turn included. */
  spendTotal(scope: SpendScope): Promise<SpendTotal>;
  /** Steps of this process, whose revisions follow each other. */
  commit(steps: readonly LedgerCommit[]): Promise<void>;
  /** The living and the dead, by number. */
  processes(): Promise<GatewayProcess[]>;
  /** What is sent of an attempt, byte for byte. */
  payerEnvelope(key: AttemptKey): Promise<Uint8Array>;
  /** From now on nobody publishes what those did. One step: `state` is the next. */
  bury(gone: readonly bigint[], state: StoredChannel): Promise<void>;
}

export interface SharedLedger {
  /** One transaction for one process at a time, all or nothing. Rejects with GatewayError `store_unavailable`. */
  turn<T>(channel: Address, ask: TurnAsk, work: (turn: LedgerTurn) => Promise<T>): Promise<T>;
  /** It publishes nothing any more. */
  leave(channel: Address, process: bigint): Promise<void>;
}
