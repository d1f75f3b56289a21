import type { Address, Hex } from "../../protocol/bytes.ts";
import type { Rates } from "../../protocol/fees.ts";
import type { Debit } from "../../protocol/report/debits.ts";
import type { ChargeLeaf, LogRange } from "../../protocol/report/leaves.ts";
import type { Report } from "../../protocol/report/report.ts";
import type { ChannelBacking } from "./buildReport.ts";
import type { Answer, Proposal, Question, Reply } from "./messages.ts";
import type { SeatList } from "./quorum.ts";
import type { ReportStamps } from "./stamps/stampRows.ts";
import type { UsageLeaves } from "./usageLeaves.ts";

/** A report with what its hashes are of. */
export interface ReportContents {
  report: Report;
  ranges: LogRange[];
  usage: UsageLeaves;
  debits: Debit[];
  /** Absent: nothing. */
  stamps?: ReportStamps;
}

/** A metered stretch of one originator's log. */
export interface FactPage {
  /** The sequence id up to which the log was metered before. */
  after: bigint;
  last: bigint;
  /** See `unpackFacts`. */
  facts: Uint8Array;
}

/** What metering has kept of logs. Every call may fail. */
export interface FactStore {
  /** Stretches with something after a sequence id, ascending. */
  pages(originatorId: number, after: bigint, limit: number): Promise<FactPage[]>;
  /** Puts others in the place of those that lie between two sequence ids, the first excluded. */
  replace(originatorId: number, after: bigint, last: bigint, pages: readonly FactPage[]): Promise<void>;
  /** Drops stretches that end at or before a sequence id. */
  forget(originatorId: number, upTo: bigint): Promise<void>;
}

/**
 * How a report stands. `built` here and not on chain; `accepted` there; `final`; `void`: vetoed, or another one won.
 */
export type ReportState = "built" | "accepted" | "final" | "void";

export interface ReportSummary {
  digest: Hex;
  parent: Hex;
  epoch: bigint;
  state: ReportState;
  /** When this node attested it, in unix milliseconds; absent when it did not. */
  attestedAt?: number;
  /** When it became or becomes final, in unix seconds of the chain; absent before it is accepted. */
  finalAt?: bigint;
}

/** Reports and what they are made of, on disk. Every call may fail. */
export interface ReportStore extends FactStore {
  /** Keeps the first one of a digest. */
  put(digest: Hex, contents: ReportContents, builtAt: number): Promise<void>;
  get(digest: Hex): Promise<ReportContents | undefined>;
  change(digest: Hex, change: { state?: ReportState; attestedAt?: number; finalAt?: bigint }): Promise<void>;
  /** Newest epoch first. */
  latest(limit: number): Promise<ReportSummary[]>;
  summary(digest: Hex): Promise<ReportSummary | undefined>;
  /** Of epochs before one: final before a time (unix seconds), or not on chain. The oldest first. */
  expired(finalBefore: bigint, epochBefore: bigint, limit: number): Promise<ReportSummary[]>;
  drop(digest: Hex): Promise<void>;
}

/** The head of the chain of reports: what the next one has to be built on. */
export interface ReportHead {
  /** `NO_PARENT` before the first. */
  digest: Hex;
  /** How many reports there are. */
  length: bigint;
  /** Of the next one. */
  round: number;
  /** Of the head. */
  epoch: bigint;
}

export interface ReportStanding {
  status: "unknown" | "accepted" | "vetoed" | "voided";
  /** Unix seconds. */
  finalAt: bigint;
  hasPenaltiesApplied: boolean;
  isAnnounced: boolean;
}

export interface RollCall {
  number: bigint;
  seats: SeatList;
  /** Unix seconds. */
  answerUntil: bigint;
  /** Bits of the seats that have answered. */
  answered: bigint;
  isClosed: boolean;
}

/** A report with the sum of its attestations. */
export interface AttestedReport {
  report: Report;
  /** Bit i: the seat at position i of the registry version. */
  signers: bigint;
  /** 96 bytes. */
  signature: Uint8Array;
}

/** The voucher with the largest ceiling of a channel. */
export interface CeilingRow {
  channel: Address;
  row: Uint8Array;
}

/** EpochReports and what reports read of the chain. Every call may fail; what sends rejects as `Transactions.send` does. */
export interface ReportsChain {
  /** Unix seconds of the latest block. */
  now(): Promise<bigint>;
  epochSeconds(): Promise<bigint>;
  head(): Promise<ReportHead>;
  standing(digest: Hex): Promise<ReportStanding>;
  /** The registry version in force at the end of an epoch; undefined when there was none. */
  seatsAt(epoch: bigint): Promise<SeatList | undefined>;
  /** At the last block with a timestamp before an instant, of up to 500 channels. Rejects when that state is gone. */
  backing(channels: readonly Address[], before: bigint): Promise<ReadonlyMap<Address, ChannelBacking>>;
  rates(): Promise<Rates[]>;
  retentionDays(): Promise<number>;
  /** Answers false when another report was faster. */
  submit(attested: AttestedReport, deadlineAt: bigint | undefined): Promise<boolean>;
  /** Answers false when it is not worth its gas now. */
  applyPenalties(report: Report, debits: readonly Debit[]): Promise<boolean>;
  /** Charges what channels owe under a final report, with what settles the ceilings first. Answers false when it is not worth its gas. */
  charge(report: Report, charges: readonly ChargeLeaf[], ceilings: readonly CeilingRow[]): Promise<boolean>;
  announce(report: Report, ranges: readonly LogRange[]): Promise<boolean>;
  /** The one under way, undefined when there is none. */
  rollCall(): Promise<RollCall | undefined>;
  answerRollCall(positions: bigint, signature: Uint8Array, deadlineAt: bigint): Promise<void>;
  /** Whether the chain would open a roll call, or close the one under way, and that is worth its gas now. */
  isRollCallDue(step: "open" | "close"): Promise<boolean>;
  /** These answer false when it is not due any more: another daemon was faster, or a report was accepted. */
  openRollCall(): Promise<boolean>;
  closeRollCall(): Promise<boolean>;
}

/** Other daemons, at their nodes' registered addresses. Every call may fail, and answer anything of its shape. */
export interface ReportPeers {
  ask(httpAddress: string, question: Question, signal: AbortSignal): Promise<Answer>;
  propose(httpAddress: string, proposal: Proposal, signal: AbortSignal): Promise<Reply>;
  /** Rows of the largest vouchers of some channels. */
  vouchers(httpAddress: string, channels: readonly Address[], signal: AbortSignal): Promise<Uint8Array>;
  /** A whole report, see `packContents`. */
  contents(httpAddress: string, digest: Hex, signal: AbortSignal): Promise<Uint8Array>;
}
