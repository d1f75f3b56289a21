import type { Clock } from "../../platform/clock.ts";
import type { Head } from "./ports.ts";

export interface FreshnessOptions {
  clock: Clock;
  /** A head that is so far behind what time has passed is of somebody who stands still. */
  staleHeadMs: number;
}

/** Long enough to tell a chain that lives from one that is being copied. */
const PACE_MS = 20_000;
/** Block times come in steps. */
const BLOCK_MS = 15_000;
/** A machine's clock this far from the chain's is worth a word. */
const CLOCK_WARN_MS = 300_000;

/**
 * Whether a head is that of a chain that lives: its time moves as time passes here, which no setting of the clock
 * changes. The machine's time of day, which may be off by an hour, decides only at the first look: a head that looks
 * recent by it counts at once. One that looks old has to keep pace with time for a while first; what moves faster is an
 * endpoint that is still catching up.
 */
export class Freshness {
  readonly #options: FreshnessOptions;
  #head: Head | undefined;
  /** Elapsed time less chain time of a head that was new. Undefined until one was. */
  #offsetMs: number | undefined;
  #watchedFrom: { at: number; timestamp: bigint } | undefined;
  #clockOffMs = 0;

  constructor(options: FreshnessOptions) {
    this.#options = options;
  }

  /** How far this machine's time of day is ahead of the chain's (negative: behind), when that is too far. */
  get clockOffSeconds(): number {
    return Math.trunc(this.#clockOffMs / 1_000);
  }

  see(head: Head): void {
    const { clock, staleHeadMs } = this.#options;
    const isFirst = this.#head === undefined;
    if (!isFirst && head.number <= this.#head!.number) return;
    this.#head = head;
    const offsetMs = clock.elapsed() - millis(head);
    const ageMs = clock.now() - millis(head);
    const isRecent = ageMs <= staleHeadMs && (isFirst || ageMs >= -CLOCK_WARN_MS);
    if (this.#offsetMs !== undefined && offsetMs - this.#offsetMs <= staleHeadMs) {
      this.#offsetMs = Math.min(this.#offsetMs, offsetMs);
    } else if (isRecent) {
      this.#offsetMs = offsetMs - Math.max(0, ageMs);
    } else if (this.#offsetMs === undefined && this.#keepsPace(head)) {
      this.#offsetMs = offsetMs;
    }
    this.#clockOffMs = this.isFresh() && Math.abs(ageMs) > CLOCK_WARN_MS ? ageMs : 0;
  }

  isFresh(): boolean {
    if (!this.#head || this.#offsetMs === undefined) return false;
    const { clock, staleHeadMs } = this.#options;
    return clock.elapsed() - millis(this.#head) - this.#offsetMs <= staleHeadMs;
  }

  /** Of a head that looks old: the clock is ahead, or the endpoint is behind. */
  #keepsPace({ timestamp }: Head): boolean {
    const at = this.#options.clock.elapsed();
    const from = (this.#watchedFrom ??= { at, timestamp });
    const passedMs = at - from.at;
    if (passedMs < PACE_MS) return false;
    this.#watchedFrom = { at, timestamp };
    return Number(timestamp - from.timestamp) * 1_000 <= 2 * passedMs + BLOCK_MS;
  }
}

const millis = ({ timestamp }: Head) => Number(timestamp) * 1_000;
