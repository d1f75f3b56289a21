import type { Hex } from "../../protocol/bytes.ts";
import type { Debit } from "../../protocol/report/debits.ts";
import type { LogRange } from "../../protocol/report/leaves.ts";
import type { Report } from "../../protocol/report/report.ts";
import type { UsageLeaves } from "./usageLeaves.ts";

/** A report with what its hashes are of. */
export interface ReportContents {
  report: Report;
  ranges: LogRange[];
  usage: UsageLeaves;
  debits: Debit[];
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
  /** Drops final reports that were final before a time (unix seconds), and others of an epoch before one. */
  prune(finalBefore: bigint, epochBefore: bigint): Promise<void>;
}
