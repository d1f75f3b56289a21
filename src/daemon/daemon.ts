import { Beats } from "../platform/beats.ts";
import type { HttpHandler } from "../platform/grpcServer.ts";
import { Metrics } from "../platform/metrics/metrics.ts";
import { Serial } from "../platform/serial.ts";
import { watchHandler } from "../platform/watch.ts";
import type { Address, Hex } from "../protocol/bytes.ts";
import { ChainWork } from "./chainWork.ts";
import { OperatorConsole } from "./console/operatorConsole.ts";
import { FaultWatch } from "./faults/faultWatch.ts";
import { Gate } from "./gate.ts";
import { Gossip } from "./gossip.ts";
import { HighWater } from "./highWater.ts";
import { openHoldings } from "./holdings/openHoldings.ts";
import type { Holdings } from "./holdings/ports.ts";
import { TEND_MS } from "./holdings/ports.ts";
import { operatorHandler, publicHandler } from "./http.ts";
import { Ledger } from "./ledger.ts";
import { Listeners } from "./listeners.ts";
import type { Loop } from "./loop.ts";
import { startLoop } from "./loop.ts";
import { Meter } from "./meter.ts";
import { METRICS } from "./metrics/catalogue.ts";
import type { DaemonMetrics } from "./metrics/ports.ts";
import { observeGate } from "./metrics/observed.ts";
import { Operations } from "./operations.ts";
import type { DaemonOptions } from "./options.ts";
import { statusOf } from "./overview/status.ts";
import type { Account, FinalizedBlock, RegisteredNode } from "./ports.ts";
import type { Reports } from "./reports/openReports.ts";
import { isForReports, openReports } from "./reports/openReports.ts";
import { ReportedStamps } from "./reports/stamps/reportedStamps.ts";
import { RateBook } from "./rateBook.ts";
import { isForStamps } from "./stamps/stampRoutes.ts";
import { Stamps } from "./stamps/openStamps.ts";
import { Talk } from "./talk.ts";
import { Watch } from "./watch.ts";
import type { SettleResult } from "./work.ts";

/** A step that sends waits for its transaction to be mined, which dear gas may keep for some ten minutes at a time. */
const SENDING_MS = 3_600_000;

/** What an operator runs beside a node: takes postage, meters, tells its peers, settles and claims. */
export class Daemon {
  readonly gate: Pick<Gate, "admit" | "isOpen">;
  /** Routes below the node's registered address. */
  readonly handler: HttpHandler;
  readonly #options: DaemonOptions;
  readonly #ledger: Ledger;
  readonly #meter: Meter;
  readonly #watch: Watch;
  readonly #holdings: Holdings;
  readonly #talk: Talk;
  readonly #work: ChainWork;
  readonly #faults: FaultWatch | undefined;
  readonly #epochReports: Reports | undefined;
  readonly #stamps: Stamps | undefined;
  readonly #highWater: HighWater;
  readonly #metrics: DaemonMetrics;
  readonly #operations: Operations;
  readonly #console: OperatorConsole;
  /** Apart from the other work on chain: neither waits for the other. */
  readonly #reports = new Serial();
  #isReady = false;
  #firstLook = Promise.resolve();
  #loops: Loop[] = [];
  #unsubscribe = () => {};
  #wakeMeter = () => {};
  readonly #listeners: Listeners;

  constructor(options: DaemonOptions) {
    this.#options = options;
    const { nodeId, domain, store, chain, policy, clock, log, transport, envelopeLog, isCaughtUp } = options;
    this.#listeners = new Listeners(log);
    const rateBook = new RateBook();
    const onRaise = (channel: Address) => gossip.noteRaise(channel);
    const ledger = new Ledger(store.ledger, { onRaise, isShared: store.isShared });
    const holdings = openHoldings({ store, ledger, clock, log });
    this.#ledger = ledger;
    this.#holdings = holdings;
    this.#watch = new Watch({ ...options, ledger, store: store.ledger, rateBook });
    this.#metrics = options.metrics ?? new Metrics(METRICS);
    const onPage = () => this.#operations.beats.progress("meter");
    const read = options.threads?.read;
    const stampTerms = () => this.#stamps?.terms;
    this.#meter = new Meter({
      ...{ envelopeLog, store: store.ledger, ledger, holdings, rateBook, log, onPage, read, stampTerms },
    });
    this.#stamps =
      options.stamps &&
      new Stamps(options.stamps, {
        ...{ nodeId, domain, store: store.stamps, ledger, recorder: this.#metrics, clock, log },
        reported: new ReportedStamps(store.reports),
      });
    const gossip = new Gossip({ nodeId, domain, ledger, transport, clock, log });
    this.#talk = new Talk({ gossip, holdings, nodes: () => this.nodes, recorder: this.#metrics, clock });
    const poll = () => this.#watch.poll();
    this.#work = new ChainWork({ nodeId, ledger, chain, policy, clock, log, poll, recorder: this.#metrics });
    this.#faults =
      options.faults && new FaultWatch({ nodeId, envelopeLog, store: store.evidence, clock, log, ...options.faults });
    this.#epochReports =
      options.reports &&
      openReports(options.reports, {
        ...{ nodeId, clock, log, store: store.reports, ledger: store.ledger, recorder: this.#metrics },
        ...(this.#stamps ? { stamps: this.#stamps.sources } : {}),
        originators: () => envelopeLog.originators(),
        nodes: () => this.nodes,
        receiveVouchers: (rows) => this.receiveVouchers(rows, "reports"),
      });
    const gate = new Gate({
      ...{ nodeId, domain, ledger, rateBook, clock, isCaughtUp, exposureCap: policy.exposureCap },
      chainDoubt: () => this.#watch.doubt(),
      isReady: () => this.#isOpen,
      holdings,
      stamps: this.#stamps?.gate,
      seats: () => this.nodes.filter(({ isCanonical }) => isCanonical).length,
      recover: options.threads?.recover,
      onShareUsed: () => this.#talk.soon(),
    });
    this.gate = observeGate(gate, this.#metrics, clock);
    const announced = this.#epochReports?.announced;
    const others = options.highWater && { ...(announced ? { announced } : {}), ...options.highWater };
    this.#highWater = new HighWater({ nodeId, store: store.ledger, envelopeLog, clock, log, others });
    this.#operations = new Operations({
      ...{ nodeId, policy, clock, store, chain, watch: this.#watch, highWater: this.#highWater },
      ...{ beats: new Beats(clock), metrics: this.#metrics, rpcCalls: options.rpcCalls, storage: options.storage },
      ...{ transactions: options.transactions, faults: this.#faults, reports: this.#epochReports },
      stamps: this.#stamps,
      settleReports: () => this.#work.settleReports,
      isMetered: () => this.#isReady,
    });
    const overview = () => this.#operations.overview();
    const seatsAt = options.reports && ((epoch: bigint) => options.reports!.chain.seatsAt(epoch));
    const network = { nodes: () => this.nodes, rates: rateBook, seatsAt, events: options.consoleEvents };
    this.#console = new OperatorConsole({ nodeId, overview, store, chain, clock, log, ...network });
    const watched = {
      health: () => this.#operations.health(),
      ready: () => this.#operations.ready(),
      account: (channel: Address) => this.account(channel),
    };
    const handler = publicHandler({ receiveVouchers: (...call) => this.receiveVouchers(...call), ...watched }, log);
    const [reports, stamps] = [this.#epochReports?.handler, this.#stamps?.handler];
    this.handler = (request, ...rest) => {
      const other = isForReports(request.url) ? reports : isForStamps(request.url) ? stamps : undefined;
      (other ?? handler)(request, ...rest);
    };
  }

  /** Takes packed voucher rows from a peer or a payer; answers how many were of use. */
  receiveVouchers(rows: Uint8Array, caller?: string): Promise<number> {
    return this.#talk.receive(rows, caller);
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
    return this.#listeners.operatorUrl;
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
    const { operatorPort, metricsListen } = this.#options;
    if (operatorPort !== undefined) await this.#listenToOperator(operatorPort);
    if (metricsListen) await this.#listeners.listenForMetrics(watchHandler(this.#operations, log), metricsListen);
    const context = { clock, log, beats: this.#operations.beats };
    const sending = { ...context, longestStepMs: SENDING_MS };
    let noteLook = () => {};
    this.#firstLook = new Promise((resolve) => (noteLook = resolve));
    const metering = { ...context, gatherMs: intervalsMs.gather };
    const meter = startLoop("meter", intervalsMs.watch, () => this.#prepare().finally(noteLook), metering);
    this.#wakeMeter = () => meter.wake();
    this.#unsubscribe = envelopeLog.onAppend(() => meter.wake());
    const gossip = startLoop("gossip", intervalsMs.gossip, (signal) => this.#talk.round(signal), context);
    this.#talk.runBy(gossip);
    this.#loops = [
      meter,
      startLoop("watch", intervalsMs.watch, () => this.#watch.poll(), context),
      gossip,
      startLoop("holdings", TEND_MS, () => this.#tend(), context),
      startLoop("settle", intervalsMs.settle, () => this.#work.routine(), sending),
      startLoop("deadlines", intervalsMs.settle, () => this.#work.settleDeadlines(), sending),
      startLoop("transactions", intervalsMs.watch, async () => this.#options.transactions?.tick(), context),
    ];
    const { faults, reports, stamps: ofStamps } = this.#options;
    const stamps = this.#stamps;
    if (ofStamps && stamps) {
      this.#loops.push(startLoop("stamps", ofStamps.everyMs, (signal) => stamps.step(this.nodes, signal), context));
    }
    const epochReports = this.#epochReports;
    if (reports && epochReports) {
      this.#loops.push(startLoop("reports", reports.everyMs, (signal) => epochReports.step(signal), sending));
    }
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

  /** What processes held that are gone is freed when the log was metered. */
  async #tend(): Promise<void> {
    await this.#holdings.tend();
    if (this.#holdings.ripe().gone.length > 0) this.#wakeMeter();
  }

  /** Meters the node's log to its end; opens the gate when that worked for the first time. */
  async #prepare(): Promise<void> {
    if (!this.#isReady) {
      await this.#watch.poll();
      // Before the log: what is metered without knowing whose inbox a topic is opens no stamp.
      await this.#stamps?.poll();
    }
    // First: a log that ends too early cannot be metered to its end.
    if (!this.#highWater.isReached) await this.#highWater.check(this.#watch.nodes);
    await this.#meter.drain();
    if (this.#isReady || !this.#highWater.isReached) return;
    this.#isReady = true;
    this.#options.log.info({ nodeId: this.#options.nodeId }, "the daemon is ready");
  }

  async #listenToOperator(port: number): Promise<void> {
    const routes = {
      status: () => this.status(),
      settle: async () => ({ transactions: await this.settle() }),
      distribute: () => this.#work.distribute(),
      claim: () => this.#work.claim(),
      acceptReorg: (number: bigint, hash: Hex) => this.acceptReorg({ number, hash }),
      trustLog: () => this.#trustLog(),
      evidence: async (nodeId: number, sequenceId: bigint) => this.#faults?.evidence({ nodeId, sequenceId }),
      overview: () => this.#operations.overview(),
      console: () => this.#console.view(),
      network: () => this.#console.network(),
      health: () => this.#operations.health(),
      ready: () => this.#operations.ready(),
      metrics: () => this.#operations.metrics(),
    };
    await this.#listeners.listenToOperator(operatorHandler(routes, this.#options.log), port);
  }

  /** Where metrics and health answer other machines, when they do. */
  get metricsPort(): number | undefined {
    return this.#listeners.metricsPort;
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

  status(): Promise<object> {
    const parts = {
      watch: this.#watch,
      highWater: this.#highWater,
      faults: this.#faults,
      reports: this.#epochReports,
      stamps: this.#stamps,
    };
    return statusOf({ ...this.#options, ...parts, isOpen: this.#isOpen });
  }

  /** Finishes what is in progress and closes the ledger. What was not metered yet is in the node's log. */
  async close(): Promise<void> {
    this.#options.transactions?.stop();
    await this.#listeners.close();
    this.#unsubscribe();
    this.#meter.stop();
    await Promise.all(this.#loops.map((loop) => loop.stop()));
    await Promise.all([this.#work.finish(), this.#reports.run(async () => {})]);
    await this.#options.transactions?.close().catch((error: unknown) => {
      this.#options.log.warn({ error: String(error) }, "the leadership was not handed on, it ends by itself");
    });
    await this.#holdings.close().catch((error: unknown) => {
      this.#options.log.warn({ error: String(error) }, "what is held was not handed on, it ends by itself");
    });
    await this.#options.store.close();
  }
}
