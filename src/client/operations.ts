import type { Beats } from "../platform/beats.ts";
import type { Clock } from "../platform/clock.ts";
import type { MetricsText } from "../platform/metrics/metrics.ts";
import type { Storage } from "../platform/storage.ts";
import type { Verdict, WatchRoutes } from "../platform/watch.ts";
import { stuckLoops, verdict } from "../platform/watch.ts";
import { picoToUnitsUp } from "../protocol/units.ts";
import type { ChannelWatch } from "./channel/channelWatch.ts";
import type { ChannelLedger } from "./channel/ledger.ts";
import type { BalanceAlarm } from "./funds/balanceAlarm.ts";
import { leftUnits } from "./funds/left.ts";
import type { GasMoney } from "./funds/gasMoney.ts";
import type { TopUp } from "./funds/topUp.ts";
import type { GatewayMetrics } from "./metrics/catalogue.ts";
import { setGauges } from "./metrics/gauges.ts";
import type { HeadWatch } from "./nodes/headWatch.ts";
import type { NodeDirectory } from "./nodes/nodeDirectory.ts";
import type { RatesWatch } from "./nodes/ratesWatch.ts";
import type { Publisher } from "./publish/publisher.ts";
import type { ReceiptBook } from "./receipts/receiptBook.ts";
import type { GatewayStatus } from "./server/status.ts";

export interface OperationsOptions {
  ledger: ChannelLedger;
  watch: ChannelWatch;
  rates: RatesWatch;
  directory: NodeDirectory;
  publisher: Pick<Publisher, "room" | "active">;
  receipts: Pick<ReceiptBook, "count">;
  alarm: Pick<BalanceAlarm, "runwaySeconds" | "isLow">;
  topUp: Pick<TopUp, "isCapped"> | undefined;
  gas: Pick<GasMoney, "state" | "problem">;
  head: Pick<HeadWatch, "head">;
  beats: Beats;
  /** Names of loops that do nothing but use the store: when their last step failed, it does not work. */
  storeLoops: readonly string[];
  metrics: GatewayMetrics;
  storage: (() => Promise<Storage>) | undefined;
  stopping: AbortSignal;
  clock: Clock;
}

/** What is asked of a gateway by those who watch it. */
export class Operations implements WatchRoutes {
  readonly #options: OperationsOptions;

  constructor(options: OperationsOptions) {
    this.#options = options;
  }

  status(): GatewayStatus {
    const { ledger, watch, directory, publisher, receipts, alarm, gas } = this.#options;
    return {
      channel: ledger.channel,
      store: ledger.isShared ? "PostgreSQL" : "SQLite",
      processes: ledger.processes,
      usagePico: ledger.usagePico,
      inFlightPico: ledger.inFlightPico,
      usage: picoToUnitsUp(ledger.usagePico),
      authorised: ledger.authorised,
      deposited: watch.state?.deposited,
      available: watch.backed,
      left: leftUnits(ledger, watch),
      runwaySeconds: alarm.runwaySeconds,
      gas: gas.state,
      stampsSigned: ledger.stampsSigned,
      headroom: watch.headroom,
      nodes: directory.all().map((one) => ({
        id: one.node.id,
        httpAddress: one.node.httpAddress,
        isAvailable: directory.isAvailable(one),
        problem: one.problem,
      })),
      doubles: ledger.doubles,
      openAttempts: ledger.attempts().length,
      receipts: receipts.count,
      held: publisher.room.held,
      active: publisher.active,
    };
  }

  /** Whether the process and its store work. */
  health(): Verdict {
    const { beats, ledger, storeLoops } = this.#options;
    const isFailing = storeLoops.some((name) =>
      beats.status().some(({ loop, ageSeconds, sinceSuccessSeconds: since }) => loop === name && since > ageSeconds),
    );
    return verdict([
      ...stuckLoops(beats),
      ...(ledger.problem === undefined ? [] : [ledger.problem]),
      ...(isFailing && ledger.problem === undefined ? ["the store does not work: see the log"] : []),
    ]);
  }

  /** Whether a publish can succeed now. Messages need no gas, so that an empty account is a warning: they should still come here. */
  ready(): Verdict {
    const unready = this.#unready();
    const { problem } = this.#options.gas;
    const judged = verdict([...this.health().reasons, ...(unready === undefined ? [] : [unready])]);
    return problem === undefined ? judged : { ...judged, warnings: [problem] };
  }

  #unready(): string | undefined {
    const { directory, ledger, rates, stopping, watch } = this.#options;
    if (stopping.aborted) return "shutting down";
    if (!watch.state) return "the channel could not be read from the chain yet";
    if (!rates.isKnown) return "the rates could not be read from the chain yet";
    if (directory.available().length === 0) return "no node is available";
    const used = picoToUnitsUp(ledger.usagePico + ledger.inFlightPico);
    return used < watch.terms().backed ? undefined : `channel ${ledger.channel} is out of money: deposit`;
  }

  async metrics(): Promise<MetricsText> {
    const { alarm, beats, clock, head, ledger, metrics, storage, topUp, watch } = this.#options;
    const disk = await storage?.().catch(() => undefined);
    setGauges(metrics, {
      ...{ now: clock.now(), status: this.status(), storage: disk, head: head.head, channelReadAt: watch.readAt },
      ...{ isHealthy: this.health().ok, isReady: this.ready().ok, hasLedgerProblem: ledger.problem !== undefined },
      ...{ isLow: alarm.isLow, isCapped: topUp?.isCapped ?? false, loops: beats.status() },
    });
    return { contentType: metrics.contentType, text: await metrics.text() };
  }
}
