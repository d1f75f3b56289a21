import { create, toBinary } from "@bufbuild/protobuf";

import { OriginatorEnvelopeSchema } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";

import type { Daemon } from "../../src/daemon/daemon.ts";
import type { EnvelopeLog } from "../../src/daemon/ports.ts";
import { fastRecoverAddress } from "../../src/platform/recover.ts";
import { encodeUnsignedOriginatorEnvelope, readPayerEnvelope } from "../../src/protocol/envelope.ts";
import type { SimProcess } from "./process.ts";
import type { Random } from "./random.ts";
import type { VirtualClock } from "./virtualClock.ts";

interface Stored {
  sequenceId: bigint;
  envelope: Uint8Array;
  /** `payer:payer digest`, under which a node stores an envelope once. */
  key: string;
}

/** What of a node survives its process: its own log and the copies of others'. */
export class SimNode implements EnvelopeLog {
  readonly nodeId: number;
  /** Set while a process runs. */
  running: { process: SimProcess; daemon: Daemon } | undefined;
  isCaughtUp = false;
  readonly #logs = new Map<number, Stored[]>();
  readonly #keys = new Set<string>();
  #listeners = new Set<(originatorId: number) => void>();
  #inFlight = new Map<string, Promise<boolean>>();
  readonly #clock: VirtualClock;
  readonly #random: Random;

  constructor(nodeId: number, clock: VirtualClock, random: Random) {
    this.nodeId = nodeId;
    this.#clock = clock;
    this.#random = random;
  }

  /** Whether it is stored; rejects with the gate's refusal. Never settles when the process is killed meanwhile. */
  async publish(payerEnvelope: Uint8Array, voucherHeader: string | null): Promise<boolean> {
    const running = this.running;
    if (!running) throw new Error("connection refused");
    const read = readPayerEnvelope(payerEnvelope, fastRecoverAddress);
    const key = `${read.payer}:${Buffer.from(read.digest).toString("hex")}`;
    if (this.#keys.has(key)) return true;
    const busy = this.#inFlight.get(key);
    if (busy) return busy;
    const publishing = this.#publishNew(running, read, key, voucherHeader).finally(() => this.#inFlight.delete(key));
    this.#inFlight.set(key, publishing);
    return publishing;
  }

  async #publishNew(
    { process, daemon }: { process: SimProcess; daemon: Daemon },
    read: ReturnType<typeof readPayerEnvelope>,
    key: string,
    voucherHeader: string | null,
  ): Promise<boolean> {
    const admission = await daemon.gate.admit({ envelopes: [read], voucherHeader });
    await process.seen(this.#clock).sleep(this.#random.between(0, 20));
    if (!process.isAlive) return new Promise(() => {});
    const own = this.#logOf(this.nodeId);
    const sequenceId = (own.at(-1)?.sequenceId ?? 0n) + 1n;
    const originatorNs = BigInt(this.#clock.now()) * 1_000_000n;
    this.#store(this.nodeId, {
      sequenceId,
      envelope: envelopeOf(this.nodeId, sequenceId, originatorNs, read.bytes),
      key,
    });
    admission.release(true);
    return true;
  }

  /** Copies what another node has of its own log, up to a bound. Whether that was all. */
  replicate(from: SimNode, limit: number): boolean {
    const mine = this.#logOf(from.nodeId);
    const theirs = from.#logOf(from.nodeId);
    for (const entry of theirs.slice(mine.length, mine.length + limit)) this.#store(from.nodeId, entry);
    return mine.length >= theirs.length;
  }

  /** A new process over what is on disk. */
  restart(): void {
    this.#listeners = new Set();
    this.#inFlight = new Map();
    this.isCaughtUp = false;
  }

  entries(originatorId: number): readonly Stored[] {
    return this.#logOf(originatorId);
  }

  async originators(): Promise<number[]> {
    return [...this.#logs.keys()].sort((a, b) => a - b);
  }

  async read(originatorId: number, afterSequenceId: bigint, limit: number) {
    const after = Number(afterSequenceId);
    return this.#logOf(originatorId).slice(after, after + limit);
  }

  onAppend(listener: (originatorId: number) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #logOf(originatorId: number): Stored[] {
    let log = this.#logs.get(originatorId);
    if (!log) this.#logs.set(originatorId, (log = []));
    return log;
  }

  #store(originatorId: number, entry: Stored): void {
    this.#logOf(originatorId).push(entry);
    if (originatorId === this.nodeId) this.#keys.add(entry.key);
    for (const listener of this.#listeners) listener(originatorId);
  }
}

/** The meter checks no originator's signature: whoever replicates does. */
function envelopeOf(originatorId: number, sequenceId: bigint, originatorNs: bigint, payerEnvelope: Uint8Array) {
  const unsignedOriginatorEnvelope = encodeUnsignedOriginatorEnvelope({
    ...{ originatorId, sequenceId, originatorNs, payerEnvelope },
    ...{ baseFeePico: 0n, congestionFeePico: 0n, expiryAt: 0n },
  });
  return toBinary(OriginatorEnvelopeSchema, create(OriginatorEnvelopeSchema, { unsignedOriginatorEnvelope }));
}
