import type { Address } from "../protocol/bytes.ts";

/** Channels whose vouchers grew, per peer; beyond that, all channels are retold instead. */
export const MOST_NEWS = 10_000;
/**
 * Everything is told again, from the first channel to the last: a peer may have had no use for it then, or have lost it
 * since. A pass begins so many rounds after the last one began, or when that one has ended, if it takes longer.
 */
export const ROUNDS_BETWEEN_RETELLINGS = 60;

/** What one peer has not heard. Bounded, however long it is away and however many channels there are. */
export class PeerNews {
  readonly #news = new Set<Address>();
  /** The last channel that the pass in progress has told; undefined between passes. */
  #retelling: { after: Address | undefined } | undefined;
  #beganAt = -Infinity;
  /** News was dropped since the pass in progress began, and before it did. */
  #isLost = false;
  #wasLost = false;

  get size(): number {
    return this.#news.size;
  }

  /** More grew than is remembered, and not all of it has been retold. */
  get hasLost(): boolean {
    return this.#isLost || this.#wasLost;
  }

  note(channel: Address): void {
    if (this.#news.size < MOST_NEWS || this.#news.has(channel)) this.#news.add(channel);
    else this.#isLost = true;
  }

  /** Some of it, which is no news any more. Who could not tell it puts it back. */
  take(limit: number): Address[] {
    const some: Address[] = [];
    for (const channel of this.#news) {
      if (some.length === limit) break;
      some.push(channel);
    }
    for (const channel of some) this.#news.delete(channel);
    return some;
  }

  putBack(channels: readonly Address[]): void {
    for (const channel of channels) this.note(channel);
  }

  /** After which channel this round retells; undefined when it does not. */
  retelling(round: number): { after: Address | undefined } | undefined {
    if (!this.#retelling && (this.#isLost || round - this.#beganAt >= ROUNDS_BETWEEN_RETELLINGS)) {
      this.#retelling = { after: undefined };
      this.#beganAt = round;
      this.#wasLost = this.#isLost;
      this.#isLost = false;
    }
    return this.#retelling;
  }

  /** This round has retold up to a channel; undefined: to the last one. */
  noteRetold(last: Address | undefined): void {
    this.#retelling = last === undefined ? undefined : { after: last };
    if (last === undefined) this.#wasLost = false;
  }
}
