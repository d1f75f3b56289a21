import type { Beats } from "../platform/beats.ts";
import type { Clock } from "../platform/clock.ts";
import type { Log } from "../platform/log.ts";
import { Serial } from "../platform/serial.ts";
import { GatewayError } from "./errors.ts";

/** Serial per key; a key costs memory only while something runs under it. */
export class SerialByKey {
  readonly #queues = new Map<string, { serial: Serial; users: number }>();

  async run<T>(key: string, task: () => Promise<T>): Promise<T> {
    const queue = this.#queues.get(key) ?? { serial: new Serial(), users: 0 };
    this.#queues.set(key, queue);
    queue.users++;
    try {
      return await queue.serial.run(task);
    } finally {
      if (--queue.users === 0) this.#queues.delete(key);
    }
  }
}

export interface Deferred<T> {
  promise: Promise<T>;
  resolve: (value: T) => void;
  reject: (reason: unknown) => void;
}

export function deferred<T>(): Deferred<T> {
  let resolve: Deferred<T>["resolve"] = () => {};
  let reject: Deferred<T>["reject"] = () => {};
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

export function reasonOf(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error("aborted");
}

/** Settles with `work`, or rejects with the signal's reason when that comes first. */
export function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(reasonOf(signal));
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}

/** Gives `work` a signal that aborts after `ms` or with `signal`; also work that ignores it does not hold us up. */
export async function withTimeout<T>(
  clock: Clock,
  ms: number,
  signal: AbortSignal,
  what: string,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const own = new AbortController();
  const over = new AbortController();
  const forward = () => own.abort(reasonOf(signal));
  if (signal.aborted) forward();
  else signal.addEventListener("abort", forward, { once: true });
  clock.sleep(ms, over.signal).then(
    () => own.abort(new GatewayError("timeout", `${what} took longer than ${ms} ms`, { retryable: true })),
    () => {},
  );
  try {
    return await orAborted(work(own.signal), own.signal);
  } finally {
    over.abort();
    signal.removeEventListener("abort", forward);
  }
}

export interface Task {
  name: string;
  everyMs: number;
  run: () => Promise<unknown>;
  /** How long one round may take when all is well; else some intervals. */
  longestMs?: number;
}

/** Repeats a task until the signal ends; a failed round is logged and the next one comes as usual. */
export async function repeat(
  { name, everyMs, run, longestMs }: Task,
  { clock, signal, log, beats }: { clock: Clock; signal: AbortSignal; log: Log; beats: Beats },
): Promise<void> {
  beats.started(name, everyMs, longestMs);
  while (!signal.aborted) {
    try {
      await clock.sleep(everyMs, signal);
      await run();
      beats.ended(name, true);
    } catch (error) {
      if (signal.aborted) return;
      beats.ended(name, false);
      log.warn({ task: name, error: String(error) }, "a background task failed and will run again");
    }
  }
}
