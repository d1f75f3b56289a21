import { availableParallelism } from "node:os";

import { Tinypool } from "tinypool";

import type { Log } from "../../platform/log.ts";
import type { MeteredEnvelope, ReadEnvelopes, UnreadableEnvelope } from "./readEnvelope.ts";
import { readInTurns } from "./readInTurns.ts";

/** Below this, what it takes to hand envelopes over is felt, and so is the wait for a thread. */
const LEAST = 64;
/** What a thread is handed at a time: enough to be worth it, and little enough that several share a page. */
const MOST_PER_TASK = 256;

export interface ReadingPool {
  read: ReadEnvelopes;
  close(): Promise<void>;
}

/** What a thread is handed: envelopes one after another in a buffer that moves there, and where each ends. */
export interface ReadingTask {
  bytes: Uint8Array;
  ends: readonly number[];
  retentionDays: number;
}

/**
 * Threads that read large pages, one per core, started when the first such page comes. What one of them fails at is read
 * again in this thread: an envelope must not go uncharged because a thread ended.
 */
export function openReadingPool(log: Log, threads = availableParallelism()): ReadingPool {
  let pool: Tinypool | undefined;
  const inThread = async (some: readonly Uint8Array[], retentionDays: number) => {
    pool ??= new Tinypool({
      filename: new URL("./readingThread.ts", import.meta.url).href,
      ...{ runtime: "worker_threads", minThreads: threads, maxThreads: threads, idleTimeout: 60_000 },
    });
    try {
      const task = toTask(some, retentionDays);
      return (await pool.run(task, { transferList: [task.bytes.buffer as ArrayBuffer] })) as (
        MeteredEnvelope | UnreadableEnvelope
      )[];
    } catch (error) {
      log.warn({ error: String(error) }, "a reading thread failed, its envelopes are read in the main one");
      return readInTurns(some, retentionDays);
    }
  };
  return {
    read: async (envelopes, retentionDays) => {
      if (envelopes.length < LEAST) return readInTurns(envelopes, retentionDays);
      const parts = Array.from({ length: Math.ceil(envelopes.length / MOST_PER_TASK) }, (_, i) =>
        envelopes.slice(i * MOST_PER_TASK, (i + 1) * MOST_PER_TASK),
      );
      return (await Promise.all(parts.map((part) => inThread(part, retentionDays)))).flat();
    },
    close: async () => pool?.destroy(),
  };
}

function toTask(envelopes: readonly Uint8Array[], retentionDays: number): ReadingTask {
  const bytes = new Uint8Array(envelopes.reduce((sum, { length }) => sum + length, 0));
  let end = 0;
  const ends = envelopes.map((envelope) => {
    bytes.set(envelope, end);
    return (end += envelope.length);
  });
  return { bytes, ends, retentionDays };
}
