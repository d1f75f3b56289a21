import { setImmediate } from "node:timers/promises";

/** Somebody has too much waiting, or all together have. */
export class QueueFullError extends Error {
  override readonly name = "QueueFullError";
}

export interface FairQueueOptions {
  /** Tasks under way at once. */
  concurrency: number;
  /** Of one party: less than all, or it could keep everybody else out while its tasks take long. All when left out. */
  mostRunningPerKey?: number;
  mostPerKey: number;
  mostInAll: number;
  /** Tasks that are started before the event loop gets a turn: for tasks that compute instead of waiting. */
  startsPerTurn: number;
}

interface Task {
  key: string;
  start: () => Promise<void>;
}

/**
 * Runs tasks of many parties by turns: whoever sends ten times as much waits behind its own, not in front of others.
 */
export class FairQueue {
  readonly #options: FairQueueOptions;
  /** Parties with something waiting that may start; the first one is next. */
  readonly #waiting = new Map<string, Task[]>();
  /** Parties with something waiting that have as much under way as they may. */
  readonly #resting = new Map<string, Task[]>();
  readonly #runningOf = new Map<string, number>();
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

  /** Whether `run` would take one more: cheaper to ask than to be refused. */
  hasRoom(key: string): boolean {
    const { mostPerKey, mostInAll } = this.#options;
    return this.#waitingCount < mostInAll && (this.#ofKey(key)?.length ?? 0) < mostPerKey;
  }

  #ofKey(key: string): Task[] | undefined {
    return this.#waiting.get(key) ?? this.#resting.get(key);
  }

  /** Throws QueueFullError without having waited. */
  async run<T>(key: string, task: () => T | Promise<T>): Promise<T> {
    const own = this.#ofKey(key);
    if (!this.hasRoom(key)) {
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
      const queued = { key, start };
      if (own) own.push(queued);
      else this.#line(key, [queued]);
      this.#waitingCount++;
      void this.#startNext();
    });
  }

  async #startNext(): Promise<void> {
    if (this.#isStarting) return;
    this.#isStarting = true;
    for (let task = this.#take(); task; task = this.#take()) {
      this.#count(task.key, 1);
      void task.start().finally(() => {
        this.#count(task.key, -1);
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
    if (tasks.length > 0) this.#line(key, tasks, 1);
    this.#waitingCount--;
    return task;
  }

  /** @param more tasks that it is about to start */
  #line(key: string, tasks: Task[], more = 0): void {
    const { concurrency, mostRunningPerKey = concurrency } = this.#options;
    const isFull = (this.#runningOf.get(key) ?? 0) + more >= mostRunningPerKey;
    (isFull ? this.#resting : this.#waiting).set(key, tasks);
  }

  #count(key: string, by: 1 | -1): void {
    this.#running += by;
    const running = (this.#runningOf.get(key) ?? 0) + by;
    if (running > 0) this.#runningOf.set(key, running);
    else this.#runningOf.delete(key);
    const rested = by < 0 ? this.#resting.get(key) : undefined;
    if (!rested) return;
    this.#resting.delete(key);
    this.#waiting.set(key, rested);
  }
}
