import type { Address, Hex } from "../protocol/bytes.ts";
import type { Rates } from "../protocol/fees.ts";
import type { LargestVouchers, SignedVoucher } from "../protocol/voucher.ts";
import type { EvidenceStore } from "./faults/ports.ts";
import type { ChainEndpoint } from "./follow/ports.ts";
import type { HoldingStore } from "./holdings/ports.ts";
import type { ReportStore } from "./reports/ports.ts";
import type { MeteredWelcome, StampStore, StampTerms } from "./stamps/ports.ts";
import type { IntentStore, Leadership } from "./transactions/ports.ts";
import type { WorkChain } from "./work.ts";

/** What PostageChannels says of a channel, in base units. */
export interface ChannelOnChain {
  deposited: bigint;
  feesSpent: bigint;
  stampsSpent: bigint;
  stampsSigned: bigint;
  pendingWithdrawal: bigint;
  /** From when the pending withdrawal can be paid, in unix seconds. As the chain is read; no ledger keeps it. */
  withdrawableAt?: bigint;
}

/** What a daemon knows of a channel. */
export interface Account {
  channel: Address;
  /** What the envelopes of all originators cost so far, each (payer, payer digest) once. */
  usagePico: bigint;
  vouchers?: LargestVouchers;
  chain: ChannelOnChain;
}

export interface Charge {
  channel: Address;
  /** First 16 bytes of the payer digest, as hex. */
  digest: string;
  feePico: bigint;
  /** What a welcome to an inbox costs beside its fee, in base units: held against the channel's signed ceiling. */
  stamp?: { inbox: Hex; price: bigint; why?: string };
  /** That the message is dated in, since 1970; for charts. */
  minute?: bigint;
}

/** What was charged of one originator's messages that are dated in one hour. */
export interface HourOfLog {
  originatorId: number;
  /** Since 1970. */
  hour: bigint;
  messages: bigint;
  feesPico: bigint;
}

/** The account that signed a digest, undefined when the bytes are no signature. May compute in another thread. */
export type RecoverSoon = (digest: Uint8Array, signature: Uint8Array) => Promise<Address | undefined>;

/** A stretch of one originator's log, metered in one go. */
export interface MeterBatch {
  originatorId: number;
  /** The cursor that this batch starts from; the store refuses a batch that another has overtaken. */
  after: bigint;
  upTo: bigint;
  charges: Charge[];
  /** Messages per minute after this batch, of the minutes that changed. */
  minuteCounts: Map<bigint, bigint>;
  /**
   * What reports will say of the stretch, see `packFacts`: as copies come those with a charge, in the order of `charges`.
   * Kept with the charges, in one transaction, with a mark for each that was new.
   */
  facts?: Uint8Array;
  /** Welcomes among the charges; those that are charged for the first time may open stamps. */
  stamps?: { terms: StampTerms; welcomes: readonly MeteredWelcome[] };
}

/** A block above the finalized one that has an event of ours, with the channels that its events are about. */
export interface JournalBlock {
  number: bigint;
  hash: Hex;
  touched: readonly Address[];
}

/** A block of which the chain says that it stays. */
export interface FinalizedBlock {
  number: bigint;
  hash: Hex;
}

/** What one read of the chain changes, all in one transaction. */
export interface ChainProgress {
  /** The chain's side of accounts, inserted or replaced. */
  states: ReadonlyMap<Address, ChannelOnChain>;
  /** The block up to which events were read. */
  readTo: bigint;
  /** Where the cursor stood when this was read, null before the first time: what another process has overtaken is refused. */
  after?: bigint | null;
  /** Entries of the journal from this block on are dropped, before `blocks` are added: a reorg took them. */
  dropFrom?: bigint;
  blocks: readonly JournalBlock[];
  /** Entries of the journal up to here are forgotten, and the block is kept to know the chain by. */
  finalized?: FinalizedBlock;
}

/** Charges are kept as long as their channels, so they grow with traffic; nothing else does. */
export interface StoreSize {
  /** The file, or the whole database on the server. */
  databaseBytes: bigint;
  /** The table of charges with its index; absent in a file, most of which it is. */
  chargesBytes?: bigint;
}

/** The durable ledger. A resolved promise means that the change is on disk. */
export interface LedgerStore {
  account(channel: Address): Promise<Account | undefined>;
  /** Those that exist of up to 1,000 channels, in one read. */
  accountsOf(channels: readonly Address[]): Promise<Map<Address, Account>>;
  /** Ascending by channel, from the first one after `after`. */
  accounts(after: Address | undefined, limit: number): Promise<Account[]>;
  /** Which of up to 1,000 charges were made before, as `channel:digest`. */
  chargedOf(charges: readonly Pick<Charge, "channel" | "digest">[]): Promise<Set<string>>;
  /** Keeps the larger per column, also against what another process has written. Channels without an account are passed over. */
  raise(vouchers: readonly SignedVoucher[]): Promise<void>;
  recordChain(progress: ChainProgress): Promise<void>;
  /** The block up to which the chain was read. */
  chainCursor(): Promise<bigint | undefined>;
  /** Ascending. Bounded, because what is final is forgotten. */
  journal(): Promise<JournalBlock[]>;
  finalized(): Promise<FinalizedBlock | undefined>;
  /** Charges what was not charged before and moves the cursor; answers what was charged. */
  meter(batch: MeterBatch): Promise<Charge[]>;
  meterCursor(originatorId: number): Promise<bigint>;
  /** Messages per minute of an originator, both minutes inclusive; of the newest 10,080 minutes that have any, a week's. */
  minuteCounts(originatorId: number, fromMinute: bigint, toMinute: bigint): Promise<Map<bigint, bigint>>;
  /** Both hours inclusive, ascending; of the newest 744 hours of each originator that have any. */
  hours(fromHour: bigint, toHour: bigint): Promise<HourOfLog[]>;
  /** Base units of their ceilings that channels used for stamps; none where none is. */
  stampsUsed(channels: readonly Address[]): Promise<Map<Address, bigint>>;
  /** What the database takes, found out without counting rows: for a metric. */
  size(): Promise<StoreSize>;
  /** The highest sequence id that this node is known to have given out, whoever said so. Only grows. */
  raiseHighWater(sequenceId: bigint): Promise<bigint>;
}

/** One database of a daemon, or of several that share it. */
export interface DaemonStore {
  readonly ledger: LedgerStore;
  readonly evidence: EvidenceStore;
  readonly intents: IntentStore;
  readonly leadership: Leadership;
  /** Undefined where one process at a time has the database: it keeps in memory what it holds. */
  readonly holdings: HoldingStore | undefined;
  readonly reports: ReportStore;
  readonly stamps: StampStore;
  /** Whether other processes may use it at the same time. */
  readonly isShared: boolean;
  close(): Promise<void>;
}

/** The node does not serve what it has given out: what follows is not known, so it must not look like the end. */
export class NotServedYetError extends Error {
  override readonly name = "NotServedYetError";
}

/** A log that another node has filled with what it did not sign: it is looked through later, and nobody waits for it. */
export class ForgedLogError extends Error {
  override readonly name = "ForgedLogError";
}

/** The log of the node that this daemon stands beside: its own envelopes and the replicated ones. */
export interface EnvelopeLog {
  originators(): Promise<number[]>;
  /**
   * Serialized OriginatorEnvelopes after a sequence id, ascending. May reject, also with NotServedYetError and, for
   * others than the node itself, ForgedLogError.
   */
  read(
    originatorId: number,
    afterSequenceId: bigint,
    limit: number,
  ): Promise<{ sequenceId: bigint; envelope: Uint8Array }[]>;
  /** Calls back after each append; returns how to stop. */
  onAppend(listener: (originatorId: number) => void): () => void;
  /** The next reads find out by themselves where a log ends, where it may be longer than is known here. */
  doubt?(originatorId: number): void;
}

/** Whose signing keys are whose, as the registry keeps them. Every call may fail. */
export interface NodeKeys {
  /** A key that the node has, or had until `retiredAt` (unix seconds); undefined when it never had it. */
  keyOf(nodeId: number, signer: Address): Promise<{ retiredAt?: bigint } | undefined>;
}

/** What final epoch reports announced. Every call may fail. */
export interface AnnouncedRanges {
  /** The last sequence id of a node that a report covers; undefined when none does. */
  lastOf(nodeId: number, signal?: AbortSignal): Promise<bigint | undefined>;
}

export interface RegisteredNode {
  nodeId: number;
  httpAddress: string;
  isCanonical: boolean;
}

/** The chain as a daemon needs it. Every call may fail. */
export interface DaemonChain extends WorkChain {
  /** What is followed, and compared where there are several: one to five. */
  readonly endpoints: readonly ChainEndpoint[];
  /** The chain's own time, seconds. */
  heads(): Promise<{ timestamp: bigint }>;
  /** At a block, or at the latest. In the order asked. */
  channels(channels: readonly Address[], block?: bigint): Promise<ChannelOnChain[]>;
  rates(): Promise<Rates[]>;
  retentionDays(): Promise<number>;
  nodes(): Promise<RegisteredNode[]>;
  epochSeconds(): Promise<bigint>;
  /** Wei per gas, as a transaction would pay now. */
  gasPrice(): Promise<bigint>;
  /** Most wei per byte of a transaction that are paid beside its gas; absent where nothing is. */
  dataFeePerByte?(): Promise<bigint>;
}

/** Carries vouchers to another daemon. */
export interface GossipTransport {
  /** Packed rows one after another. Rejects when the peer did not take the call. */
  send(httpAddress: string, rows: Uint8Array, signal: AbortSignal): Promise<void>;
}
