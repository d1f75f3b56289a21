import { Beats } from "../platform/beats.ts";
import type { Clock } from "../platform/clock.ts";
import { startGrpcServer } from "../platform/grpcServer.ts";
import { listen } from "../platform/listen.ts";
import type { Log } from "../platform/log.ts";
import type { MetricsText } from "../platform/metrics/metrics.ts";
import { Metrics } from "../platform/metrics/metrics.ts";
import type { Storage } from "../platform/storage.ts";
import { watchHandler } from "../platform/watch.ts";
import type { ProposalBook } from "../contracts/proposals.ts";
import type { DeploymentRecord } from "../contracts/deploymentRecord.ts";
import { fastRecoverAddress } from "../platform/fastEcdsa.ts";
import type { Hex } from "../protocol/bytes.ts";
import type { PostageDomain } from "../protocol/voucher.ts";
import { repeat } from "./async.ts";
import type { Budgets } from "./channel/budgetBook.ts";
import { ChannelWatch } from "./channel/channelWatch.ts";
import { ChannelLedger } from "./channel/ledger.ts";
import type { SpendDays } from "./channel/spendReport.ts";
import { spendRows } from "./channel/spendReport.ts";
import { consoleHandler } from "./console/consoleHandler.ts";
import { PayerConsole } from "./console/payerConsole.ts";
import type { LowBalance } from "./funds/balanceAlarm.ts";
import { BalanceAlarm } from "./funds/balanceAlarm.ts";
import type { OnGatewayEvent } from "./funds/events.ts";
import { eventSink } from "./funds/events.ts";
import { GasMoney } from "./funds/gasMoney.ts";
import type { Deposit, TopUpTerms } from "./funds/topUp.ts";
import { TopUp } from "./funds/topUp.ts";
import type { GatewayLimits } from "./limits.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import { GATEWAY_METRICS } from "./metrics/catalogue.ts";
import { observeEvents, observeNodes, observeStore } from "./metrics/observed.ts";
import { HeadWatch } from "./nodes/headWatch.ts";
import { NodeDirectory } from "./nodes/nodeDirectory.ts";
import { RatesWatch } from "./nodes/ratesWatch.ts";
import type { NodeChoice } from "./nodes/nodeOrder.ts";
import { requireChoice } from "./nodes/nodeOrder.ts";
import { Visibility } from "./nodes/visibility.ts";
import { Operations } from "./operations.ts";
import type { ConnectNode, GatewayChain, GatewayStore, Random, Spend } from "./ports.ts";
import { Answers } from "./publish/answers.ts";
import { ChainPublisher } from "./publish/chainPublisher.ts";
import { DemandDesk } from "./publish/demandDesk.ts";
import { FateResolver } from "./publish/fateResolver.ts";
import { LogAudit } from "./publish/logAudit.ts";
import { NodePublisher } from "./publish/nodePublisher.ts";
import { Publisher } from "./publish/publisher.ts";
import { ReceiptDesk } from "./publish/receiptDesk.ts";
import { RecipientBook } from "./publish/recipientBook.ts";
import { SenderTags } from "./publish/senderTags.ts";
import { StampBuyer } from "./publish/stampBuyer.ts";
import type { HandedWaiver } from "./publish/waiverBook.ts";
import { WaiverBook } from "./publish/waiverBook.ts";
import type { StampDaemons } from "./stamps/ports.ts";
import type { ReportsChain, ReportServers } from "./receipts/ports.ts";
import { ReceiptBook } from "./receipts/receiptBook.ts";
import { SigningKeys } from "./receipts/signingKeys.ts";
import type { Authenticate, RateLimits } from "./server/callers.ts";
import { Callers } from "./server/callers.ts";
import { gatewayRoutes } from "./server/routes.ts";
import type { GatewayStatus } from "./server/status.ts";
import { statusHandler } from "./server/status.ts";
import { STORE_LOOPS, gatewayTasks } from "./tasks.ts";

/** A call may carry this many bytes: a few envelopes of the largest size, or many of the usual ones. */
const MOST_REQUEST_BYTES = 8 * 1024 * 1024;

export interface GatewayOptions {
  host: string;
  /** 0 takes a free one. */
  port: number;
  /** The postage key, 32 bytes. Its address is the channel. One gateway per key, or several on one shared store. */
  postageKey: Uint8Array;
  domain: PostageDomain;
  /** Base units signed ahead of use; at most 1 % of the deposit counts. */
  headroom: bigint;
  /** Base units that may be signed for stamps in all, over the channel's life. 0, or left out: none is bought. */
  stamps?: bigint;
  /** Known at the start; others by `addWaiver`. */
  waivers?: readonly HandedWaiver[];
  /** Who publishes; everybody may, as one user without a name, when left out. */
  authenticate?: Authenticate;
  /** Tags of senders, for users whose inbox `authenticate` tells, so that recipients can block one of them alone. */
  senderTags?: { secret: Uint8Array; daemons: Pick<StampDaemons, "inboxOf"> };
  /** Envelopes in a minute of each user and of each app; unlimited when left out. */
  rateLimits?: RateLimits;
  /** What may be spent in a day by each user, by each app, and in all; unlimited when left out. */
  budgets?: Budgets;
  /** Which node a publish goes to: XIP-79's `stable` when left out. */
  nodes?: NodeChoice;
  /** What a wallet needs to top up from the console, which offers it with this only. */
  deployment?: DeploymentRecord;
  /** What the console's network view shows of the governor's proposals; nothing when left out. */
  proposals?: Pick<ProposalBook, "read">;
  /** When `low_balance` is told. */
  lowBalance?: LowBalance;
  /** Deposits by itself; never when left out. */
  topUp?: TopUpTerms & { deposit: Deposit; newKey: () => Hex };
  /** Hears of what somebody may want to be woken for; all of it is in the log too. */
  onEvent?: OnGatewayEvent;
  limits?: Partial<GatewayLimits>;
  /** A listener for metrics and health alone, which other machines may reach. Without it they answer this machine, at `port`. */
  metricsListen?: { host: string; port: number };
  /** Whether metrics tell of the whole process too: memory, event loop. An app that runs a gateway counts those itself. */
  processMetrics?: boolean;
  /** What the store's files take, and their disk has left. */
  storage?: () => Promise<Storage>;
  /** Closed by the gateway's `close`. */
  store: GatewayStore;
  chain: GatewayChain;
  connectNode: ConnectNode;
  /** What receipts are held against. Without it they wait until they are too old. */
  reports?: { chain: ReportsChain; servers: ReportServers };
  clock: Clock;
  log: Log;
  random: Random;
}

export interface Gateway {
  /** What a client takes as `gatewayHost`. */
  url: string;
  /** Where metrics and health answer other machines, with `metricsListen`. */
  metricsUrl: string | undefined;
  status(): GatewayStatus;
  /** What `GET /metrics` answers, for an app that has a server of its own. See docs/metrics.md. */
  metrics(): Promise<MetricsText>;
  /** 0 winds down: from then on a voucher covers exactly what is used and under way. */
  setHeadroom(units: bigint): void;
  /** From then on a welcome to one of these installations needs no stamp. Throws StampsError. */
  addWaiver(waiver: HandedWaiver): void;
  /** Who spent what, by day, app, user and kind. Its sums are the ledger's, in flight not counted. Throws RangeError. */
  spend(days?: SpendDays): AsyncIterable<Spend>;
  /**
   * The packed row of the largest voucher after signing, if need be, for everything used: its fees are exactly the
   * usage when no headroom was signed before. Undefined when the channel never paid for anything.
   */
  finalVoucher(): Promise<Uint8Array | undefined>;
  /** Ends what is under way, then closes server, nodes and store. */
  close(): Promise<void>;
}

/**
 * Serves XMTP clients and pays for what they publish. Resolves when it listens; nodes and chain may come later, and
 * publishes wait for them. Throws GatewayError `ledger_conflict` when the store is another key's, `store_unavailable`, and RangeError for a choice of
 * nodes that names none.
 */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { chain, clock, domain, log, postageKey, random } = options;
  if (options.nodes) requireChoice(options.nodes);
  const limits: GatewayLimits = { ...DEFAULT_LIMITS, ...options.limits };
  const stopping = new AbortController();
  const beats = new Beats(clock);
  const metrics = new Metrics(GATEWAY_METRICS, { withProcess: options.processMetrics ?? false });
  const store = observeStore(options.store, metrics, clock);
  const connectNode = observeNodes(options.connectNode, metrics, clock);

  const ledger = await ChannelLedger.open({
    store,
    domain,
    postageKey,
    clock,
    log,
    budgets: options.budgets,
    ...limits,
  });
  const answers = new Answers({ ledger, store });
  const watch = new ChannelWatch({ chain, ledger, clock, log, headroom: options.headroom, ...limits });
  const rates = new RatesWatch(chain, clock, limits.chainTimeoutMs);
  const directory = new NodeDirectory({
    ...{ chain, connectNode, clock, log, random, recorder: metrics, choice: options.nodes },
    ...limits,
  });
  const visibility = new Visibility({ directory, clock, ...limits });
  const lookup = { clock, log, ...limits };
  const keys = new SigningKeys({ chain, clock, ...limits, recover: fastRecoverAddress });
  const receipts = await ReceiptBook.open({ store, channel: ledger.channel, clock, log, random, ...limits });
  const nodeLogs = { ledger, directory, rates, keys, receipts, clock, log, limits };
  const fates = new FateResolver(nodeLogs);
  const audit = new LogAudit({ ...nodeLogs, fates });
  const shared = { ledger, directory, recorder: metrics, clock, log, limits };
  const waivers = new WaiverBook({ domain, payer: ledger.channel }, clock);
  for (const waiver of options.waivers ?? []) waivers.add(waiver);
  const stamps = new StampBuyer({ ledger, watch, rates, waivers, clock, most: options.stamps ?? 0n });
  const recipients = options.senderTags && new RecipientBook({ ...shared, ...limits, ...options.senderTags, random });
  const tags = recipients && new SenderTags({ domain, postageKey, recipients, ...options.senderTags! });
  const publisher = new Publisher({
    ...shared,
    nodes: new NodePublisher({
      ...shared,
      ...{ answers, stamps, tags, rates, watch, random, postageKey },
      receipts: new ReceiptDesk({ fates, ledger, visibility }),
      demands: new DemandDesk({ ...shared, audit, watch, stamps }),
    }),
    chain: new ChainPublisher({ ...shared, answers, chain, visibility, lookup }),
    visibility,
    answers,
  });

  const callers = new Callers({
    ...{ authenticate: options.authenticate, rateLimits: options.rateLimits ?? {} },
    ...{ timeoutMs: limits.authenticateTimeoutMs, clock, log },
    learn: (installation, inbox) => recipients?.learn(installation, inbox),
  });
  const emit = observeEvents(eventSink(log, options.onEvent), metrics);
  const funds = { store, ledger, watch, emit, clock, log };
  const alarm = new BalanceAlarm({ ...funds, ...options.lowBalance });
  const topUp = options.topUp && new TopUp({ ...funds, ...options.topUp });
  const isActive = (envelopeHash: string) => publisher.isActive(envelopeHash);
  const headWatch = new HeadWatch(chain, clock, limits.chainTimeoutMs);
  const gas = new GasMoney({ chain, emit, clock, chainTimeoutMs: limits.chainTimeoutMs });
  const tasks = gatewayTasks({
    ...{ alarm, directory, fates, gas, headWatch, isActive, ledger, rates, receipts, topUp, watch, store, limits },
    ...{ reports: options.reports, clock, log, random, signal: stopping.signal },
  });
  const first = await Promise.allSettled(tasks.first.map(({ run }) => run()));
  for (const result of first) {
    if (result.status === "rejected") log.warn({ error: String(result.reason) }, "the first read of the chain failed");
  }

  const operations = new Operations({
    ...{ ledger, watch, rates, directory, publisher, receipts, alarm, topUp, gas, head: headWatch, beats },
    ...{ storeLoops: STORE_LOOPS, metrics, storage: options.storage, stopping: stopping.signal, clock },
  });
  const status = () => operations.status();
  const ready = () => operations.ready();

  const server = await startGrpcServer({
    host: options.host,
    port: options.port,
    maxMessageBytes: MOST_REQUEST_BYTES,
    routes: gatewayRoutes({ publisher, callers, directory, isReady: () => ready().ok, recorder: metrics, log }),
    fallback: consoleHandler(
      new PayerConsole({
        ...{ ledger, watch, rates, store, status, ready, proposals: options.proposals, clock, log },
        ...{ budget: options.budgets?.all, deployment: options.deployment },
      }),
      log,
      statusHandler(
        {
          ...{ status, ready, health: () => operations.health(), metrics: () => operations.metrics() },
          setHeadroom: (units) => watch.setHeadroom(units),
          addWaiver: (waiver) => waivers.add(waiver),
          voucherRow: () => ledger.voucherRow,
        },
        log,
      ),
    ),
  });
  const monitor = await listenForMetrics(options, operations).catch(async (error: unknown) => {
    await server.close();
    throw error;
  });
  const background = [...tasks.first, ...tasks.rest].map((task) =>
    repeat(task, { clock, signal: stopping.signal, log, beats }),
  );
  log.info({ url: server.url, channel: ledger.channel, usagePico: ledger.usagePico }, "the gateway serves");

  let closing: Promise<void> | undefined;
  const close = async () => {
    await publisher.close();
    stopping.abort(new Error("the gateway is closed"));
    await server.close();
    await Promise.all([monitor?.close(), ...background]);
    directory.close();
    await ledger.close().catch((error: unknown) => {
      log.warn({ error: String(error) }, "other processes have to wait for the end of this one's lease");
    });
    await store.close();
    log.info({ usagePico: ledger.usagePico, authorised: ledger.authorised }, "the gateway is closed");
  };
  return {
    url: server.url,
    metricsUrl: monitor && `http://${options.metricsListen!.host}:${monitor.port}`,
    metrics: () => operations.metrics(),
    status,
    setHeadroom: (units) => watch.setHeadroom(units),
    addWaiver: (waiver) => void waivers.add(waiver),
    spend: (days) => spendRows(store, ledger.channel, days),
    async finalVoucher() {
      await watch.refresh(stopping.signal);
      await ledger.tend(isActive);
      await fates.resolve(isActive, stopping.signal, limits.nodeTimeoutMs);
      return ledger.settleUp(() => watch.terms().backed);
    },
    close: () => (closing ??= close()),
  };
}

async function listenForMetrics({ log, metricsListen }: GatewayOptions, operations: Operations) {
  return metricsListen && listen(watchHandler(operations, log), metricsListen);
}
