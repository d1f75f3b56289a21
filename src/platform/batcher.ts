/** More is waiting than a batcher takes. */
export class BatcherFullError extends Error {
  override readonly name = "BatcherFullError";
}

export interface BatcherOptions<Item, Result> {
  /** One result per item, in their order. When it rejects, so does every item of the batch. */
  run: (items: readonly Item[]) => Promise<readonly Result[]>;
  mostPerBatch: number;
  mostWaiting: number;
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

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
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
