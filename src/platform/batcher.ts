import { setImmediate as nextTurn } from "node:timers/promises";

/** More is waiting than a batcher takes. */
export class BatcherFullError extends Error {
  override readonly name = "BatcherFullError";
}

export interface BatcherOptions<Item, Result> {
  /** One result per item, in their order. When it rejects, so does every item of the batch. */
  run: (items: readonly Item[]) => Promise<readonly Result[]>;
  mostPerBatch: number;
  mostWaiting: number;
  /** Turns of the event loop that a batch waits at most, and only while each brings something more. */
  mostTurns?: number;
}

interface Waiting<Item, Result> {
  item: Item;
  resolve: (result: Result) => void;
  reject: (error: unknown) => void;
}

/**
 * Gathers what arrives in one turn of the event loop, and while a batch is under way, into one batch: a disk is told to
 * flush once for all of them.
 */
export class Batcher<Item, Result> {
  readonly #options: BatcherOptions<Item, Result>;
  #waiting: Waiting<Item, Result>[] = [];
  #isRunning = false;

  constructor(options: BatcherOptions<Item, Result>) {
    this.#options = options;
  }

  /** Resolves when the batch with this item is done. Throws BatcherFullError when too many wait. */
  async add(item: Item): Promise<Result> {
    if (this.#waiting.length >= this.#options.mostWaiting) {
      throw new BatcherFullError(`${this.#waiting.length} are waiting already`);
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      if (this.#isRunning) return;
      this.#isRunning = true;
      setImmediate(() => void this.#drain());
    });
  }

  /** Work that only computes brings a few items a turn: a flush for each few would cost more than what is flushed. */
  async #gather(): Promise<void> {
    const { mostTurns = 0, mostPerBatch } = this.#options;
    for (let turn = 0; turn < mostTurns; turn++) {
      const { length } = this.#waiting;
      if (length >= mostPerBatch) return;
      await nextTurn();
      if (this.#waiting.length === length) return;
    }
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      await this.#gather();
      const batch = this.#waiting.splice(0, this.#options.mostPerBatch);
      try {
        const results = await this.#options.run(batch.map(({ item }) => item));
        for (const [i, { resolve }] of batch.entries()) resolve(results[i]!);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#isRunning = false;
  }
}
