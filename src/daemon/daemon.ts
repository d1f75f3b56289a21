import type { Clock } from "../platform/clock.ts";
import type { HttpHandler } from "../platform/grpcServer.ts";
import type { Listener } from "../platform/listen.ts";
import { listen } from "../platform/listen.ts";
import type { Log } from "../platform/log.ts";
import { Serial } from "../platform/serial.ts";
import { Beats } from "./beats.ts";
import type { Address, Hex } from "../protocol/bytes.ts";
import type { PostageDomain } from "../protocol/voucher.ts";
import { ChainWork } from "./chainWork.ts";
import { FaultWatch } from "./faults/faultWatch.ts";
import type { FaultChain, PeerLogs } from "./faults/ports.ts";
import { Gate } from "./gate.ts";
import { Gossip } from "./gossip.ts";
import { describe, operatorHandler, publicHandler, watchHandler } from "./http.ts";
import type { HighWaterSources } from "./highWater.ts";
import { HighWater } from "./highWater.ts";
import { Ledger } from "./ledger.ts";
import { Lending } from "./lending.ts";
import type { Loop } from "./loop.ts";
import { startLoop } from "./loop.ts";
import { Meter } from "./meter.ts";
import type { RpcCalls } from "./metrics/gauges.ts";
import { Metrics } from "./metrics/metrics.ts";
import { observeGate } from "./metrics/observed.ts";
import { Operations } from "./operations.ts";
import type { Storage } from "./overview/overview.ts";
import type {
  Account,
  DaemonChain,
  DaemonStore,
  EnvelopeLog,
  FinalizedBlock,
  GossipTransport,
  RegisteredNode,
} from "./ports.ts";
import { RateBook } from "./rateBook.ts";
import type { SettlePolicy } from "./settle.ts";
import type { Threads } from "./threads/threads.ts";
import type { TransactionManager } from "./transactions/manager.ts";
import { Watch } from "./watch.ts";
import type { SettleResult } from "./work.ts";

export interface DaemonOptions {
  nodeId: number;
  domain: PostageDomain;
  /** The first block that can have an event of ours. */
  deploymentBlock: bigint;
  policy: SettlePolicy;
  /** 0 takes a free port, undefined none. The listener is bound to 127.0.0.1. */
  operatorPort: number | undefined;
  intervalsMs: { watch: number; gossip: number; settle: number };
  /** See WatchOptions. */
  staleHeadMs: number;
  termsEveryMs: number;
  reconcileEveryMs: number;
  /** What the chain's endpoints were asked so far, for the operator. */
  rpcCalls?: () => RpcCalls;
  /** Where what happens is counted; one of its own when left out. */
  metrics?: Metrics;
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

/** Between two rounds of gossip, however much is asked for. */
const SOONEST_GOSSIP_MS = 500;
/** A step that sends waits for its transaction to be mined, which dear gas may keep for some ten minutes at a time. */
const SENDING_MS = 3_600_000;
/** Accounts that a status shows; the rest is counted. */
const SHOWN_ACCOUNTS = 100;

/** What an operator runs beside a node: takes postage, meters, tells its peers, settles and claims. */
export class Daemon {
  readonly gate: Pick<Gate, "admit" | "isOpen">;
  /** Routes below the node's registered address. */
  readonly handler: HttpHandler;
  readonly #options: DaemonOptions;
  readonly #ledger: Ledger;
  readonly #meter: Meter;
  readonly #watch: Watch;
  readonly #gossip: Gossip;
  readonly #work: ChainWork;
  readonly #faults: FaultWatch | undefined;
  readonly #highWater: HighWater;
  readonly #metrics: Metrics;
  readonly #operations: Operations;
  readonly #lending: Lending;
  #gossipLoop: Loop | undefined;
  #gossipedAt = 0;
  #gossipWaiting = 0;
  /** Apart from the other work on chain: neither waits for the other. */
  readonly #reports = new Serial();
  #isReady = false;
  #firstLook = Promise.resolve();
  #loops: Loop[] = [];
  #unsubscribe = () => {};
  #wakeMeter = () => {};
  #operatorListener: Listener | undefined;
  #metricsListener: Listener | undefined;

  constructor(options: DaemonOptions) {
    this.#options = options;
    const { nodeId, domain, store, chain, policy, clock, log, transport, envelopeLog, isCaughtUp } = options;
    const rateBook = new RateBook();
    const ledger = new Ledger(store.ledger, {
      onRaise: (channel) => this.#gossip.noteRaise(channel),
      isShared: store.isShared,
    });
    this.#ledger = ledger;
    this.#watch = new Watch({ ...options, ledger, store: store.ledger, rateBook });
    this.#metrics = options.metrics ?? new Metrics();
    const onPage = () => this.#operations.beats.progress("meter");
    const read = options.threads?.read;
    this.#meter = new Meter({ envelopeLog, store: store.ledger, ledger, rateBook, log, onPage, read });
    this.#gossip = new Gossip({ nodeId, domain, ledger, transport, clock, log });
    this.#lending = new Lending(() => this.#watch.nodes.filter(({ isCanonical }) => isCanonical).length);
    this.#work = new ChainWork({
      nodeId,
      ledger,
      chain,
      policy,
      clock,
      log,
      poll: () => this.#watch.poll(),
      recorder: this.#metrics,
    });
    this.#faults =
      options.faults && new FaultWatch({ nodeId, envelopeLog, store: store.evidence, clock, log, ...options.faults });
    const gate = new Gate({
      ...{ nodeId, domain, ledger, store: store.ledger, rateBook, clock, isCaughtUp, exposureCap: policy.exposureCap },
      chainDoubt: () => this.#watch.doubt(),
      isReady: () => this.#isOpen,
      lending: this.#lending,
      recover: options.threads?.recover,
      onShareUsed: () => this.#gossipSoon(),
    });
    this.gate = observeGate(gate, this.#metrics, clock);
    this.#highWater = new HighWater({
      nodeId,
      store: store.ledger,
      envelopeLog,
      clock,
      log,
      others: options.highWater,
    });
    this.#operations = new Operations({
      ...{ nodeId, policy, clock, store, chain, watch: this.#watch, highWater: this.#highWater },
      ...{ beats: new Beats(clock), metrics: this.#metrics, rpcCalls: options.rpcCalls, storage: options.storage },
      ...{ transactions: options.transactions, faults: this.#faults },
      settleReports: () => this.#work.settleReports,
      isMetered: () => this.#isReady,
    });
    const watched = {
      health: () => this.#operations.health(),
      ready: () => this.#operations.ready(),
      account: (channel: Address) => this.account(channel),
    };
    this.handler = publicHandler({ receiveVouchers: (...call) => this.receiveVouchers(...call), ...watched }, log);
  }

  /** Takes packed voucher rows from a peer or a payer; answers how many were of use. */
  async receiveVouchers(rows: Uint8Array, caller?: string): Promise<number> {
    this.#metrics.set("gossipWaiting", ++this.#gossipWaiting);
    try {
      const taken = await this.#gossip.receive(rows, caller);
      this.#metrics.count("gossipRowsTaken", taken);
      return taken;
    } finally {
      this.#metrics.set("gossipWaiting", --this.#gossipWaiting);
    }
  }

  /** What this daemon knows of a channel. */
  account(channel: Address): Promise<Account | undefined> {
    return this.#ledger.account(channel);
  }

  /** The registry as it was last read. */
  get nodes(): readonly RegisteredNode[] {
    return this.#watch.nodes;
  }

  /** Where the operator's routes answer, after a `start` with a port. */
  get operatorUrl(): string {
    return `http://127.0.0.1:${this.#operatorListener!.port}`;
  }

  /** Metered to the end, of a log that is no old copy. */
  get #isOpen(): boolean {
    return this.#isReady && this.#highWater.isReached;
  }

  /** The node's database may have been exchanged: the gate is shut until its log was looked at, and metered, again. */
  doubtLog(): void {
    this.#highWater.doubt();
    this.#isReady = false;
    this.#wakeMeter();
  }

  /** The operator vouches for a log that cannot be metered on from where it was: the gate opens all the same. */
  async #trustLog(): Promise<bigint> {
    const above = await this.#highWater.trust();
    this.#isReady = true;
    return above;
  }

  /**
   * Starts working, and waits for nothing but its port: deadlines, gossip and transactions are looked after while a long
   * log is metered. The gate opens when the chain was read and the node's log, which must be no old copy, metered. Rejects
   * when it cannot work at all: the operator's port is taken.
   */
  async start(): Promise<void> {
    const { envelopeLog, intervalsMs, clock, log } = this.#options;
    if (this.#options.operatorPort !== undefined) await this.#listen(this.#options.operatorPort);
    if (this.#options.metricsListen) await this.#listenForMetrics(this.#options.metricsListen);
    const context = { clock, log, beats: this.#operations.beats };
    const sending = { ...context, longestStepMs: SENDING_MS };
    let noteLook = () => {};
    this.#firstLook = new Promise((resolve) => (noteLook = resolve));
    const meter = startLoop("meter", intervalsMs.watch, () => this.#prepare().finally(noteLook), context);
    this.#wakeMeter = () => meter.wake();
    this.#unsubscribe = envelopeLog.onAppend(() => meter.wake());
    this.#gossipLoop = startLoop("gossip", intervalsMs.gossip, (signal) => this.#tell(signal), context);
    this.#loops = [
      meter,
      startLoop("watch", intervalsMs.watch, () => this.#watch.poll(), context),
      this.#gossipLoop,
      startLoop("settle", intervalsMs.settle, () => this.#work.routine(), sending),
      startLoop("deadlines", intervalsMs.settle, () => this.#work.settleDeadlines(), sending),
      startLoop("transactions", intervalsMs.watch, async () => this.#options.transactions?.tick(), context),
    ];
    const { faults } = this.#options;
    if (!faults) return;
    this.#loops.push(
      startLoop("compare", faults.everyMs, (signal) => this.compare(signal), context),
      startLoop("report", faults.everyMs, () => this.report(), sending),
    );
  }

  /** Resolves when chain and log were looked at once after `start`, whether or not that opened the gate. */
  firstLook(): Promise<void> {
    return this.#firstLook;
  }

  async #tell(signal: AbortSignal): Promise<void> {
    this.#gossipedAt = this.#options.clock.now();
    // Somebody waits for this round only while something is lent.
    const isMajority = await this.#gossip.round(this.#watch.nodes, signal, !this.#lending.isEmpty());
    this.#metrics.count("gossipRounds", 1, { result: isMajority ? "majority" : "minority" });
    if (isMajority) this.#lending.noteRound();
  }

  /** A payer waits for it; but not so often that gossip is all there is. */
  #gossipSoon(): void {
    if (this.#options.clock.now() - this.#gossipedAt >= SOONEST_GOSSIP_MS) this.#gossipLoop?.wake();
  }

  /** Meters the node's log to its end; opens the gate when that worked for the first time. */
  async #prepare(): Promise<void> {
    if (!this.#isReady) await this.#watch.poll();
    // First: a log that ends too early cannot be metered to its end.
    if (!this.#highWater.isReached) await this.#highWater.check(this.#watch.nodes);
    await this.#meter.drain();
    if (this.#isReady || !this.#highWater.isReached) return;
    this.#isReady = true;
    this.#options.log.info({ nodeId: this.#options.nodeId }, "the daemon is ready");
  }

  async #listen(port: number): Promise<void> {
    const routes = {
      status: () => this.status(),
      settle: async () => ({ transactions: await this.settle() }),
      distribute: () => this.#work.distribute(),
      claim: () => this.#work.claim(),
      acceptReorg: (number: bigint, hash: Hex) => this.acceptReorg({ number, hash }),
      trustLog: () => this.#trustLog(),
      evidence: async (nodeId: number, sequenceId: bigint) => this.#faults?.evidence({ nodeId, sequenceId }),
      overview: () => this.#operations.overview(),
      health: () => this.#operations.health(),
      ready: () => this.#operations.ready(),
      metrics: () => this.#operations.metrics(),
    };
    this.#operatorListener = await listen(operatorHandler(routes, this.#options.log), { host: "127.0.0.1", port });
    this.#options.log.info({ operator: this.operatorUrl }, "the operator's routes answer");
  }

  async #listenForMetrics(at: { host: string; port: number }): Promise<void> {
    this.#metricsListener = await listen(watchHandler(this.#operations, this.#options.log), at);
    this.#options.log.info({ ...at, port: this.#metricsListener.port }, "metrics and health answer");
  }

  /** Where metrics and health answer other machines, when they do. */
  get metricsPort(): number | undefined {
    return this.#metricsListener?.port;
  }

  /** Meters the node's log to its end. */
  drain(): Promise<void> {
    return this.#meter.drain();
  }

  /** Reads what is new on chain. */
  poll(): Promise<void> {
    return this.#watch.poll();
  }

  /** What is due on chain now: settles, passes fees on and claims, as far as it is worth its gas. */
  async work(): Promise<void> {
    await this.#work.settleDeadlines();
    await this.#work.routine();
  }

  /** Settles every voucher that would collect something, whatever gas costs. */
  settle(): Promise<SettleResult[]> {
    return this.#work.settleAll(async () => {
      await this.#meter.drain();
      await this.#watch.poll();
    });
  }

  /**
   * After the chain took back a final block: the operator says that it counts all the same, from a block on that both
   * chains have, given with its hash. Transactions that were final above it are followed again. Rejects with
   * ReorgRefusedError while finality is not broken, and with SendError at a process that does not lead.
   */
  async acceptReorg(block: FinalizedBlock): Promise<void> {
    await this.#watch.acceptReorg(block, async (number) => this.#options.transactions?.rollBack?.(number));
  }

  /** Compares the node's log with the next peer's. */
  async compare(signal: AbortSignal): Promise<void> {
    await this.#faults?.compare(this.#watch.nodes, signal);
  }

  /** Brings evidence of faults further on chain. */
  async report(): Promise<void> {
    await this.#reports.run(async () => this.#faults?.report());
  }

  async status(): Promise<object> {
    const { nodeId, domain, store, envelopeLog, isCaughtUp } = this.#options;
    const accounts = await this.#ledger.accounts(undefined, SHOWN_ACCOUNTS);
    const originators = await envelopeLog.originators();
    const cursors = await Promise.all(originators.map(async (id) => [id, await store.ledger.meterCursor(id)] as const));
    return {
      nodeId,
      chainId: domain.chainId,
      postageChannels: domain.postageChannels,
      ready: this.#isOpen,
      highWater: this.#highWater.status(),
      caughtUp: isCaughtUp(),
      chainDoubt: this.#watch.doubt(),
      chain: await this.#watch.status(),
      rpcCalls: this.#options.rpcCalls?.(),
      metered: Object.fromEntries(cursors),
      nodes: this.#watch.nodes,
      transactions: this.#options.transactions?.status(),
      faults: await this.#faults?.status(),
      channels: accounts.map(describe),
    };
  }

  /** Finishes what is in progress and closes the ledger. What was not metered yet is in the node's log. */
  async close(): Promise<void> {
    this.#options.transactions?.stop();
    await Promise.all([this.#operatorListener?.close(), this.#metricsListener?.close()]);
    this.#unsubscribe();
    this.#meter.stop();
    await Promise.all(this.#loops.map((loop) => loop.stop()));
    await Promise.all([this.#work.finish(), this.#reports.run(async () => {})]);
    await this.#options.transactions?.close().catch((error: unknown) => {
      this.#options.log.warn({ error: String(error) }, "the leadership was not handed on, it ends by itself");
    });
    await this.#options.store.close();
  }
}
