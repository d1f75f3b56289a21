/** What is known of an event beside its block. */
export interface DatedEvent {
  /** Unix seconds, by its block. */
  at: number;
}

export interface EventWindowOptions<T extends DatedEvent> {
  /** Events of these blocks, both included, in their order. Rejects when that is more than the endpoint searches at once. */
  read: (from: number, to: number) => Promise<readonly T[]>;
  /** Unix seconds of a block. */
  secondsOf: (block: number) => Promise<number>;
  /** No event is before it. */
  firstBlock: number;
  windowSeconds: number;
  /** Events that are kept; beyond, the oldest go. */
  most: number;
}

/** What was read so far of the time before now. */
export interface Windowed<T> {
  /** Oldest first. */
  events: readonly T[];
  /** Unix seconds from which on nothing is missing, up to `asOfSeconds`. */
  sinceSeconds: number;
  asOfSeconds: number;
  /** Whether that is the whole window. */
  isWhole: boolean;
}

/** Blocks that most endpoints search at once; some only fewer. */
const MOST_BLOCKS = 10_000;
const FEWEST_BLOCKS = 500;
/** Searches of one step, each with a block's date. */
const SEARCHES = 10;

/** The newest events of a contract, back to some time: what is new at each step, and some more of what was before. */
export class EventWindow<T extends DatedEvent> {
  readonly #options: EventWindowOptions<T>;
  #span = MOST_BLOCKS;
  #events: T[] = [];
  /** Blocks that were read, both included; undefined before the first step. */
  #blocks: { from: number; to: number } | undefined;
  #sinceSeconds = 0;
  #asOfSeconds = 0;
  #isWhole = false;

  constructor(options: EventWindowOptions<T>) {
    this.#options = options;
  }

  /**
   * Reads on. Not for concurrent use. Rejects when the endpoint does not answer; what was read before stays.
   * @param head the newest block that counts
   */
  async step(head: number): Promise<Windowed<T>> {
    const { secondsOf } = this.#options;
    const now = await secondsOf(head);
    // After a long rest it is faster to begin anew than to come from behind.
    if (!this.#blocks || head - this.#blocks.to > SEARCHES * this.#span) this.#begin(head, now);
    const searches = { left: SEARCHES };
    await this.#readOn(head, now, searches);
    const start = now - this.#options.windowSeconds;
    while (!this.#isWhole && searches.left > 0) await this.#readBack(start, searches);
    this.#forget(start);
    return {
      events: this.#events,
      ...{ sinceSeconds: Math.max(this.#sinceSeconds, start), asOfSeconds: this.#asOfSeconds, isWhole: this.#isWhole },
    };
  }

  #begin(head: number, now: number): void {
    this.#events = [];
    this.#blocks = { from: head + 1, to: head };
    [this.#sinceSeconds, this.#asOfSeconds, this.#isWhole] = [now, now, false];
  }

  async #readOn(head: number, now: number, searches: { left: number }): Promise<void> {
    const blocks = this.#blocks!;
    while (blocks.to < head && searches.left > 0) {
      const from = blocks.to + 1;
      const found = await this.#search(from, () => Math.min(head, from + this.#span - 1), searches);
      if (!found) continue;
      this.#events.push(...found.events);
      blocks.to = found.to;
    }
    if (blocks.to >= head) this.#asOfSeconds = now;
  }

  async #readBack(start: number, searches: { left: number }): Promise<void> {
    const { firstBlock, secondsOf } = this.#options;
    const blocks = this.#blocks!;
    const to = blocks.from - 1;
    if (to < firstBlock) {
      this.#isWhole = true;
      this.#sinceSeconds = 0;
      return;
    }
    const span = this.#span;
    const from = Math.max(firstBlock, to - span + 1);
    const found = await this.#search(from, () => to, searches);
    // It was asked for too many: with fewer the next time.
    if (!found) return;
    this.#events = [...found.events, ...this.#events];
    blocks.from = from;
    this.#sinceSeconds = await secondsOf(from);
    if (this.#sinceSeconds <= start) this.#isWhole = true;
  }

  /** Undefined after a refusal of many blocks, which makes the next search a smaller one. */
  async #search(from: number, end: () => number, searches: { left: number }) {
    searches.left--;
    const to = end();
    try {
      return { to, events: await this.#options.read(from, to) };
    } catch (error) {
      if (this.#span <= FEWEST_BLOCKS) throw error;
      this.#span = Math.max(FEWEST_BLOCKS, Math.floor(this.#span / 2));
      return undefined;
    }
  }

  #forget(start: number): void {
    const { most } = this.#options;
    this.#events = this.#events.filter(({ at }) => at >= start);
    if (this.#events.length <= most) return;
    this.#events = this.#events.slice(-most);
    this.#sinceSeconds = this.#events[0]!.at;
    this.#isWhole = true;
  }
}
