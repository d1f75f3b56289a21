import type { Clock } from "./clock.ts";

/** Names that are remembered; beyond that the oldest begin anew. */
const MOST_NAMES = 10_000;

/** So many in a minute for each name, all at once or one after another. */
export class Rate {
  readonly #perMinute: number;
  readonly #clock: Clock;
  readonly #left = new Map<string, { tokens: number; at: number }>();

  constructor(perMinute: number, clock: Clock) {
    this.#perMinute = perMinute;
    this.#clock = clock;
  }

  /**
   * False when the name has had its share.
   * @param count more than a minute's share waits for a full one, and is paid off afterwards
   */
  take(name: string, count = 1): boolean {
    const at = this.#clock.elapsed();
    const tokens = this.#tokens(name, at);
    const isTaken = tokens >= this.#needed(count);
    this.#left.delete(name);
    if (this.#left.size >= MOST_NAMES) this.#left.delete(this.#left.keys().next().value!);
    this.#left.set(name, { tokens: isTaken ? tokens - count : tokens, at });
    return isTaken;
  }

  /** Milliseconds until `take` lets so many through, 0 when it does now. */
  waitMs(name: string, count = 1): number {
    const missing = this.#needed(count) - this.#tokens(name, this.#clock.elapsed());
    return missing <= 0 ? 0 : Math.ceil((missing * 60_000) / this.#perMinute);
  }

  #needed(count: number): number {
    return Math.min(count, this.#perMinute);
  }

  #tokens(name: string, at: number): number {
    const known = this.#left.get(name) ?? { tokens: this.#perMinute, at };
    return Math.min(this.#perMinute, known.tokens + ((at - known.at) * this.#perMinute) / 60_000);
  }
}
