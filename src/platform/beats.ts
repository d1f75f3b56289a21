import type { Clock } from "./clock.ts";

/** So many intervals without the end of a step, and a loop counts as stuck; but never sooner than `LEAST_MS`. */
const INTERVALS = 10;
const LEAST_MS = 120_000;

/** When each loop last ended a step: one that hangs looks from outside like one that rests. */
export class Beats {
  readonly #clock: Clock;
  readonly #loops = new Map<string, { endedAt: number; succeededAt: number; allowedMs: number; failures: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param longestStepMs how long one step may take when all is well */
  started(loop: string, intervalMs: number, longestStepMs = 0): void {
    const now = this.#clock.elapsed();
    const allowedMs = Math.max(LEAST_MS, INTERVALS * intervalMs, longestStepMs);
    this.#loops.set(loop, { endedAt: now, succeededAt: now, allowedMs, failures: 0 });
  }

  ended(loop: string, isSuccess: boolean): void {
    const beat = this.#loops.get(loop);
    if (!beat) return;
    beat.endedAt = this.#clock.elapsed();
    if (isSuccess) beat.succeededAt = beat.endedAt;
    else beat.failures++;
  }

  /** A long step that gets on is not stuck. */
  progress(loop: string): void {
    const beat = this.#loops.get(loop);
    if (beat) beat.endedAt = this.#clock.elapsed();
  }

  status(): { loop: string; ageSeconds: number; sinceSuccessSeconds: number; isStuck: boolean; failures: number }[] {
    const now = this.#clock.elapsed();
    return [...this.#loops].map(([loop, { endedAt, succeededAt, allowedMs, failures }]) => ({
      loop,
      ageSeconds: (now - endedAt) / 1_000,
      sinceSuccessSeconds: (now - succeededAt) / 1_000,
      isStuck: now - endedAt > allowedMs,
      failures,
    }));
  }
}
