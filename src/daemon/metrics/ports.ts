import type { CounterKey, GaugeKey, HistogramKey } from "./catalogue.ts";

export type Labels = Readonly<Record<string, string>>;

/** Where the daemon notes what happens. Never fails and never waits. */
export interface Recorder {
  count(metric: CounterKey, by?: number, labels?: Labels): void;
  observe(metric: HistogramKey, value: number, labels?: Labels): void;
  set(metric: GaugeKey, value: number, labels?: Labels): void;
}
