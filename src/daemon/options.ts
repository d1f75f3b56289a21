import type { Clock } from "../platform/clock.ts";
import type { Log } from "../platform/log.ts";
import type { Hex } from "../protocol/bytes.ts";
import type { PostageDomain } from "../protocol/voucher.ts";
import type { FaultChain, PeerLogs } from "./faults/ports.ts";
import type { HighWaterSources } from "./highWater.ts";
import type { RpcCalls } from "./metrics/gauges.ts";
import type { Storage } from "../platform/storage.ts";
import type { ConsoleEvents } from "./console/operatorConsole.ts";
import type { DaemonMetrics } from "./metrics/ports.ts";
import type { DaemonChain, DaemonStore, EnvelopeLog, GossipTransport } from "./ports.ts";
import type { ReportSettings } from "./reports/openReports.ts";
import type { SettlePolicy } from "./settle.ts";
import type { StampSettings } from "./stamps/openStamps.ts";
import type { Threads } from "./threads/threads.ts";
import type { TransactionManager } from "./transactions/manager.ts";

export interface DaemonOptions {
  nodeId: number;
  domain: PostageDomain;
  /** The first block that can have an event of ours. */
  deploymentBlock: bigint;
  policy: SettlePolicy;
  /** 0 takes a free port, undefined none. The listener is bound to 127.0.0.1. */
  operatorPort: number | undefined;
  /** `gather`: what the node appends within it is metered, and written, at once; as soon as it can when left out. */
  intervalsMs: { watch: number; gossip: number; settle: number; gather?: number };
  /** See WatchOptions. */
  staleHeadMs: number;
  termsEveryMs: number;
  reconcileEveryMs: number;
  /** What the chain's endpoints were asked so far, for the operator. */
  rpcCalls?: () => RpcCalls;
  /** Where what happens is counted; one of its own when left out. */
  metrics?: DaemonMetrics;
  /** What the console's page shows of the chain's events; nothing when left out. */
  consoleEvents?: ConsoleEvents;
  /** A listener that gives metrics and health to other machines too. */
  metricsListen?: { host: string; port: number } | undefined;
  /** What the databases take, and what the disk has left. */
  storage?: () => Promise<Storage>;
  store: DaemonStore;
  chain: DaemonChain;
  /** What the chain sends with; it is looked after here. */
  transactions?: Pick<TransactionManager, "tick" | "status" | "stop" | "close"> &
    Partial<Pick<TransactionManager, "rollBack">>;
  envelopeLog: EnvelopeLog;
  /** For what only computes; in this thread without them. */
  threads?: Pick<Threads, "read" | "recover">;
  /** False while envelopes that other nodes took earlier are still on their way into the log. */
  isCaughtUp: () => boolean;
  /** Who else is asked, at the start, how far the node's log has come. */
  highWater?: HighWaterSources;
  transport: GossipTransport;
  /** Without it nobody's faults are looked for. */
  faults?: FaultOptions;
  /** Without it this node takes no part in reports. */
  reports?: ReportSettings;
  /** Without it no welcome needs a stamp here. */
  stamps?: StampSettings;
  clock: Clock;
  log: Log;
}

export interface FaultOptions {
  chain: FaultChain;
  peers: PeerLogs;
  /** False keeps evidence and sends nothing. */
  report: boolean;
  everyMs: number;
  /** 32 random bytes as hex. */
  randomSalt: () => Hex;
}
