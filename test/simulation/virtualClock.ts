import { setImmediate } from "node:timers/promises";

import type { Clock } from "../../src/platform/clock.ts";

/** Turns of the event loop between two instants: at least so many, and as many as somebody asks for another one. */
const LEAST_TURNS = 2;
const MOST_TURNS = 10_000;

interface Timer {
  at: number;
  order: number;
  wake: () => void;
}

/** Time that passes only when everything that can be done at an instant was done. Two runs are the same, turn by turn. */
export class VirtualClock implements Clock {
  readonly #startedAt: number;
  #now: number;
  #order = 0;
  /** A heap by time, then by the order in which they were set. */
  readonly #timers: Timer[] = [];

  constructor(startsAt: number) {
    this.#startedAt = startsAt;
    this.#now = startsAt;
  }

  now(): number {
    return this.#now;
  }

  elapsed(): number {
    return this.#now - this.#startedAt;
  }

  /** Calls back at an instant; one that has passed comes next. */
  at(at: number, wake: () => void): void {
    const timer = { at: Math.max(at, this.#now), order: this.#order++, wake };
    const timers = this.#timers;
    let i = timers.push(timer) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!isBefore(timers[i]!, timers[parent]!)) break;
      swap(timers, i, parent);
      i = parent;
    }
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const stop = () => reject(signal!.reason instanceof Error ? signal!.reason : new Error("aborted"));
      if (signal?.aborted) return stop();
      signal?.addEventListener("abort", stop, { once: true });
      this.at(this.#now + ms, () => {
        signal?.removeEventListener("abort", stop);
        resolve();
      });
    });
  }

  /** Lets time pass up to an instant. */
  async runUntil(end: number): Promise<void> {
    for (;;) {
      for (let turn = 1; turn <= MOST_TURNS; turn++) {
        await setImmediate();
        if (turn >= LEAST_TURNS && !isBusy()) break;
      }
      const next = this.#timers[0];
      if (!next || next.at > end) break;
      this.#now = next.at;
      while (this.#timers[0]?.at === this.#now) this.#take().wake();
    }
    this.#now = end;
  }

  #take(): Timer {
    const timers = this.#timers;
    const first = timers[0]!;
    const last = timers.pop()!;
    if (timers.length === 0) return first;
    timers[0] = last;
    for (let i = 0; ;) {
      let least = i;
      for (const child of [2 * i + 1, 2 * i + 2]) {
        if (child < timers.length && isBefore(timers[child]!, timers[least]!)) least = child;
      }
      if (least === i) return first;
      swap(timers, i, least);
      i = least;
    }
  }
}

/** Nothing here waits for a thread, a file or a real timer, so what is not done yet has asked for a turn. */
function isBusy(): boolean {
  return process.getActiveResourcesInfo().includes("Immediate");
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.at !== b.at ? a.at < b.at : a.order < b.order;
}

function swap(timers: Timer[], i: number, j: number): void {
  [timers[i], timers[j]] = [timers[j]!, timers[i]!];
}
