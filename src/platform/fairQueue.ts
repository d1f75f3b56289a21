import { setImmediate } from "node:timers/promises";

/** Somebody has too much waiting, or all together have. */
export class QueueFullError extends Error {
  override readonly name = "QueueFullError";
}

export interface FairQueueOptions {
  /** Tasks under way at once. */
  concurrency: number;
  mostPerKey: number;
  mostInAll: number;
  /** Tasks that are started before the event loop gets a turn: for tasks that compute instead of waiting. */
  startsPerTurn: number;
}

interface Task {
  start: () => Promise<void>;
}

/**
 * Runs tasks of many parties by turns: whoever sends ten times as much waits behind its own, not in front of others.
 */
export class FairQueue {
  readonly #options: FairQueueOptions;
  /** Parties with something waiting; the first one is next. */
  readonly #waiting = new Map<string, Task[]>();
  #waitingCount = 0;
  #running = 0;
  #started = 0;
  #isStarting = false;

  constructor(options: FairQueueOptions) {
    this.#options = options;
  }

  get waitingCount(): number {
    return this.#waitingCount;
  }

  /** Throws QueueFullError without having waited. */
  async run<T>(key: string, task: () => T | Promise<T>): Promise<T> {
    const { mostPerKey, mostInAll } = this.#options;
    const own = this.#waiting.get(key);
    if (this.#waitingCount >= mostInAll || (own?.length ?? 0) >= mostPerKey) {
      throw new QueueFullError(`${own?.length ?? 0} are waiting for one, ${this.#waitingCount} for all`);
    }
    return new Promise((resolve, reject) => {
      const start = async () => {
        try {
          resolve(await task());
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      };
      if (own) own.push({ start });
      else this.#waiting.set(key, [{ start }]);
      this.#waitingCount++;
      void this.#startNext();
    });
  }

  async #startNext(): Promise<void> {
    if (this.#isStarting) return;
    this.#isStarting = true;
    for (let task = this.#take(); task; task = this.#take()) {
      this.#running++;
      void task.start().finally(() => {
        this.#running--;
        void this.#startNext();
      });
      if (++this.#started % this.#options.startsPerTurn === 0) await setImmediate();
    }
    this.#isStarting = false;
  }

  /** The next party's oldest task; the party goes to the end of the line. */
  #take(): Task | undefined {
    if (this.#running >= this.#options.concurrency) return undefined;
    const [next] = this.#waiting;
    if (!next) return undefined;
    const [key, tasks] = next;
    this.#waiting.delete(key);
    const task = tasks.shift()!;
    if (tasks.length > 0) this.#waiting.set(key, tasks);
    this.#waitingCount--;
    return task;
  }
}
