import { setImmediate } from "node:timers/promises";

import type { Client } from "@connectrpc/connect";
import { createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-node";

import type { OriginatorEnvelope } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";
import { ReplicationApi } from "#proto/xmtp/xmtpv4/message_api/message_api_pb.ts";

import type { Clock } from "../../platform/clock.ts";
import type { Log } from "../../platform/log.ts";
import { either } from "../../platform/within.ts";
import { describe } from "../errors.ts";
import type { NetworkView } from "../network.ts";
import type { RegisteredNode } from "../ports.ts";
import type { NodeStore } from "../store/store.ts";
import { pause } from "../pause.ts";
import type { NewEnvelope } from "../store/writer.ts";
import { verifyReplica } from "./verify.ts";

const MAX_FRAME_BYTES = 32 * 1024 * 1024;

export interface FollowerPorts {
  store: NodeStore;
  network: NetworkView;
  clock: Clock;
  log: Log;
  /** First wait after a failure; doubles up to the other. */
  backoffMs: number;
  maxBackoffMs: number;
  /** A stream without any frame for this long is given up: keep-alives come every 30 s. */
  silenceMs: number;
  /** This node, which is nobody's source. */
  ownId: number;
}

export interface FollowerState {
  originatorId: number;
  lastSequenceId: bigint;
  /** The node whose stream brings this originator's envelopes now. */
  via: number | undefined;
  /** Its history was read to the end once since the start, or it could not be reached. */
  isCaughtUp: boolean;
}

/** Someone who is not the originator showed a log with a hole; only the originator can say that nothing is missing. */
class GapError extends Error {
  override readonly name = "GapError";
}

/** Keeps the replica of one originator's log complete. */
export class Follower {
  readonly #ports: FollowerPorts;
  readonly #id: number;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  /** Up to here everything that the originator signed was seen; runs ahead of the store past what nobody may store. */
  #cursor: bigint;
  #via: number | undefined;
  #stream = new AbortController();
  #rejected = 0;
  #turn = 0;
  #isCaughtUp = false;

  constructor(ports: FollowerPorts, originatorId: number) {
    this.#ports = ports;
    this.#id = originatorId;
    this.#cursor = ports.store.reader.last(originatorId).sequenceId;
    this.#running = this.#run();
  }

  get state(): FollowerState {
    return { originatorId: this.#id, lastSequenceId: this.#cursor, via: this.#via, isCaughtUp: this.#isCaughtUp };
  }

  /** Drops the stream that is open and starts again, after the originator moved. */
  reconnect(): void {
    this.#stream.abort(new Error("the originator moved"));
  }

  async stop(): Promise<void> {
    this.#stop.abort(new Error("the follower was stopped"));
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    const { network, clock, backoffMs, maxBackoffMs } = this.#ports;
    for (let failures = 0; !signal.aborted; failures++) {
      const primary = network.node(this.#id);
      if (primary && (await this.#follow(primary, signal)) > 0) failures = 0;
      else this.#isCaughtUp = true;
      if (signal.aborted) return;
      // While the originator is away, others may have what it sent before.
      const turn = new AbortController();
      const wait = Math.min(maxBackoffMs, backoffMs * 2 ** Math.min(failures, 20));
      const substitute = failures > 0 ? this.#nextSubstitute() : undefined;
      const reading = substitute && either(signal, turn.signal, (paused) => this.#follow(substitute, paused));
      await pause(clock, wait, signal);
      turn.abort(new Error("back to the originator"));
      await reading;
    }
  }

  #nextSubstitute(): RegisteredNode | undefined {
    const { network, ownId } = this.#ports;
    const others = network.nodes.filter(({ id, isCanonical }) => isCanonical && id !== ownId && id !== this.#id);
    return others[this.#turn++ % others.length];
  }

  /** Reads one stream until it ends, and tells how many frames it brought. Never throws. */
  #follow(source: RegisteredNode, signal: AbortSignal): Promise<number> {
    const over = new AbortController();
    this.#stream = over;
    return either(signal, over.signal, (ended) => this.#read(source, signal, over, ended));
  }

  async #read(source: RegisteredNode, signal: AbortSignal, over: AbortController, ended: AbortSignal): Promise<number> {
    const { log, clock, silenceMs } = this.#ports;
    let frames = 0;
    let heard = 0;
    // Each frame moves the time at which silence counts; one watchman looks.
    const watch = async () => {
      while (!ended.aborted) {
        const before = heard;
        await pause(clock, silenceMs, ended);
        if (heard === before) over.abort(new Error(`no frame for ${silenceMs} ms`));
      }
    };
    const watching = watch();
    try {
      const filter = { originatorNodeIds: [this.#id], lastSeen: { nodeIdToSequenceId: { [this.#id]: this.#cursor } } };
      for await (const { response } of clientOf(source).subscribeOriginators({ filter }, { signal: ended })) {
        heard++;
        frames++;
        this.#via = source.id;
        const envelopes = response.case === "envelopes" ? response.value.envelopes : [];
        if (envelopes.length > 0) await this.#ingest(envelopes, source);
        // The first frame comes at once; a later one without envelopes says that there are no more for now.
        else if (frames > 1) this.#isCaughtUp = true;
      }
    } catch (error) {
      if (!signal.aborted) {
        log.debug({ originatorId: this.#id, source: source.id, error: describe(error) }, "a replication stream ended");
      }
    } finally {
      this.#via = undefined;
      over.abort(new Error("the stream is over"));
      await watching;
    }
    return frames;
  }

  async #ingest(messages: readonly OriginatorEnvelope[], source: RegisteredNode): Promise<void> {
    const good: NewEnvelope[] = [];
    let cursor = this.#cursor;
    let gap: bigint | undefined;
    for (const message of messages) {
      // Two signatures each: others get their turn in between.
      await setImmediate();
      const verdict = await verifyReplica(message, this.#id, (signer, ns) =>
        this.#ports.network.isKey(this.#id, signer, ns),
      );
      if (verdict.kind === "forged") {
        this.#reject(source, verdict.why);
        continue;
      }
      const sequenceId = verdict.kind === "good" ? verdict.envelope.sequenceId : verdict.sequenceId;
      if (sequenceId <= cursor) continue;
      if (source.id !== this.#id && sequenceId !== cursor + 1n) {
        gap = sequenceId;
        break;
      }
      cursor = sequenceId;
      if (verdict.kind === "good") good.push(verdict.envelope);
      else this.#reject(source, verdict.why);
    }
    this.#ports.store.write((writer) => good.forEach((envelope) => writer.append(envelope)));
    this.#cursor = cursor;
    if (gap !== undefined) throw new GapError(`node ${source.id} goes from ${cursor} to ${gap}`);
  }

  #reject(source: RegisteredNode, why: string): void {
    this.#rejected++;
    // A peer that only lies must not fill the disk with lines.
    if ((this.#rejected & (this.#rejected - 1)) !== 0) return;
    const fields = { originatorId: this.#id, source: source.id, why, rejected: this.#rejected };
    this.#ports.log.warn(fields, "an envelope from a peer is invalid and not stored");
  }
}

function clientOf({ httpAddress }: RegisteredNode): Client<typeof ReplicationApi> {
  return createClient(
    ReplicationApi,
    createGrpcWebTransport({
      baseUrl: httpAddress,
      httpVersion: "1.1",
      readMaxBytes: MAX_FRAME_BYTES,
      // A connection of its own: a kept one may belong to the process that was there before a restart.
      nodeOptions: { agent: false },
    }),
  );
}
