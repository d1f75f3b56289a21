import { setTimeout as sleep } from "node:timers/promises";

import type { Log } from "../../../src/platform/log.ts";
import { SqliteError } from "../../../src/platform/sqlite.ts";

// A store for threads, with everything that may happen in one.

export class AmountError extends Error {
  override readonly name = "AmountError";
  readonly code = "short";
  readonly amount: bigint;
  constructor(problem: string, amount: bigint, options?: ErrorOptions) {
    super(`short of money: ${problem}`, options);
    this.amount = amount;
  }
}

/** Its name is its parent's. */
export class SmallAmountError extends AmountError {}

class Part {
  readonly #begun: string[] = [];

  async note(name: string, ms: number): Promise<string[]> {
    this.#begun.push(name);
    await sleep(ms);
    return this.#begun;
  }
}

export interface TestStore {
  readonly isShared: boolean;
  readonly part: Part;
  echo(value: unknown): Promise<unknown>;
  bufferBytes(view: Uint8Array): Promise<number>;
  part8(): Promise<Uint8Array>;
  fail(kind: "small" | "unknown" | "sqlite" | "text"): Promise<never>;
  function(): Promise<unknown>;
  say(words: string): Promise<void>;
  crash(): Promise<void>;
  exit(): Promise<void>;
  close(): Promise<void>;
}

export function open({ refuse, closeMs = 0 }: { refuse?: boolean; closeMs?: number }, log: Log): TestStore {
  if (refuse) throw new SmallAmountError("at the door", 7n);
  return {
    isShared: false,
    part: new Part(),
    echo: async (value) => value,
    bufferBytes: async (view) => view.buffer.byteLength,
    part8: async () => new Uint8Array(1_000_000).subarray(8, 16),
    async fail(kind) {
      if (kind === "small") throw new SmallAmountError("again", 2n ** 70n, { cause: new RangeError("too little") });
      if (kind === "sqlite") throw new SqliteError("disk is full", "SQLITE_FULL");
      if (kind === "text") throw "words" as unknown as Error;
      throw new (class OddError extends Error {
        override readonly name = "OddError";
        readonly hint = "look here";
      })("odd");
    },
    function: async () => () => {},
    say: async (words) => log.warn({ words, amount: 1n }, "said"),
    crash: async () => void setImmediate(() => { throw new Error("broken for good"); }), // prettier-ignore
    exit: async () => process.exit(3),
    close: async () => sleep(closeMs),
  };
}
