import type { Beats } from "../platform/beats.ts";
import type { MetricsText } from "../platform/metrics/metrics.ts";
import type { Verdict, WatchRoutes } from "../platform/watch.ts";
import type { RpcCalls } from "./metrics/gauges.ts";
import { setGauges } from "./metrics/gauges.ts";
import type { DaemonMetrics } from "./metrics/ports.ts";
import type { OverviewData, OverviewSources } from "./overview/overview.ts";
import { Overview } from "./overview/overview.ts";

export interface OperationsOptions extends OverviewSources {
  metrics: DaemonMetrics;
  rpcCalls: (() => RpcCalls) | undefined;
}

/** What is asked of a daemon by those who watch it. */
export class Operations implements WatchRoutes {
  readonly #options: OperationsOptions;
  readonly #overview: Overview;

  constructor(options: OperationsOptions) {
    this.#options = options;
    this.#overview = new Overview(options);
  }

  get beats(): Beats {
    return this.#options.beats;
  }

  health(): Verdict {
    return this.#overview.health();
  }

  ready(): Promise<Verdict> {
    return this.#overview.ready();
  }

  overview(): Promise<OverviewData> {
    return this.#overview.read();
  }

  /** In Prometheus' form. Rejects when the ledger cannot be read: a scrape that fails is an alarm of its own. */
  async metrics(): Promise<MetricsText> {
    const { metrics, rpcCalls } = this.#options;
    setGauges(metrics, await this.#overview.read(), rpcCalls?.());
    return { contentType: metrics.contentType, text: await metrics.text() };
  }
}
