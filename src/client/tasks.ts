import type { Clock } from "../platform/clock.ts";
import type { Log } from "../platform/log.ts";
import type { Task } from "./async.ts";
import type { ChannelWatch } from "./channel/channelWatch.ts";
import type { ChannelLedger } from "./channel/ledger.ts";
import { dayOf } from "./channel/spend.ts";
import type { BalanceAlarm } from "./funds/balanceAlarm.ts";
import type { GasMoney } from "./funds/gasMoney.ts";
import type { TopUp } from "./funds/topUp.ts";
import type { GatewayLimits } from "./limits.ts";
import type { HeadWatch } from "./nodes/headWatch.ts";
import type { NodeDirectory } from "./nodes/nodeDirectory.ts";
import type { RatesWatch } from "./nodes/ratesWatch.ts";
import type { GatewayStore, Random } from "./ports.ts";
import type { FateResolver } from "./publish/fateResolver.ts";
import type { ReportsChain, ReportServers } from "./receipts/ports.ts";
import type { ReceiptBook } from "./receipts/receiptBook.ts";
import { ReceiptProver } from "./receipts/receiptProver.ts";
import { ReportLibrary } from "./receipts/reportLibrary.ts";

export interface TasksOptions {
  alarm: BalanceAlarm;
  directory: NodeDirectory;
  fates: FateResolver;
  gas: GasMoney;
  headWatch: HeadWatch;
  isActive: (envelopeHash: string) => boolean;
  ledger: ChannelLedger;
  rates: RatesWatch;
  receipts: ReceiptBook;
  /** Without it receipts wait until they are too old. */
  reports: { chain: ReportsChain; servers: ReportServers } | undefined;
  topUp: TopUp | undefined;
  watch: ChannelWatch;
  store: GatewayStore;
  limits: GatewayLimits;
  clock: Clock;
  log: Log;
  random: Random;
  signal: AbortSignal;
}

/** Loops that do nothing but use the store: when their last step failed, it does not work. */
export const STORE_LOOPS: readonly string[] = ["balance", "prune"];

const HEAD_EVERY_MS = 30_000;
const GAS_EVERY_MS = 60_000;
const PRUNE_EVERY_MS = 60_000;
const PRUNED_AT_ONCE = 10_000;
/** A round of look-ups asks every node about a hundred envelopes, each for seconds when it is away. */
const SEARCH_MS = 3_600_000;
/** A deposit is waited for two minutes. */
const TOP_UP_MS = 600_000;

/** What a gateway does beside publishing; the first ones also once before it serves. */
export function gatewayTasks(options: TasksOptions): { first: Task[]; rest: Task[] } {
  const { alarm, directory, fates, gas, headWatch, isActive, ledger, limits, rates, signal, topUp, watch } = options;
  // Of several processes with one channel one is enough.
  const byOne = (run: Task["run"]) => async () => (ledger.isFirst ? run() : undefined);
  const readRegistry = async () => {
    await directory.refreshRegistry(signal);
    // One that has just joined is asked at once.
    if (directory.available().length === 0) await directory.checkHealth(signal);
  };
  const task = (name: string, everyMs: number, run: Task["run"], longestMs = 0) => ({ name, everyMs, run, longestMs });
  return {
    first: [
      task("registry", limits.registryEveryMs, readRegistry),
      task("rates", limits.channelEveryMs, () => rates.refreshWhenDue(limits.ratesEveryMs, signal)),
      task("channel", limits.channelEveryMs, () => watch.refresh(signal)),
      task("head", HEAD_EVERY_MS, () => headWatch.refresh(signal)),
      task("gas", GAS_EVERY_MS, () => gas.step(signal)),
    ],
    rest: [
      task("health", limits.healthEveryMs, () => directory.checkHealth(signal)),
      task(
        "fates",
        limits.resolveEveryMs,
        byOne(() => fates.resolve(isActive, signal)),
        SEARCH_MS,
      ),
      task(
        "refusals",
        limits.resolveEveryMs,
        byOne(() => fates.verifyRefusals(isActive, signal)),
        SEARCH_MS,
      ),
      task("balance", limits.balanceEveryMs, () => alarm.step()),
      task(
        "top-up",
        limits.channelEveryMs,
        byOne(async () => topUp?.step(signal)),
        TOP_UP_MS,
      ),
      ...proving(options).map((one) => ({ ...one, run: byOne(one.run) })),
      task("prune", PRUNE_EVERY_MS, () => prune(options)),
      ...(ledger.isShared ? [task("lease", limits.tendEveryMs, () => ledger.tend(isActive))] : []),
    ],
  };
}

function proving({ store, reports, ledger, limits, signal, clock, log, random }: TasksOptions): Task[] {
  if (!reports) return [];
  const { channel } = ledger;
  const library = new ReportLibrary({ ...reports, clock, random, ...limits });
  const prover = new ReceiptProver({ store, channel, chain: reports.chain, library, clock, log, ...limits });
  const run = async () => log.debug(await prover.round(signal), "held receipts against final reports");
  return [{ name: "receipts", everyMs: limits.proveEveryMs, run }];
}

async function prune({ store, clock, ledger, receipts, limits }: TasksOptions): Promise<void> {
  if (!ledger.isFirst) return receipts.recount();
  await store.pruneAnswers(ledger.channel, clock.now() - limits.answersKeptMs, PRUNED_AT_ONCE);
  await receipts.prune(PRUNED_AT_ONCE);
  await store.foldSpend(ledger.channel, dayOf(clock.now()) - limits.spendKeptDays, PRUNED_AT_ONCE);
  // A gateway that is unhealthy is asked for nothing, and would never find out that its store is well.
  await ledger.retry();
}
