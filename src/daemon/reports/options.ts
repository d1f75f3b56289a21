import type { Clock } from "../../platform/clock.ts";
import type { Log } from "../../platform/log.ts";
import type { ReportsDomain } from "../../protocol/report/report.ts";
import type { PeerLogs } from "../faults/ports.ts";
import type { KeyRing } from "../keyRing.ts";
import type { Recorder } from "../metrics/ports.ts";
import type { LedgerStore, RegisteredNode } from "../ports.ts";
import type { StampSources } from "./stamps/evidence.ts";
import type { ReportPeers, ReportStore, ReportsChain } from "./ports.ts";

/** What a daemon reports with. */
export interface ReporterOptions {
  nodeId: number;
  domain: ReportsDomain;
  chain: ReportsChain;
  peers: ReportPeers;
  /** Where envelopes are fetched that differ from this node's. */
  logs: PeerLogs;
  keys: Pick<KeyRing, "isSigned">;
  store: ReportStore;
  ledger: Pick<LedgerStore, "accountsOf" | "chargedOf">;
  /** Takes voucher rows as gossip does: what is of no use is passed over. */
  takeVouchers: (rows: Uint8Array) => Promise<unknown>;
  /** Originators with a log here. */
  originators: () => Promise<number[]>;
  nodes: () => readonly RegisteredNode[];
  /** 32 bytes. */
  attestationKey: Uint8Array;
  /** Node ids that this node found absent in an epoch. */
  absent: (epoch: bigint) => readonly number[];
  /** Absent: nothing is said of stamps. */
  stamps?: StampSources;
  /** How often it is looked at what became of reports on chain; five minutes when left out. */
  aftermathMs?: number;
  recorder?: Recorder;
  clock: Clock;
  log: Log;
}
