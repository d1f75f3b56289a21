import type { Hex } from "../../protocol/bytes.ts";
import { bytesToUint, concatBytes, fromHex, uintToBytes } from "../../protocol/bytes.ts";
import { readOriginatorEnvelope } from "../../protocol/envelope.ts";
import { keccak256 } from "../../protocol/keccak.ts";
import type { LedgerStore, RegisteredNode } from "../ports.ts";
import { inTime } from "./askAll.ts";
import { unpackFacts } from "./facts.ts";
import type { ReporterOptions } from "./options.ts";

/** Reads per seat and epoch, spread over it. */
const READS = 20n;
/** Fewer say nothing: a node that was started in the middle of an epoch accuses nobody. */
const LEAST_READS = 10;
/** What is asked for is among so many newest ids: older ones may have expired. */
const NEWEST = 10_000n;
const READ_MS = 15_000;
/** Seats that are asked in one step. */
const MOST_READS = 8;
const KEPT_EPOCHS = 3n;

interface Tally {
  /** Reads that were due, up to this one; those of a time when this process did not look are not made up for. */
  settled: number;
  asked: number;
  failed: number;
}

/** A read of a seat that is due: the n-th of the epoch. */
interface Due {
  peer: RegisteredNode;
  number: number;
}

export interface SamplesOptions extends Pick<
  ReporterOptions,
  "nodeId" | "chain" | "logs" | "nodes" | "store" | "clock" | "log"
> {
  ledger: Pick<LedgerStore, "meterCursor">;
}

/**
 * Reads of other seats' logs at random places and times: a node that fails more than half of them in an epoch was absent.
 * In memory: what a restart forgets accuses nobody.
 */
export class Samples {
  readonly #options: SamplesOptions;
  readonly #tallies = new Map<bigint, Map<number, Tally>>();

  constructor(options: SamplesOptions) {
    this.#options = options;
  }

  /** Makes the reads that are due. */
  async step(signal: AbortSignal): Promise<void> {
    const { chain, nodes, nodeId } = this.#options;
    const [now, length, head] = await Promise.all([chain.now(), chain.epochSeconds(), chain.head()]);
    const epoch = now / length;
    const due: Due[] = [];
    for (const peer of nodes()) {
      if (peer.nodeId === nodeId || !peer.isCanonical) continue;
      const number = this.#dueBy(now, epoch, length, head.digest, peer.nodeId);
      if (this.#tallyOf(epoch, peer.nodeId).settled < number) due.push({ peer, number });
    }
    await Promise.all(due.slice(0, MOST_READS).map((one) => this.#sample(epoch, head.digest, one, signal)));
    for (const old of this.#tallies.keys()) if (old + KEPT_EPOCHS <= epoch) this.#tallies.delete(old);
  }

  /** Seats that were absent in an epoch for this node. Nobody, when so many were that this node is cut off itself. */
  absent(epoch: bigint): number[] {
    const tallies = [...(this.#tallies.get(epoch) ?? [])].filter(([, { asked }]) => asked >= LEAST_READS);
    const failed = tallies.filter(([, { asked, failed: misses }]) => 2 * misses > asked).map(([nodeId]) => nodeId);
    return failed.length * 3 > tallies.length + 1 ? [] : failed.sort((a, b) => a - b);
  }

  /** Who failed reads in the epochs that are remembered, for whoever wants to know why a seat is said to be absent. */
  failures(): { epoch: bigint; nodeId: number; asked: number; failed: number }[] {
    return [...this.#tallies].flatMap(([epoch, ofEpoch]) =>
      [...ofEpoch]
        .filter(([, { failed }]) => failed > 0)
        .map(([nodeId, { asked, failed }]) => ({ epoch, nodeId, asked, failed })),
    );
  }

  /** How many reads of a seat are due: the n-th at a moment of its own within the n-th part of the epoch. */
  #dueBy(now: bigint, epoch: bigint, length: bigint, parent: Hex, peer: number): number {
    const part = length / READS;
    if (part === 0n) return 0;
    const elapsed = now - epoch * length;
    const number = elapsed / part;
    const moment = this.#seed(parent, peer, number) % part;
    const due = number + (elapsed - number * part >= moment ? 1n : 0n);
    return Number(due > READS ? READS : due);
  }

  async #sample(epoch: bigint, parent: Hex, { peer, number }: Due, signal: AbortSignal): Promise<void> {
    const tally = this.#tallyOf(epoch, peer.nodeId);
    const place = this.#seed(parent, peer.nodeId, BigInt(number) + READS);
    const expected = await this.#expected(peer.nodeId, place);
    tally.settled = number;
    tally.asked++;
    try {
      await inTime(signal, READ_MS, (ended) => this.#read(peer, expected, ended), this.#options.clock);
    } catch (error) {
      // This node's own end is nobody's absence.
      if (signal.aborted) tally.asked--;
      else {
        tally.failed++;
        this.#options.log.debug(
          { peer: peer.nodeId, error: String(error) },
          "a seat did not serve what it was asked for",
        );
      }
    }
  }

  /** A sequence id of the seat's own log that this node has; undefined when it has none. */
  async #expected(originatorId: number, place: bigint): Promise<bigint | undefined> {
    const { ledger, store } = this.#options;
    const last = await ledger.meterCursor(originatorId);
    if (last === 0n) return undefined;
    const span = last < NEWEST ? last : NEWEST;
    const after = last - span + (place % span);
    const [page] = await store.pages(originatorId, after, 1);
    for (const { sequenceId } of page ? unpackFacts(page.facts) : []) if (sequenceId > after) return sequenceId;
    return undefined;
  }

  async #read(
    { nodeId, httpAddress }: RegisteredNode,
    expected: bigint | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const page = { originatorId: nodeId, after: expected === undefined ? 0n : expected - 1n, limit: 1 };
    const [envelope] = await this.#options.logs.read(httpAddress, page, signal);
    if (expected === undefined) return;
    const read = envelope && readOriginatorEnvelope(envelope);
    if (read?.originatorId !== nodeId || read.sequenceId !== expected) throw new Error(`it does not serve ${expected}`);
  }

  #seed(parent: Hex, peer: number, number: bigint): bigint {
    const ids = [uintToBytes(BigInt(this.#options.nodeId), 4), uintToBytes(BigInt(peer), 4), uintToBytes(number, 8)];
    return bytesToUint(keccak256(concatBytes(fromHex(parent), ...ids)).subarray(0, 8));
  }

  #tallyOf(epoch: bigint, nodeId: number): Tally {
    const ofEpoch = this.#tallies.get(epoch) ?? new Map<number, Tally>();
    this.#tallies.set(epoch, ofEpoch);
    const tally = ofEpoch.get(nodeId) ?? { settled: 0, asked: 0, failed: 0 };
    ofEpoch.set(nodeId, tally);
    return tally;
  }
}
