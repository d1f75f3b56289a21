import type { Clock } from "../platform/clock.ts";

/** How long one is doubted since its last bad signature. */
const DOUBTED_MS = 10_000;
const MOST = 10_000;
/** Tries a second of one doubted party, and of all together: what is left takes little of anybody's time. */
const TRIES_OF_ONE = 20;
const TRIES_OF_ALL = 200;

/** Tries that are left of those of a second. */
interface Tries {
  left: number;
  at: number;
}

/** Who brought a bad signature lately, and how often such may try again. Of too many the oldest are forgotten. */
export class Doubts {
  readonly #clock: Pick<Clock, "elapsed">;
  /** Oldest first. */
  readonly #doubted = new Map<string, Tries & { until: number }>();
  readonly #all: Tries;

  constructor(clock: Pick<Clock, "elapsed">) {
    this.#clock = clock;
    this.#all = { left: TRIES_OF_ALL, at: clock.elapsed() };
  }

  add(party: string): void {
    const now = this.#clock.elapsed();
    const tries = this.#doubted.get(party) ?? { left: TRIES_OF_ONE, at: now };
    this.#doubted.delete(party);
    this.#doubted.set(party, { ...tries, until: now + DOUBTED_MS });
    if (this.#doubted.size > MOST) this.#doubted.delete(this.#doubted.keys().next().value!);
  }

  has(party: string): boolean {
    const doubted = this.#doubted.get(party);
    if (!doubted) return false;
    if (doubted.until > this.#clock.elapsed()) return true;
    this.#doubted.delete(party);
    return false;
  }

  /** Counts as a try when it is allowed. */
  mayTry(party: string): boolean {
    const doubted = this.#doubted.get(party);
    if (!doubted) return true;
    const now = this.#clock.elapsed();
    refill(doubted, TRIES_OF_ONE, now);
    refill(this.#all, TRIES_OF_ALL, now);
    if (doubted.left < 1 || this.#all.left < 1) return false;
    doubted.left--;
    this.#all.left--;
    return true;
  }
}

function refill(tries: Tries, perSecond: number, now: number): void {
  tries.left = Math.min(perSecond, tries.left + ((now - tries.at) * perSecond) / 1_000);
  tries.at = now;
}
