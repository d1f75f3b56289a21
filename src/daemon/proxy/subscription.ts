import type { OriginatorEnvelope } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";

import type { Clock } from "../../platform/clock.ts";
import type { Log } from "../../platform/log.ts";
import { either } from "../../platform/within.ts";
import type { Upstream } from "./ports.ts";

export interface SubscriptionOptions {
  originatorIds: readonly number[];
  upstream: Pick<Upstream, "subscribe">;
  /** Where the stream of an originator goes on. */
  cursorOf: (originatorId: number) => Promise<bigint>;
  /** Takes a frame; the next one is read when it resolves. When it rejects, the stream is opened again. */
  take: (envelopes: readonly OriginatorEnvelope[]) => Promise<void>;
  /** The stream ended, or could not be opened. */
  onBreak: () => void;
  clock: Clock;
  log: Log;
  silenceMs: number;
  backoffMs: number;
  maxBackoffMs: number;
}

/** One stream of some originators' logs, opened again whenever it ends, breaks or falls silent. */
export class Subscription {
  readonly originatorIds: readonly number[];
  readonly #options: SubscriptionOptions;
  readonly #stopped = new AbortController();
  readonly #running: Promise<void>;
  #connection: number | undefined;
  #opened = 0;

  constructor(options: SubscriptionOptions) {
    this.#options = options;
    this.originatorIds = options.originatorIds;
    this.#running = this.#run();
  }

  /** A number of its own for each time that the stream is open; undefined while it is not. */
  get connection(): number | undefined {
    return this.#connection;
  }

  get isOpen(): boolean {
    return this.#connection !== undefined;
  }

  async stop(): Promise<void> {
    this.#stopped.abort(new Error("the subscription stops"));
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, backoffMs, maxBackoffMs } = this.#options;
    const { signal } = this.#stopped;
    for (let failures = 0; !signal.aborted; failures++) {
      if (await this.#follow()) failures = 0;
      if (signal.aborted) return;
      const wait = Math.min(maxBackoffMs, backoffMs * 2 ** Math.min(failures, 20));
      await clock.sleep(wait, signal).catch(() => {});
    }
  }

  /** Reads one stream to its end; answers whether it brought anything. Never throws. */
  async #follow(): Promise<boolean> {
    const over = new AbortController();
    return either(this.#stopped.signal, over.signal, (signal) => this.#read(over, signal));
  }

  async #read(over: AbortController, signal: AbortSignal): Promise<boolean> {
    const { upstream, log, originatorIds, cursorOf, take, onBreak } = this.#options;
    const silence = new Silence(this.#options, over, signal);
    try {
      const cursors = await Promise.all(originatorIds.map(async (id) => [id, await cursorOf(id)] as const));
      silence.start();
      for await (const envelopes of upstream.subscribe(new Map(cursors), signal)) {
        this.#connection ??= ++this.#opened;
        silence.pause();
        await take(envelopes);
        silence.start();
      }
    } catch (error) {
      if (!this.#stopped.signal.aborted) log.warn({ error: String(error) }, "the stream of the node's log broke");
    }
    const wasOpen = this.#connection !== undefined;
    this.#connection = undefined;
    over.abort(new Error("the stream is over"));
    await silence.ended;
    onBreak();
    return wasOpen;
  }
}

/** Ends a stream that says nothing for too long, while it is listened to. */
class Silence {
  readonly ended: Promise<void>;
  #heard = 0;
  #isListening = false;

  constructor({ clock, silenceMs }: SubscriptionOptions, over: AbortController, signal: AbortSignal) {
    const watch = async () => {
      while (!signal.aborted) {
        const before = this.#heard;
        await clock.sleep(silenceMs, signal).catch(() => {});
        if (!signal.aborted && this.#isListening && this.#heard === before) {
          over.abort(new Error(`no frame for ${silenceMs} ms`));
        }
      }
    };
    this.ended = watch();
  }

  start(): void {
    this.#heard++;
    this.#isListening = true;
  }

  pause(): void {
    this.#isListening = false;
  }
}
