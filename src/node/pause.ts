import type { Clock } from "../platform/clock.ts";

/** Waits, and goes on at once when the signal is aborted. */
export async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await clock.sleep(ms, signal).catch(() => {});
}
