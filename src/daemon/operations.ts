import type { Beats } from "./beats.ts";
import type { RpcCalls } from "./metrics/gauges.ts";
import { setGauges } from "./metrics/gauges.ts";
import type { Metrics } from "./metrics/metrics.ts";
import type { OverviewData, OverviewSources } from "./overview/overview.ts";
import { Overview } from "./overview/overview.ts";
import type { Verdict } from "./overview/health.ts";

export interface OperationsOptions extends OverviewSources {
  metrics: Metrics;
  rpcCalls: (() => RpcCalls) | undefined;
}

/** What is asked of a daemon by those who watch it. */
export class Operations {
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
  async metrics(): Promise<{ contentType: string; text: string }> {
    const { metrics, rpcCalls } = this.#options;
    setGauges(metrics, await this.#overview.read(), rpcCalls?.());
    return { contentType: metrics.contentType, text: await metrics.text() };
  }
}
