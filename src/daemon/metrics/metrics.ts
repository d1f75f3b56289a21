import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from "prom-client";

import type { CounterKey, GaugeKey, HistogramKey, MetricDefinition, MetricKey } from "./catalogue.ts";
import { METRICS } from "./catalogue.ts";
import type { Labels, Recorder } from "./ports.ts";

/** The daemon's metrics in Prometheus' form. */
export class Metrics implements Recorder {
  readonly #registry = new Registry();
  readonly #metrics = new Map<MetricKey, Counter | Gauge | Histogram>();

  /** @param withProcess adds what prom-client knows of the process: memory, event loop, garbage collection */
  constructor({ withProcess = false } = {}) {
    const registers = [this.#registry];
    for (const [key, definition] of Object.entries(METRICS) as [MetricKey, MetricDefinition][]) {
      const { name, help, type, buckets = [] } = definition;
      const common = { name, help, registers, labelNames: Object.keys(definition.labels ?? {}) };
      if (type === "counter") this.#metrics.set(key, new Counter(common));
      else if (type === "gauge") this.#metrics.set(key, new Gauge(common));
      else this.#metrics.set(key, new Histogram({ ...common, buckets: [...buckets] }));
    }
    if (withProcess) collectDefaultMetrics({ register: this.#registry });
  }

  count(metric: CounterKey, by = 1, labels: Labels = {}): void {
    (this.#metrics.get(metric) as Counter).inc(labels, by);
  }

  observe(metric: HistogramKey, value: number, labels: Labels = {}): void {
    (this.#metrics.get(metric) as Histogram).observe(labels, value);
  }

  set(metric: GaugeKey, value: number, labels: Labels = {}): void {
    (this.#metrics.get(metric) as Gauge).set(labels, value);
  }

  /** For what is known whole at each look: what is not set again is gone. */
  clear(metric: GaugeKey | CounterKey): void {
    const found = this.#metrics.get(metric) as Gauge | Counter;
    found.reset();
    // Without labels a reset leaves a zero, and nothing is not zero.
    found.remove({});
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }
}
