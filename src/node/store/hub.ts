import { Code, ConnectError } from "@connectrpc/connect";

import type { Clock } from "../../platform/clock.ts";
import type { Log } from "../../platform/log.ts";
import { LIMITS } from "../limits.ts";

/** One stream's interest: remembers which of its keys grew, never what was appended, so its size is bounded. */
export interface Watcher<K> {
  /** The keys that grew since the last call. */
  take(): K[];
  /** Marks keys again whose rows were not all read. */
  keep(keys: K[]): void;
  /** "woken" at once when something grew; "idle" after `ms`; "ended" when the signal was aborted. */
  wait(clock: Clock, ms: number, signal: AbortSignal): Promise<"woken" | "idle" | "ended">;
  close(): void;
}

export interface Appended {
  originatorId: number;
  /** Hex without 0x. */
  topic: string;
}

/** Wakes streams and listeners after envelopes became durable. */
export class AppendHub {
  readonly #log: Log;
  readonly #topics = new Map<string, Set<Marks<string>>>();
  readonly #originators = new Map<number, Set<Marks<number>>>();
  readonly #listeners = new Set<(originatorId: number) => void>();
  #streams = 0;
  #watched = 0;

  constructor(log: Log) {
    this.#log = log;
  }

  get streams(): number {
    return this.#streams;
  }

  appended(all: readonly Appended[]): void {
    for (const { topic, originatorId } of all) {
      for (const marks of this.#topics.get(topic) ?? []) marks.mark(topic);
      for (const marks of this.#originators.get(originatorId) ?? []) marks.mark(originatorId);
    }
    for (const originatorId of new Set(all.map((one) => one.originatorId))) {
      for (const listener of this.#listeners) {
        try {
          listener(originatorId);
        } catch (error) {
          this.#log.error({ error: String(error), originatorId }, "a listener of the log failed");
        }
      }
    }
  }

  onAppend(listener: (originatorId: number) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  watchTopics(topics: ReadonlySet<string>): Watcher<string> {
    return this.#watch(this.#topics, topics);
  }

  watchOriginators(ids: ReadonlySet<number>): Watcher<number> {
    return this.#watch(this.#originators, ids);
  }

  #watch<K>(index: Map<K, Set<Marks<K>>>, keys: ReadonlySet<K>): Watcher<K> {
    if (this.#streams >= LIMITS.streams || this.#watched + keys.size > LIMITS.watchedKeys) {
      throw new ConnectError(
        "this node has as many subscriptions as it can serve: try another",
        Code.ResourceExhausted,
      );
    }
    const marks = new Marks<K>(() => {
      this.#streams--;
      this.#watched -= keys.size;
      for (const key of keys) {
        const all = index.get(key);
        all?.delete(marks);
        if (all?.size === 0) index.delete(key);
      }
    });
    this.#streams++;
    this.#watched += keys.size;
    for (const key of keys) {
      const all = index.get(key);
      if (all) all.add(marks);
      else index.set(key, new Set([marks]));
    }
    return marks;
  }
}

class Marks<K> implements Watcher<K> {
  #marked = new Set<K>();
  #wake: (() => void) | undefined;
  #onClose: (() => void) | undefined;

  constructor(onClose: () => void) {
    this.#onClose = onClose;
  }

  mark(key: K): void {
    this.#marked.add(key);
    this.#wake?.();
  }

  take(): K[] {
    const marked = [...this.#marked];
    this.#marked.clear();
    return marked;
  }

  keep(keys: K[]): void {
    for (const key of keys) this.#marked.add(key);
  }

  async wait(clock: Clock, ms: number, signal: AbortSignal): Promise<"woken" | "idle" | "ended"> {
    if (signal.aborted) return "ended";
    if (this.#marked.size > 0) return "woken";
    const over = new AbortController();
    const wake = () => over.abort();
    this.#wake = wake;
    signal.addEventListener("abort", wake, { once: true });
    try {
      await clock.sleep(ms, over.signal);
      return "idle";
    } catch (error) {
      if (!over.signal.aborted) throw error;
      return signal.aborted ? "ended" : "woken";
    } finally {
      signal.removeEventListener("abort", wake);
      this.#wake = undefined;
    }
  }

  close(): void {
    this.#onClose?.();
    this.#onClose = undefined;
  }
}
