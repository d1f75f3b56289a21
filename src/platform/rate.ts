import type { Clock } from "./clock.ts";
import { NewestMap } from "./newestMap.ts";

/** Names that are remembered; beyond that the oldest begin anew. */
const MOST_NAMES = 10_000;

const MINUTE_MS = 60_000;

/** So many in a minute, or another period, for each name, all at once or one after another. */
export class Rate {
  readonly #most: number;
  readonly #clock: Pick<Clock, "elapsed">;
  readonly #periodMs: number;
  readonly #left = new NewestMap<string, { tokens: number; at: number }>(MOST_NAMES);

  constructor(most: number, clock: Pick<Clock, "elapsed">, periodMs = MINUTE_MS) {
    this.#most = most;
    this.#clock = clock;
    this.#periodMs = periodMs;
  }

  /**
   * False when the name has had its share.
   * @param count more than a period's share waits for a full one, and is paid off afterwards
   */
  take(name: string, count = 1): boolean {
    const at = this.#clock.elapsed();
    const tokens = this.#tokens(name, at);
    const isTaken = tokens >= this.#needed(count);
    this.#left.set(name, { tokens: isTaken ? tokens - count : tokens, at });
    return isTaken;
  }

  /** Milliseconds until `take` lets so many through, 0 when it does now. */
  waitMs(name: string, count = 1): number {
    const missing = this.#needed(count) - this.#tokens(name, this.#clock.elapsed());
    return missing <= 0 ? 0 : Math.ceil((missing * this.#periodMs) / this.#most);
  }

  #needed(count: number): number {
    return Math.min(count, this.#most);
  }

  #tokens(name: string, at: number): number {
    const known = this.#left.get(name) ?? { tokens: this.#most, at };
    return Math.min(this.#most, known.tokens + ((at - known.at) * this.#most) / this.#periodMs);
  }
}
