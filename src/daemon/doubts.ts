import type { Clock } from "../platform/clock.ts";
import { Rate } from "../platform/rate.ts";
import { NewestMap } from "../platform/newestMap.ts";

/** How long one is doubted since its last bad signature. */
const DOUBTED_MS = 10_000;
const MOST = 10_000;
/** Tries a second of one doubted party, and of all together: what is left takes little of anybody's time. */
const TRIES_OF_ONE = 20;
const TRIES_OF_ALL = 200;
const ALL = "";
const SECOND_MS = 1_000;

/** Who brought a bad signature lately, and how often such may try again. Of too many the oldest are forgotten. */
export class Doubts {
  readonly #clock: Pick<Clock, "elapsed">;
  /** Until when, oldest first. */
  readonly #until = new NewestMap<string, number>(MOST);
  readonly #ofOne: Rate;
  readonly #ofAll: Rate;

  constructor(clock: Pick<Clock, "elapsed">) {
    this.#clock = clock;
    this.#ofOne = new Rate(TRIES_OF_ONE, clock, SECOND_MS);
    this.#ofAll = new Rate(TRIES_OF_ALL, clock, SECOND_MS);
  }

  add(party: string): void {
    this.#until.set(party, this.#clock.elapsed() + DOUBTED_MS);
  }

  has(party: string): boolean {
    const until = this.#until.get(party);
    if (until === undefined) return false;
    if (until > this.#clock.elapsed()) return true;
    this.#until.delete(party);
    return false;
  }

  /** Counts as a try when it is allowed. */
  mayTry(party: string): boolean {
    if (!this.#until.has(party)) return true;
    if (this.#ofOne.waitMs(party) > 0 || this.#ofAll.waitMs(ALL) > 0) return false;
    return this.#ofOne.take(party) && this.#ofAll.take(ALL);
  }
}
