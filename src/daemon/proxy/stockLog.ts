import { setImmediate } from "node:timers/promises";

import { toBinary } from "@bufbuild/protobuf";

import type { OriginatorEnvelope } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";
import { OriginatorEnvelopeSchema } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";

import type { Clock } from "../../platform/clock.ts";
import type { Log } from "../../platform/log.ts";
import { within } from "../../platform/within.ts";
import type { ReadOriginatorEnvelope } from "../../protocol/envelope.ts";
import { FIRST_NODE_ID, readOriginatorEnvelope } from "../../protocol/envelope.ts";
import type { KeyRing } from "../keyRing.ts";
import { TooManyKeysError } from "../keyRing.ts";
import type { EnvelopeLog } from "../ports.ts";
import { ForgedLogError, NotServedYetError } from "../ports.ts";
import type { Upstream } from "./ports.ts";
import { Subscription } from "./subscription.ts";
import type { Copy } from "./tail.ts";
import { Tail } from "./tail.ts";

/** A stock node takes cursors with up to 100 originators. */
const ORIGINATORS_PER_STREAM = 90;
const QUERY_MS = 10_000;
/** Pages that may hold nothing but forgeries, one after another. */
const MOST_EMPTY_PAGES = 1_000;

export interface StockLogOptions {
  /** The stock node's own id. */
  nodeId: number;
  upstream: Pick<Upstream, "query" | "subscribe">;
  keys: KeyRing;
  /** Ids of all registered nodes. */
  nodeIds: () => readonly number[];
  /** Up to where an originator's log was metered: streams begin there. */
  cursorOf: (originatorId: number) => Promise<bigint>;
  /** Hears of each envelope that the node itself originated and signed, as soon as it shows. */
  onOwn?: (envelope: ReadOriginatorEnvelope) => void;
  /** The node went away, and may come back with another database. */
  onBreak?: () => void;
  clock: Clock;
  log: Log;
  /** A stream without a frame for so long is given up; keep-alives come every 30 s. Default 90 s. */
  silenceMs?: number;
  /** First and longest wait before a stream is opened again. Default 500 ms and 10 s. */
  backoffMs?: number;
  maxBackoffMs?: number;
}

/**
 * The log of a stock node: streams bring what is new, queries what is older. No node of that kind looks at another one's
 * signatures, so an envelope that its originator did not sign is passed over here.
 */
export class StockLog implements EnvelopeLog {
  readonly #options: StockLogOptions;
  readonly #tails = new Map<number, Tail>();
  readonly #subscriptions: Subscription[] = [];
  readonly #followed = new Set<number>();
  /** Stretches that hold nothing but forgeries, as far as they were looked through. */
  readonly #forged = new Map<number, { after: bigint; to: bigint }>();
  readonly #listeners = new Set<(originatorId: number) => void>();
  readonly #stopped = new AbortController();
  #answered = 0n;
  #refused = 0;

  constructor(options: StockLogOptions) {
    this.#options = options;
  }

  /** False while a stream is broken. */
  get isConnected(): boolean {
    return this.#subscriptions.length > 0 && this.#subscriptions.every(({ isOpen }) => isOpen);
  }

  /** Where an originator's log ends, as far as is known here. */
  endOf(originatorId: number): bigint {
    return this.#tails.get(originatorId)?.end ?? 0n;
  }

  async originators(): Promise<number[]> {
    const ids = new Set([this.#options.nodeId, ...this.#options.nodeIds(), ...this.#tails.keys()]);
    const nodes = [...ids].filter((id) => id >= FIRST_NODE_ID).sort((a, b) => a - b);
    this.#follow(nodes);
    return nodes;
  }

  /** Rejects while the node cannot be asked, and with NotServedYetError while it hides what it has answered. */
  async read(originatorId: number, afterSequenceId: bigint, limit: number): Promise<Copy[]> {
    const tail = this.#tails.get(originatorId);
    const copies = tail?.after(afterSequenceId, limit);
    if (copies && copies.length > 0) return copies;
    const isEnd = copies !== undefined && tail!.isWhole && !this.#isBehind(originatorId, tail!.end);
    return isEnd ? [] : this.#pull(originatorId, afterSequenceId, limit);
  }

  onAppend(listener: (originatorId: number) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The node has answered that it gave this id out: until that shows, its own log does not end. */
  noteAnswered(sequenceId: bigint): void {
    if (sequenceId > this.#answered) this.#answered = sequenceId;
  }

  /** The next read looks for itself whether the stream has brought everything. */
  doubt(originatorId: number): void {
    const tail = this.#tails.get(originatorId);
    if (tail) tail.isWhole = false;
  }

  /** What the node had, it may not have any more: everything is asked for again. */
  forget(originatorId: number): void {
    this.#tails.set(originatorId, new Tail(this.endOf(originatorId)));
  }

  async stop(): Promise<void> {
    this.#stopped.abort(new Error("the proxy stops"));
    await Promise.all(this.#subscriptions.map((subscription) => subscription.stop()));
  }

  #isBehind(originatorId: number, end: bigint): boolean {
    return originatorId === this.#options.nodeId && end < this.#answered;
  }

  #follow(ids: readonly number[]): void {
    if (this.#stopped.signal.aborted) return;
    const added = ids.filter((id) => !this.#followed.has(id));
    for (let i = 0; i < added.length; i += ORIGINATORS_PER_STREAM) {
      const some = added.slice(i, i + ORIGINATORS_PER_STREAM);
      for (const id of some) this.#followed.add(id);
      const { upstream, clock, log, silenceMs, backoffMs, maxBackoffMs } = this.#options;
      this.#subscriptions.push(
        new Subscription({
          ...{ upstream, clock, log, originatorIds: some },
          ...{ silenceMs: silenceMs ?? 90_000, backoffMs: backoffMs ?? 500, maxBackoffMs: maxBackoffMs ?? 10_000 },
          cursorOf: async (id) => (await this.#tailOf(id)).end,
          take: (envelopes) => this.#take(envelopes),
          onBreak: () => {
            for (const id of some) this.forget(id);
            this.#options.onBreak?.();
          },
        }),
      );
    }
  }

  async #tailOf(originatorId: number): Promise<Tail> {
    const known = this.#tails.get(originatorId);
    if (known) return known;
    const tail = new Tail(await this.#options.cursorOf(originatorId));
    this.#tails.set(originatorId, tail);
    return tail;
  }

  /** Takes a frame of a stream. Rejects when the chain cannot say whose keys signed it. */
  async #take(envelopes: readonly OriginatorEnvelope[]): Promise<void> {
    const grown = new Set<number>();
    for (const envelope of envelopes) {
      const read = this.#decode(envelope);
      const tail = read && this.#tails.get(read.originatorId);
      if (!tail || read.sequenceId <= tail.end) continue;
      let copy: Copy | undefined;
      try {
        copy = await this.#verified(envelope, read);
      } catch (error) {
        if (!(error instanceof ForgedLogError)) throw error;
        // Others come by this stream, too: this log is only asked for until the stream is opened again.
        this.#tails.delete(read.originatorId);
        continue;
      }
      if (!copy) {
        tail.skip(read.sequenceId);
        continue;
      }
      tail.push(copy);
      grown.add(read.originatorId);
      if (read.originatorId === this.#options.nodeId) this.#options.onOwn?.(read);
    }
    for (const id of grown) for (const listener of this.#listeners) listener(id);
  }

  async #pull(originatorId: number, afterSequenceId: bigint, limit: number): Promise<Copy[]> {
    const { upstream } = this.#options;
    const forged = this.#forged.get(originatorId);
    let after = forged?.after === afterSequenceId ? forged.to : afterSequenceId;
    for (let page = 0; page < MOST_EMPTY_PAGES; page++) {
      const tail = this.#tails.get(originatorId);
      const subscription = this.#subscriptions.find((one) => one.originatorIds.includes(originatorId));
      const connection = subscription?.connection;
      const reachesEnd = tail !== undefined && after >= tail.end;
      const query = { originatorIds: [originatorId], lastSeen: new Map([[originatorId, after]]), limit };
      const envelopes = await within(this.#stopped.signal, QUERY_MS, (signal) => upstream.query(query, signal));
      if (envelopes.length === 0) {
        if (this.#isBehind(originatorId, after)) {
          throw new NotServedYetError(`the node answered with sequence id ${this.#answered} and does not serve it yet`);
        }
        // What comes from now on, the stream brings, as long as it stays open.
        if (reachesEnd && connection !== undefined && subscription?.connection === connection) tail.isWhole = true;
        return [];
      }
      const { copies, last } = await this.#ascending(envelopes, originatorId, after);
      if (copies.length > 0) return copies;
      after = last;
      this.#forged.set(originatorId, { after: afterSequenceId, to: last });
    }
    const problem = `the log of originator ${originatorId} holds nothing but forgeries from ${afterSequenceId} to ${after}`;
    throw originatorId === this.#options.nodeId ? new Error(problem) : new ForgedLogError(problem);
  }

  /** What its originator signed of a page, and the last sequence id of all of it. */
  async #ascending(
    envelopes: readonly OriginatorEnvelope[],
    originatorId: number,
    after: bigint,
  ): Promise<{ copies: Copy[]; last: bigint }> {
    const copies: Copy[] = [];
    let last = after;
    for (const envelope of envelopes) {
      const read = this.#decode(envelope);
      if (!read || read.originatorId !== originatorId || read.sequenceId <= last) continue;
      try {
        const copy = await this.#verified(envelope, read);
        if (copy) copies.push(copy);
      } catch (error) {
        // What was looked through so far need not be looked through again.
        if (!(error instanceof ForgedLogError) || last === after) throw error;
        return { copies, last };
      }
      last = read.sequenceId;
    }
    if (last === after)
      throw new Error(`the node's answer for originator ${originatorId} does not go on after ${after}`);
    return { copies, last };
  }

  #decode(envelope: OriginatorEnvelope): ReadOriginatorEnvelope | undefined {
    try {
      return readOriginatorEnvelope(envelope);
    } catch (error) {
      this.#refuse({ error: String(error) });
      return undefined;
    }
  }

  /** Undefined when its originator did not sign it. */
  async #verified(envelope: OriginatorEnvelope, read: ReadOriginatorEnvelope): Promise<Copy | undefined> {
    // A signature takes about a millisecond: publishes get their turn in between.
    await setImmediate();
    const { originatorId, sequenceId } = read;
    if (await this.#isSigned(read)) return { sequenceId, envelope: toBinary(OriginatorEnvelopeSchema, envelope) };
    this.#refuse({ originatorId, sequenceId });
    return undefined;
  }

  async #isSigned(read: ReadOriginatorEnvelope): Promise<boolean> {
    try {
      return await this.#options.keys.isSigned(read);
    } catch (error) {
      if (!(error instanceof TooManyKeysError) || read.originatorId === this.#options.nodeId) throw error;
      throw new ForgedLogError(error.message, { cause: error });
    }
  }

  #refuse(fields: object): void {
    this.#refused++;
    // A log of forgeries must not fill the disk with lines.
    if ((this.#refused & (this.#refused - 1)) !== 0) return;
    const refused = this.#refused;
    this.#options.log.warn({ ...fields, refused }, "the node holds an envelope that no key of its originator signed");
  }
}
