import type { OriginatorEnvelope } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";

import type { Clock } from "../../platform/clock.ts";
import { readOriginatorEnvelope } from "../../protocol/envelope.ts";
import type { Deferred } from "../async.ts";
import { deferred, orAborted, withTimeout } from "../async.ts";
import type { NodeClient } from "../ports.ts";

const PAGE = 100;
const MOST_PAGES = 20;
const SHORTEST_WAIT_MS = 5;
const LONGEST_WAIT_MS = 100;

export interface LogFollowerOptions {
  client: NodeClient;
  originatorId: number;
  clock: Clock;
  nodeTimeoutMs: number;
}

interface Waiter extends Deferred<OriginatorEnvelope> {
  users: number;
}

/**
 * Asks one node for one originator's log until it serves what is waited for. However many publishes wait, one query
 * at a time is asked; while nobody waits, none.
 */
export class LogFollower {
  readonly #options: LogFollowerOptions;
  readonly #waiters = new Map<bigint, Waiter>();
  #isRunning = false;
  #waitMs = SHORTEST_WAIT_MS;
  #wake = () => {};

  constructor(options: LogFollowerOptions) {
    this.#options = options;
  }

  /** The envelope of that sequence id as the node serves it; rejects with the signal's reason. */
  async wait(sequenceId: bigint, signal: AbortSignal): Promise<OriginatorEnvelope> {
    const waiter = this.#waiters.get(sequenceId) ?? { ...deferred<OriginatorEnvelope>(), users: 0 };
    this.#waiters.set(sequenceId, waiter);
    waiter.users++;
    this.#waitMs = SHORTEST_WAIT_MS;
    this.#wake();
    if (!this.#isRunning) void this.#run();
    try {
      return await orAborted(waiter.promise, signal);
    } finally {
      if (--waiter.users === 0 && this.#waiters.get(sequenceId) === waiter) this.#waiters.delete(sequenceId);
    }
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#waiters.size > 0) {
      const before = this.#waiters.size;
      // A node that fails to answer is one that does not serve yet; health checks tell the rest.
      await this.#ask().catch(() => {});
      if (this.#waiters.size === 0) break;
      if (this.#waiters.size < before) this.#waitMs = SHORTEST_WAIT_MS;
      const nap = new AbortController();
      this.#wake = () => nap.abort();
      await this.#options.clock.sleep(this.#waitMs, nap.signal).catch(() => {});
      this.#waitMs = Math.min(LONGEST_WAIT_MS, this.#waitMs * 2);
    }
    this.#isRunning = false;
  }

  /** Reads the log from the lowest to the highest place that is waited for. */
  async #ask(): Promise<void> {
    const { client, clock, nodeTimeoutMs, originatorId } = this.#options;
    const ids = [...this.#waiters.keys()];
    const last = ids.reduce((most, id) => (id > most ? id : most));
    let after = ids.reduce((least, id) => (id < least ? id : least)) - 1n;
    const never = new AbortController().signal;
    for (let page = 0; page < MOST_PAGES && after < last; page++) {
      const limit = Math.min(PAGE, Number(last - after));
      const query = { topics: [], originatorIds: [originatorId], lastSeen: new Map([[originatorId, after]]), limit };
      const envelopes = await withTimeout(clock, nodeTimeoutMs, never, "a query", (own) => client.query(query, own));
      for (const envelope of envelopes) {
        const read = readOriginatorEnvelope(envelope);
        if (read.originatorId !== originatorId) continue;
        if (read.sequenceId > after) after = read.sequenceId;
        this.#waiters.get(read.sequenceId)?.resolve(envelope);
        this.#waiters.delete(read.sequenceId);
      }
      if (envelopes.length === 0) return;
    }
  }
}
