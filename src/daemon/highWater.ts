import type { Clock } from "../platform/clock.ts";
import type { Log } from "../platform/log.ts";
import { readOriginatorEnvelope } from "../protocol/envelope.ts";
import type { PeerLogs } from "./faults/ports.ts";
import type { KeyRing } from "./keyRing.ts";
import { newestSequenceId } from "./newest.ts";
import type { AnnouncedRanges, EnvelopeLog, LedgerStore, RegisteredNode } from "./ports.ts";
import { NotServedYetError } from "./ports.ts";
import { within } from "../platform/within.ts";

/** Peers that are asked at the same time, how long one question and one peer may take, and how often it is done again. */
const PEERS_AT_ONCE = 8;
const QUESTION_MS = 5_000;
const PEER_MS = 15_000;
/** However many peers there are: whoever has not been asked by then is asked a minute later. */
const ALL_MS = 30_000;
const ASK_AGAIN_MS = 60_000;
/** Of each answer so many envelopes are looked at: a peer that holds forgeries must not hide what is genuine. */
const LOOKED_AT = 10;

export interface HighWaterOptions {
  nodeId: number;
  store: Pick<LedgerStore, "raiseHighWater" | "meterCursor">;
  envelopeLog: Pick<EnvelopeLog, "read">;
  /** Without it, nobody but the own store is asked. */
  others?: HighWaterSources;
  clock: Clock;
  log: Log;
}

export interface HighWaterSources {
  peers: PeerLogs;
  keys: KeyRing;
  /** What final reports say of a node's range; absent until there are such reports. */
  announced?: AnnouncedRanges;
}

/**
 * Whether the node's log is whole: a database from a backup gives sequence ids out again, which convicts its node. The
 * highest id is kept outside that database; peers and the chain know it, too.
 */
export class HighWater {
  readonly #options: HighWaterOptions;
  #isReached = false;
  /** Grows with each doubt: what was looked at before it says nothing. */
  #doubts = 0;
  #problem: string | undefined;
  #needed = 0n;
  #askedAt: number | undefined;
  /** Where in the registry the next round of questions begins. */
  #askedTo = 0;

  constructor(options: HighWaterOptions) {
    this.#options = options;
  }

  /** False while the node must not give out another id. */
  get isReached(): boolean {
    return this.#isReached;
  }

  /** The log may have been exchanged: nothing is published until `check` has looked again. */
  doubt(): void {
    this.#doubts++;
    this.#isReached = false;
  }

  /** The operator vouches that the next id is above every one that is known. Answers the highest. */
  async trust(): Promise<bigint> {
    this.#needed = await this.#known();
    this.#isReached = true;
    this.#problem = undefined;
    this.#options.log.warn({ above: this.#needed }, "the operator says that the node's next id is above this one");
    return this.#needed;
  }

  /** Rejects when the node's log cannot be read now. */
  async check(nodes: readonly RegisteredNode[]): Promise<void> {
    const { nodeId, clock, log } = this.#options;
    const doubts = this.#doubts;
    if (this.#askedAt === undefined || clock.now() - this.#askedAt >= ASK_AGAIN_MS) {
      await this.#askOthers(nodes);
      this.#askedAt = clock.now();
    }
    this.#needed = await this.#known();
    const isThere = this.#needed === 0n || (await this.#isServed(this.#needed));
    if (!isThere && !this.#problem) {
      this.#problem =
        `the node's log ends before sequence id ${this.#needed}, which it has given out: its database is an old copy. ` +
        "Nothing is published with it, or ids are given out twice: restore the newest one";
      log.error({ nodeId, needed: this.#needed }, this.#problem);
    }
    if (isThere) this.#problem = undefined;
    this.#isReached = isThere && doubts === this.#doubts;
  }

  status() {
    return { reached: this.#isReached, sequenceId: this.#needed, problem: this.#problem ?? null };
  }

  async #isServed(sequenceId: bigint): Promise<boolean> {
    try {
      return (await this.#options.envelopeLog.read(this.#options.nodeId, sequenceId - 1n, 1)).length > 0;
    } catch (error) {
      if (error instanceof NotServedYetError) return false;
      throw error;
    }
  }

  /** What was relayed or metered, and what others showed. */
  async #known(): Promise<bigint> {
    const { store, nodeId } = this.#options;
    return store.raiseHighWater(await store.meterCursor(nodeId));
  }

  /** Nobody has to answer: a network that is down must not keep a whole node shut. */
  async #askOthers(nodes: readonly RegisteredNode[]): Promise<void> {
    const { nodeId, store, others, clock, log } = this.#options;
    if (!others) return;
    const from = await this.#known();
    const peers = nodes.filter((node) => node.nodeId !== nodeId);
    const askPeers = async (signal: AbortSignal) => {
      for (let i = 0; i < peers.length && !signal.aborted; i += PEERS_AT_ONCE) {
        // Not the same ones each time that there is no time for all.
        const some = peers.slice(i, i + PEERS_AT_ONCE).map((_, n) => peers[(this.#askedTo + n) % peers.length]!);
        this.#askedTo += some.length;
        const asked = some.map(async (peer) => {
          const newest = await within(signal, PEER_MS, (ended) => this.#newestAt(others, peer, from, ended), clock);
          if (newest > from) await store.raiseHighWater(newest);
        });
        for (const result of await Promise.allSettled(asked)) {
          if (result.status === "rejected")
            log.debug({ error: String(result.reason) }, "a peer did not say what it has");
        }
      }
    };
    const askReports = async (signal: AbortSignal) => {
      const announced = await others.announced?.lastOf(nodeId, signal).catch((error: unknown) => {
        log.debug({ error: String(error) }, "what final reports say of this node's log is not known now");
        return undefined;
      });
      if (announced !== undefined) await store.raiseHighWater(announced);
    };
    // Beside each other: peers that keep silent must not hide what the chain knows.
    const ask = (signal: AbortSignal) => Promise.all([askPeers(signal), askReports(signal)]);
    // A source that does not heed its signal holds nothing up either.
    await within(
      new AbortController().signal,
      ALL_MS,
      (signal) => {
        const late = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
        return Promise.race([ask(signal), late]);
      },
      clock,
    );
  }

  #newestAt(
    { peers, keys }: HighWaterSources,
    peer: RegisteredNode,
    from: bigint,
    ended: AbortSignal,
  ): Promise<bigint> {
    const { nodeId, clock } = this.#options;
    return newestSequenceId(async (after) => {
      const page = { originatorId: nodeId, after, limit: LOOKED_AT };
      const read = (signal: AbortSignal) => peers.read(peer.httpAddress, page, signal);
      for (const bytes of await within(ended, QUESTION_MS, read, clock)) {
        const envelope = readOriginatorEnvelope(bytes);
        // Only this node's own signature says that it gave an id out: a peer must not be able to shut it.
        const isOurs = envelope.originatorId === nodeId && envelope.sequenceId > after;
        if (isOurs && (await keys.isSigned(envelope))) return envelope.sequenceId;
      }
      return undefined;
    }, from);
  }
}
