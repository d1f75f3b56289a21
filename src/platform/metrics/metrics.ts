import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from "prom-client";

import type { CounterKey, GaugeKey, HistogramKey, Labels, MetricTable, Recorder } from "./definitions.ts";

/** A process's metrics in Prometheus' form. */
export class Metrics<T extends MetricTable> implements Recorder<T> {
  readonly #registry = new Registry();
  readonly #metrics = new Map<string, Counter | Gauge | Histogram>();

  /** @param withProcess adds what prom-client knows of the process: memory, event loop, garbage collection */
  constructor(table: T, { withProcess = false } = {}) {
    const registers = [this.#registry];
    for (const [key, definition] of Object.entries(table)) {
      const { name, help, type, buckets = [] } = definition;
      const common = { name, help, registers, labelNames: Object.keys(definition.labels ?? {}) };
      if (type === "counter") this.#metrics.set(key, new Counter(common));
      else if (type === "gauge") this.#metrics.set(key, new Gauge(common));
      else this.#metrics.set(key, new Histogram({ ...common, buckets: [...buckets] }));
    }
    if (withProcess) collectDefaultMetrics({ register: this.#registry });
  }

  count(metric: CounterKey<T>, by = 1, labels: Labels = {}): void {
    (this.#metrics.get(metric) as Counter).inc(labels, by);
  }

  observe(metric: HistogramKey<T>, value: number, labels: Labels = {}): void {
    (this.#metrics.get(metric) as Histogram).observe(labels, value);
  }

  set(metric: GaugeKey<T>, value: number, labels: Labels = {}): void {
    (this.#metrics.get(metric) as Gauge).set(labels, value);
  }

  /** A gauge of what may not be known: gone while it is not. */
  setKnown(metric: GaugeKey<T>, value: number | undefined): void {
    if (value === undefined) this.clear(metric);
    else this.set(metric, value);
  }

  /** For what is known whole at each look: what is not set again is gone. */
  clear(metric: GaugeKey<T> | CounterKey<T>): void {
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

/** What a scrape is answered with. */
export interface MetricsText {
  contentType: string;
  text: string;
}
