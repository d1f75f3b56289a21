import type { Clock } from "../platform/clock.ts";
import type { Log } from "../platform/log.ts";
import type { Beats } from "../platform/beats.ts";

export interface Loop {
  /** Runs once more as soon as it can, without waiting for the interval. */
  wake(): void;
  /** Resolves when the run in progress is over; none starts after it. */
  stop(): Promise<void>;
}

export interface LoopContext {
  clock: Clock;
  log: Log;
  /** Hears of the end of every step. */
  beats?: Beats;
  /** How long one step may take when all is well; else some intervals. */
  longestStepMs?: number;
  /** After a wake-up, so long for more of them: one step does for all. */
  gatherMs?: number;
}

/** Runs `step` again and again. A step that fails is logged and tried again after the interval. */
export function startLoop(
  name: string,
  intervalMs: number,
  step: (signal: AbortSignal) => Promise<void>,
  { clock, log, beats, longestStepMs, gatherMs = 0 }: LoopContext,
): Loop {
  beats?.started(name, intervalMs, longestStepMs);
  const stopped = new AbortController();
  let woken = false;
  let rest = new AbortController();
  const gather = async () => {
    if (gatherMs > 0) await clock.sleep(gatherMs, stopped.signal).catch(() => {});
  };
  const run = async () => {
    while (!stopped.signal.aborted) {
      woken = false;
      let failed = false;
      try {
        await step(stopped.signal);
      } catch (error) {
        failed = true;
        if (!stopped.signal.aborted) log.warn({ loop: name, error: String(error) }, "a step failed, it will run again");
      }
      if (stopped.signal.aborted) return;
      beats?.ended(name, !failed);
      if (failed) {
        // Whoever wakes a failing loop must not make it spin.
        await clock.sleep(intervalMs, stopped.signal).catch(() => {});
        continue;
      }
      if (!woken) {
        rest = new AbortController();
        await clock.sleep(intervalMs, rest.signal).catch(() => {});
      }
      if (woken) await gather();
    }
  };
  const done = run();
  return {
    wake: () => {
      woken = true;
      rest.abort();
    },
    stop: async () => {
      stopped.abort(new Error(`${name} stops`));
      rest.abort();
      await done;
    },
  };
}
