import type { Recorder as RecorderOf } from "../../platform/metrics/definitions.ts";
import type { Metrics } from "../../platform/metrics/metrics.ts";
import type { METRICS } from "./catalogue.ts";

/** Where the daemon notes what happens. */
export type Recorder = RecorderOf<typeof METRICS>;
export type DaemonMetrics = Metrics<typeof METRICS>;
