import { availableParallelism } from "node:os";

import { Piscina } from "piscina";

import { Batcher } from "../../platform/batcher.ts";
import { chunksOf } from "../../platform/chunks.ts";
import type { Log } from "../../platform/log.ts";
import { fastRecoverAddress } from "../../platform/fastEcdsa.ts";
import { threadFile } from "../../platform/threadFile.ts";
import type { Address } from "../../protocol/bytes.ts";
import { toHex } from "../../protocol/bytes.ts";
import type { RecoverSoon } from "../ports.ts";
import type { MeteredEnvelope, ReadEnvelopes, UnreadableEnvelope } from "./readEnvelope.ts";
import { readInTurns } from "./readInTurns.ts";
import type { ReadingTask } from "./tasks.ts";
import { ANSWERED, ASKED } from "./tasks.ts";

/** Below these, what it takes to hand work over is felt, and so is the wait for a thread. */
const LEAST_ENVELOPES = 64;
const LEAST_SIGNATURES = 16;
/** What a thread is handed at a time: enough to be worth it, and little enough that several share what there is. */
const ENVELOPES_PER_TASK = 256;
const SIGNATURES_PER_TASK = 64;
const THREAD = threadFile(import.meta.url, "thread");
/** Threads that broke so often will break again: from then on everything is computed in this thread. */
const MOST_BREAKS = 3;
/** Signatures that are gathered while they come, and those that wait at most. */
const GATHERING = { mostPerBatch: 1_024, mostWaiting: 20_000, mostTurns: 4 };
export interface Threads {
  read: ReadEnvelopes;
  recover: RecoverSoon;
  close(): Promise<void>;
}

/**
 * Threads for what only computes, one per core, started when there is much for the first time. What one of them fails at
 * is computed in this thread: an envelope must not go uncharged because a thread ended.
 */
export function openThreads(log: Log, { count = availableParallelism(), file = THREAD.url.href } = {}): Threads {
  let pool: Piscina | undefined;
  let breaks = 0;
  let isClosed = false;
  const failed = (error: unknown) => log.warn({ error: String(error) }, "a thread failed, its work is done here");
  // What runs there never throws, so a failure is the thread's. The others go with it: a pool that lost its threads while
  // they started starts no more, and what waits for one would wait for ever.
  const broke = (broken: Piscina, error: unknown) => {
    if (isClosed || pool !== broken) return;
    failed(error);
    pool = undefined;
    breaks++;
    void broken.destroy();
  };
  const start = (): Piscina => {
    const started = new Piscina({
      ...{ filename: file, minThreads: count, maxThreads: count, idleTimeout: 60_000 },
      execArgv: THREAD.execArgv,
    });
    // A thread that ends without work in hand is heard of here.
    started.on("error", (error: unknown) => broke(started, error));
    return started;
  };
  /** `undefined` when no thread can do it. */
  const run = async (name: string, task: object, moved: Uint8Array): Promise<unknown> => {
    if (isClosed || breaks >= MOST_BREAKS) return undefined;
    const asked = (pool ??= start());
    try {
      return (await asked.run(task, { name, transferList: [moved.buffer as ArrayBuffer] })) as unknown;
    } catch (error) {
      broke(asked, error);
      return undefined;
    }
  };

  const readPart = async (envelopes: readonly Uint8Array[], retentionDays: number) => {
    const task = toReadingTask(envelopes, retentionDays);
    const read = (await run("read", task, task.bytes)) as (MeteredEnvelope | UnreadableEnvelope)[] | undefined;
    return read ?? readInTurns(envelopes, retentionDays);
  };
  const recoverPart = async (items: readonly Signed[]): Promise<(Address | undefined)[]> => {
    if (items.length < LEAST_SIGNATURES) return items.map(recoverHere);
    const asked = pack(items);
    const recovered = (await run("recover", { asked }, asked)) as Uint8Array | undefined;
    return recovered ? unpack(recovered) : items.map(recoverHere);
  };
  const recoveries = new Batcher<Signed, Address | undefined>({
    ...GATHERING,
    run: async (items) => (await Promise.all(chunksOf(items, SIGNATURES_PER_TASK).map(recoverPart))).flat(),
  });
  return {
    read: async (envelopes, retentionDays) => {
      if (envelopes.length < LEAST_ENVELOPES) return readInTurns(envelopes, retentionDays);
      const parts = chunksOf(envelopes, ENVELOPES_PER_TASK);
      return (await Promise.all(parts.map((part) => readPart(part, retentionDays)))).flat();
    },
    recover: (digest, signature) => recoveries.add({ digest, signature }),
    close: async () => {
      isClosed = true;
      const last = pool;
      pool = undefined;
      await last?.destroy();
    },
  };
}

interface Signed {
  digest: Uint8Array;
  /** 65 bytes. */
  signature: Uint8Array;
}

const recoverHere = ({ digest, signature }: Signed) => fastRecoverAddress(digest, signature);

function toReadingTask(envelopes: readonly Uint8Array[], retentionDays: number): ReadingTask {
  const bytes = new Uint8Array(envelopes.reduce((sum, { length }) => sum + length, 0));
  let end = 0;
  const ends = envelopes.map((envelope) => {
    bytes.set(envelope, end);
    return (end += envelope.length);
  });
  return { bytes, ends, retentionDays };
}

function pack(items: readonly Signed[]): Uint8Array {
  const bytes = new Uint8Array(items.length * ASKED);
  for (const [i, { digest, signature }] of items.entries()) {
    bytes.set(digest, i * ASKED);
    bytes.set(signature, i * ASKED + 32);
  }
  return bytes;
}

function unpack(bytes: Uint8Array): (Address | undefined)[] {
  return Array.from({ length: bytes.length / ANSWERED }, (_, i) => {
    const one = bytes.subarray(i * ANSWERED, (i + 1) * ANSWERED);
    return one[0] === 1 ? toHex(one.subarray(1)) : undefined;
  });
}
