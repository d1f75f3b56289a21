import { Worker } from "node:worker_threads";

import type { Log } from "../log.ts";
import { SqliteError, SqliteVersionError } from "../sqlite.ts";
import { threadFile } from "../threadFile.ts";
import type { Call, ErrorClass, Report, Shape } from "./messages.ts";
import { compact, unpackError } from "./messages.ts";

const THREAD = threadFile(import.meta.url, "thread");

/** The thread that a store lives in has ended, or the store is closed: no call of it can work any more. */
export class StoreThreadError extends Error {
  override readonly name = "StoreThreadError";
}

/** What a module for `openInThread` exports as `open`. Arguments and results of a store's methods are plain data. */
export type OpenStore = (data: never, log: Log) => Promise<object> | object;

export interface StoreThreadData {
  module: string;
  data: unknown;
}

export interface StoreThreadOptions extends StoreThreadData {
  /** For messages. */
  name: string;
  /** Hears what the store logs. */
  log: Log;
  /** Classes of what the store throws, each under a name of its own; anything else arrives as a plain Error. */
  errors: readonly ErrorClass[];
}

interface Waiting {
  resolve: (value: never) => void;
  reject: (error: unknown) => void;
}

/**
 * Opens a store in a thread of its own, so that no commit's flush keeps the event loop from other work. What is returned
 * looks as what the module's `open` returns there: an object of methods that return promises, of parts with such methods,
 * and of plain values. Calls are begun in the order in which they are made. `close` finishes what is under way.
 * Rejects with whatever the store cannot be opened for.
 */
export async function openInThread<Store extends { close(): Promise<void> }>(
  options: StoreThreadOptions,
): Promise<Store> {
  const thread = new StoreThread(options);
  return thread.open() as Promise<Store>;
}

class StoreThread {
  readonly #options: StoreThreadOptions;
  readonly #worker: Worker;
  /** As many as there are callers, who bound themselves. */
  readonly #waiting = new Map<number, Waiting>();
  readonly #exited: Promise<void>;
  #calls = 0;
  /** Why no call can work any more. */
  #end: StoreThreadError | undefined;
  #closing: Promise<void> | undefined;
  #crash: Error | undefined;
  #opened!: { resolve: (shape: Shape) => void; reject: (error: unknown) => void };

  constructor(options: StoreThreadOptions) {
    this.#options = options;
    const { module, data } = options;
    const { url, execArgv } = THREAD;
    this.#worker = new Worker(url, { workerData: { module, data } satisfies StoreThreadData, execArgv });
    this.#worker.on("message", (report: Report) => this.#hear(report));
    this.#worker.on("error", (error: Error) => (this.#crash = error));
    this.#exited = new Promise((resolve) => {
      this.#worker.on("exit", (code) => {
        this.#ended(code);
        resolve();
      });
    });
  }

  async open(): Promise<object> {
    const shape = await new Promise<Shape>((resolve, reject) => (this.#opened = { resolve, reject }));
    // A store alone keeps no process alive; a call under way does.
    this.#worker.unref();
    const port = (part: string | undefined, methods: readonly string[]) =>
      Object.fromEntries(
        methods.map((method) => [method, (...args: unknown[]) => this.#call(part, method, args)] as const),
      );
    const parts = Object.entries(shape.parts).map(([part, methods]) => [part, port(part, methods)] as const);
    return {
      ...shape.values,
      ...Object.fromEntries(parts),
      ...port(undefined, shape.methods),
      close: () => (this.#closing ??= this.#close()),
    };
  }

  async #close(): Promise<void> {
    const closed = this.#call(undefined, "close", []);
    this.#end ??= new StoreThreadError(`${this.#options.name} is closed`);
    try {
      await closed;
    } finally {
      this.#worker.ref();
      await this.#exited;
    }
  }

  async #call(part: string | undefined, method: string, args: readonly unknown[]): Promise<unknown> {
    if (this.#end) throw this.#end;
    const id = ++this.#calls;
    return new Promise((resolve, reject) => {
      // Throws when an argument is no plain data; then nothing waits.
      this.#worker.postMessage({ id, part, method, args: compact(args) as unknown[] } satisfies Call);
      if (this.#waiting.size === 0) this.#worker.ref();
      this.#waiting.set(id, { resolve, reject });
    });
  }

  #hear(report: Report): void {
    const { errors, log } = this.#options;
    const known = [...errors, SqliteError, SqliteVersionError];
    switch (report.kind) {
      case "opened":
        return this.#opened.resolve(report.shape);
      case "unopened":
        this.#end = new StoreThreadError(`${this.#options.name} could not be opened`);
        return this.#opened.reject(unpackError(report.error, known));
      case "done":
        return this.#take(report.id)?.resolve(report.value as never);
      case "failed":
        return this.#take(report.id)?.reject(unpackError(report.error, known));
      case "log":
        return log[report.level](report.fields, report.message);
    }
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (this.#waiting.size === 0) this.#worker.unref();
    return waiting;
  }

  #ended(code: number): void {
    const { log, name } = this.#options;
    if (!this.#end) {
      const why = this.#crash === undefined ? `it ended with ${code}` : String(this.#crash);
      const problem = `the thread of ${name} ended, what it was doing may be on disk or not: restart this program (${why})`;
      this.#end = new StoreThreadError(problem, { cause: this.#crash });
      log.error({ error: why }, "a store's thread ended, nothing can be stored until this program is started again");
    }
    this.#opened.reject(this.#end);
    for (const { reject } of this.#waiting.values()) reject(this.#end);
    this.#waiting.clear();
  }
}
