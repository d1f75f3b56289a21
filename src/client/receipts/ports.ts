import type { ContradictionClaim } from "../../contracts/readContradicts.ts";
import type { Address, Hex } from "../../protocol/bytes.ts";
import type { EntryProof } from "../../protocol/report/logProofs.ts";
import type { LogRange } from "../../protocol/report/leaves.ts";
import type { Report, ReportsDomain } from "../../protocol/report/report.ts";
import type { RegisteredNode, SigningKey } from "../ports.ts";

export type { ContradictionClaim };

/** EpochReports, and what belongs to it, as whoever holds receipts reads them. Every call may fail. */
export interface ReportsChain {
  readonly domain: ReportsDomain;
  /** Digest of the last final report; undefined before the first. */
  latestFinal(signal: AbortSignal): Promise<Hex | undefined>;
  isFinal(digest: Hex, signal: AbortSignal): Promise<boolean>;
  /** Bit i: the seat at position i of the report's registry version signed it. */
  signers(digest: Hex, signal: AbortSignal): Promise<bigint>;
  /** Node ids by position. */
  seats(registryVersion: bigint, signal: AbortSignal): Promise<number[]>;
  /** What FaultProofs will ask. */
  contradicts(claim: ContradictionClaim, signal: AbortSignal): Promise<boolean>;
  signingKey(nodeId: number, signer: Address, signal: AbortSignal): Promise<SigningKey | undefined>;
  /** Unix seconds of the latest block. */
  now(signal: AbortSignal): Promise<bigint>;
  /** Whose daemons may be asked. */
  nodes(signal: AbortSignal): Promise<RegisteredNode[]>;
}

/** A place in a report's logs. */
export interface LogPlace {
  digest: Hex;
  originatorId: number;
  sequenceId: bigint;
}

/** Daemons that serve reports, at their nodes' registered addresses. They may answer anything of the shape, or nothing. */
export interface ReportServers {
  report(httpAddress: string, digest: Hex, signal: AbortSignal): Promise<{ report: Report; ranges: LogRange[] }>;
  entry(httpAddress: string, place: LogPlace, signal: AbortSignal): Promise<EntryProof>;
}
