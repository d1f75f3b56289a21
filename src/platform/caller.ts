import type { ContextValues } from "@connectrpc/connect";
import { Code, ConnectError, createContextKey } from "@connectrpc/connect";

import { FairQueue, QueueFullError } from "./fairQueue.ts";

/** Where an RPC came from: the address of the connection's other end. */
export const kCaller = createContextKey("", { description: "address of the caller" });

export function callerOf({ values }: { values: ContextValues }): string {
  return values.get(kCaller);
}

/** One at a time, because each only computes; a turn of the event loop after every few. */
const CHECKS = { concurrency: 1, mostPerKey: 512, mostInAll: 8_192, startsPerTurn: 8 };

/**
 * Checks of signatures by turns among callers. Whose a message is, is not known before; so a flood of bad ones must not
 * come before everybody else's.
 */
export class SignatureChecks {
  readonly #queue = new FairQueue(CHECKS);

  /** Throws ConnectError RESOURCE_EXHAUSTED when too many wait. */
  async run<T>(caller: string, check: () => T): Promise<T> {
    try {
      return await this.#queue.run(caller, check);
    } catch (error) {
      if (!(error instanceof QueueFullError)) throw error;
      const problem = "this node has more signatures to check than it takes on";
      throw new ConnectError(`${problem}: try again soon, or another node`, Code.ResourceExhausted);
    }
  }
}
