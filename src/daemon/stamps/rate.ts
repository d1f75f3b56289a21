import type { Clock } from "../../platform/clock.ts";

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

  /** False when the name has had its share. */
  take(name: string): boolean {
    const at = this.#clock.elapsed();
    const known = this.#left.get(name) ?? { tokens: this.#perMinute, at };
    const tokens = Math.min(this.#perMinute, known.tokens + ((at - known.at) * this.#perMinute) / 60_000);
    this.#left.delete(name);
    if (this.#left.size >= MOST_NAMES) this.#left.delete(this.#left.keys().next().value!);
    this.#left.set(name, { tokens: tokens < 1 ? tokens : tokens - 1, at });
    return tokens >= 1;
  }
}
