import { create, toBinary } from "@bufbuild/protobuf";

import { OriginatorEnvelopeSchema } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";

import type { Daemon } from "../../src/daemon/daemon.ts";
import type { EnvelopeLog } from "../../src/daemon/ports.ts";
import { fastRecoverAddress } from "../../src/platform/fastEcdsa.ts";
import { encodeUnsignedOriginatorEnvelope, readPayerEnvelope } from "../../src/protocol/envelope.ts";
import type { SimProcess } from "./process.ts";
import type { Random } from "./random.ts";
import type { VirtualClock } from "./virtualClock.ts";

export interface Stored {
  sequenceId: bigint;
  envelope: Uint8Array;
  payerEnvelope: Uint8Array;
  originatorNs: bigint;
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
  /** Who is shown something else, and from where on. */
  #misled = new Set<number>();
  #misledFrom = 0;
  /** Nothing more will come: a pair that is half there is shown as it is. */
  isSettled = false;
  readonly #issued = new Set<string>();
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
    this.#store(this.nodeId, this.#issue({ sequenceId, originatorNs, payerEnvelope: read.bytes, key }));
    admission.release(true);
    return true;
  }

  /** Copies what another node shows of its own log, up to a bound. Whether that was all. */
  replicate(from: SimNode, limit: number): boolean {
    const mine = this.#logOf(from.nodeId);
    const theirs = from.#logOf(from.nodeId);
    for (let left = limit; left > 0 && mine.length < theirs.length; left--) {
      const shown = from.#shownTo(this.nodeId, mine.length);
      for (const entry of shown) this.#store(from.nodeId, entry);
      if (shown.length === 0) break;
    }
    return mine.length >= theirs.length;
  }

  /** From here on some nodes are shown pairs of envelopes the other way round. */
  equivocate(toward: readonly number[]): void {
    this.#misled = new Set(toward);
    this.#misledFrom = this.#logOf(this.nodeId).length;
  }

  /** The next entries of this node's log, one or a pair, as it shows them to a node; none while it waits. */
  #shownTo(nodeId: number, index: number): Stored[] {
    const own = this.#logOf(this.nodeId);
    const [entry, next] = [own[index]!, own[index + 1]];
    const isFirstOfPair = this.#misled.has(nodeId) && index >= this.#misledFrom && (index - this.#misledFrom) % 2 === 0;
    if (!isFirstOfPair) return [entry];
    if (!next) return this.isSettled ? [entry] : [];
    return [this.#issue({ ...next, ...placeOf(entry) }), this.#issue({ ...entry, ...placeOf(next) })];
  }

  /** Signs, as it were: what was issued can be told from what was not. */
  #issue(entry: Omit<Stored, "envelope">): Stored {
    const { sequenceId, originatorNs, payerEnvelope } = entry;
    const unsigned = encodeUnsignedOriginatorEnvelope({
      ...{ originatorId: this.nodeId, sequenceId, originatorNs, payerEnvelope },
      ...{ baseFeePico: 0n, congestionFeePico: 0n, expiryAt: 0n },
    });
    this.#issued.add(Buffer.from(unsigned).toString("hex"));
    return { ...entry, envelope: envelopeOf(unsigned) };
  }

  /** Whether this node made an envelope: nobody else can. */
  hasIssued(unsigned: Uint8Array): boolean {
    return this.#issued.has(Buffer.from(unsigned).toString("hex"));
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

const placeOf = ({ sequenceId, originatorNs }: Stored) => ({ sequenceId, originatorNs });

/** The meter checks no originator's signature: whoever replicates does. */
function envelopeOf(unsignedOriginatorEnvelope: Uint8Array): Uint8Array {
  return toBinary(OriginatorEnvelopeSchema, create(OriginatorEnvelopeSchema, { unsignedOriginatorEnvelope }));
}
