/** What a label can be, in words; every label has few values, whoever sends what. */
export type LabelBounds = Readonly<Record<string, string>>;

export interface MetricDefinition {
  name: string;
  type: "counter" | "gauge" | "histogram";
  /** What one step of it is. */
  unit: string;
  help: string;
  labels?: LabelBounds;
  /** Upper bounds, of a histogram. */
  buckets?: readonly number[];
}

/** All metrics of a process: its page in docs/metrics.md is made from it, alerts and dashboards may use nothing else. */
export type MetricTable = Readonly<Record<string, MetricDefinition>>;

type KeysOf<T extends MetricTable, Type extends MetricDefinition["type"]> = {
  [K in keyof T & string]: T[K]["type"] extends Type ? K : never;
}[keyof T & string];
export type CounterKey<T extends MetricTable> = KeysOf<T, "counter">;
export type GaugeKey<T extends MetricTable> = KeysOf<T, "gauge">;
export type HistogramKey<T extends MetricTable> = KeysOf<T, "histogram">;

export type Labels = Readonly<Record<string, string>>;

/** Where a process notes what happens. Never fails and never waits. */
export interface Recorder<T extends MetricTable> {
  count(metric: CounterKey<T>, by?: number, labels?: Labels): void;
  observe(metric: HistogramKey<T>, value: number, labels?: Labels): void;
  set(metric: GaugeKey<T>, value: number, labels?: Labels): void;
}

/** Upper bounds in seconds, from what a disk takes to what somebody waits for. */
export const QUICK = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;
