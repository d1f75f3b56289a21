import { setImmediate } from "node:timers/promises";

import type { Exhibits } from "../../contracts/faultEvidence.ts";
import { MOST_WALKED, faultIn } from "../../contracts/faultEvidence.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Log } from "../../platform/log.ts";
import { within } from "../../platform/within.ts";
import type { Address, Hex } from "../../protocol/bytes.ts";
import { equalBytes } from "../../protocol/bytes.ts";
import { FIRST_NODE_ID } from "../../protocol/envelope.ts";
import { readAsGo, readSignedAsGo } from "../../protocol/goEnvelope.ts";
import type { EnvelopeLog, RegisteredNode } from "../ports.ts";
import type { KeyBook } from "./keyBook.ts";
import { TooManyKeys } from "./keyBook.ts";
import type { EvidenceStore, PeerLogs } from "./ports.ts";

const PAGE = 100;
/** Pages read from one peer in one round, and of one originator: a long log must not keep the others waiting. */
const PAGES_PER_ROUND = 128;
const PAGES_PER_ORIGINATOR = 16;
/** Envelopes have about a kilobyte; who sends only the largest ones does not get its whole turn. */
const BYTES_PER_ROUND = 64 * 1024 * 1024;
const PAGE_TIMEOUT_MS = 10_000;
/** A peer that is slow with every page does not get more than this of a round. */
const ROUND_MS = 60_000;
/** Envelopes read before others get their turn. */
const ENVELOPES_PER_TURN = 16;
/** Larger ones no transaction can bring to the chain, at 200 gas a byte; the network carries 256 kB. */
const MOST_EVIDENCE_BYTES = 400_000;
/**
 * Evidence against one originator that is pending at once. The first equivocation costs it 1 % of its stake and each
 * later one 10 % of what is left: after 16 a fifth is left, and what the next one brings is hardly worth its gas. While
 * so many are pending its log is not compared any further, so nothing found later is passed over.
 */
export const MOST_PENDING = 16;

export interface ComparerOptions {
  /** The own node, whose faults are not reported. */
  nodeId: number;
  envelopeLog: EnvelopeLog;
  store: EvidenceStore;
  peers: PeerLogs;
  keys: KeyBook;
  /** 32 random bytes as hex. */
  randomSalt: () => Hex;
  clock: Clock;
  log: Log;
}

interface Copy {
  sequenceId: bigint;
  envelope: Uint8Array;
}

/**
 * Looks for what nodes must not have signed: compares the own copy of every originator's log with the copies that other
 * nodes serve. Who equivocates shows different nodes different envelopes, so each node alone sees nothing.
 *
 * A peer may answer anything. What it says only counts where the accused signed it; it can hide, and other peers then
 * show; it can cost this daemon at most the pages of its turn.
 */
export class Comparer {
  readonly #options: ComparerOptions;
  #turn = 0;
  /** Where a peer's next turn begins, in the list of originators. */
  readonly #begin = new Map<number, number>();
  /** Envelopes to ask for, of logs whose pages could not be read, by originator and peer. */
  readonly #limits = new Map<string, number>();
  #forged = 0;

  constructor(options: ComparerOptions) {
    this.#options = options;
  }

  /** One round: the own log by itself, then against one peer, each as far as the budget reaches. */
  async round(nodes: readonly RegisteredNode[], signal: AbortSignal): Promise<void> {
    const { nodeId, peers, keys, envelopeLog, log, clock } = this.#options;
    keys.startRound();
    const originators = (await envelopeLog.originators()).filter((id) => id >= FIRST_NODE_ID);
    await this.#walk(nodeId, originators, async () => undefined, signal).catch((error: unknown) => {
      if (!signal.aborted) log.warn({ error: String(error) }, "the own log could not be looked through");
    });
    const others = nodes.filter((node) => node.nodeId !== nodeId && node.nodeId >= FIRST_NODE_ID);
    const peer = others[this.#turn++ % others.length];
    if (!peer) return;
    const until = clock.now() + ROUND_MS;
    let bytes = 0;
    const read = async (originatorId: number, after: bigint) => {
      if (clock.now() > until || bytes > BYTES_PER_ROUND) throw new Error(`${bytes} bytes were all of its turn`);
      const log = `${originatorId}:${peer.nodeId}`;
      const limit = this.#limits.get(log) ?? PAGE;
      // Lowered until it answers: an originator must not hide behind pages that are too large to be read.
      this.#limits.set(log, Math.ceil(limit / 10));
      const page = await within(signal, PAGE_TIMEOUT_MS, (ended) => {
        return peers.read(peer.httpAddress, { originatorId, after, limit }, ended);
      });
      if (limit * 2 >= PAGE) this.#limits.delete(log);
      else this.#limits.set(log, limit * 2);
      for (const { length } of page) bytes += length;
      return page;
    };
    try {
      await this.#walk(peer.nodeId, originators, read, signal);
    } catch (error) {
      // Its turn is over; the next one goes on where this one stopped.
      if (!signal.aborted)
        log.debug({ peer: peer.nodeId, error: String(error) }, "a peer's logs could not be compared");
    }
  }

  /** @param read a page of the peer's copy; undefined for the own log, which is only looked through. */
  async #walk(
    peerId: number,
    originators: readonly number[],
    read: (originatorId: number, after: bigint) => Promise<Uint8Array[] | undefined>,
    signal: AbortSignal,
  ): Promise<void> {
    let pages = PAGES_PER_ROUND;
    const begin = this.#begin.get(peerId) ?? 0;
    for (let i = 0; i < originators.length && pages > 0 && !signal.aborted; i++) {
      const originatorId = originators[(begin + i) % originators.length]!;
      // Noted first: an originator whose log fails is not the first one again.
      this.#begin.set(peerId, (begin + i + 1) % originators.length);
      for (let page = 0; page < PAGES_PER_ORIGINATOR && pages > 0 && !signal.aborted; page++) {
        const hasMore = await this.#page(originatorId, peerId, (after) => read(originatorId, after));
        if (hasMore === undefined) break;
        pages--;
        if (!hasMore) break;
      }
    }
  }

  /** Compares one page. Undefined when there was nothing to compare; else whether the next one may have something. */
  async #page(
    originatorId: number,
    peerId: number,
    read: (after: bigint) => Promise<Uint8Array[] | undefined>,
  ): Promise<boolean | undefined> {
    const { store, envelopeLog } = this.#options;
    if ((await store.openCount(originatorId)) >= MOST_PENDING) return undefined;
    const after = await store.comparedTo(originatorId, peerId);
    const own = await envelopeLog.read(originatorId, after, PAGE);
    const ownEnd = own.at(-1)?.sequenceId;
    if (ownEnd === undefined) return undefined;
    const answer = await read(after);
    const theirs = answer && copiesOf(originatorId, after, answer);
    const theirEnd = theirs ? (theirs.at(-1)?.sequenceId ?? after) : ownEnd;
    // What only one of them has so far is compared when the other has it too.
    const end = theirEnd < ownEnd ? theirEnd : ownEnd;
    const upTo = await this.#compare(own, theirs, peerId, end);
    if (upTo > after) await store.setComparedTo(originatorId, peerId, upTo);
    return upTo > after && upTo === end;
  }

  /** Keeps what convicts. Answers up to where nothing was left out. */
  async #compare(
    own: readonly Copy[],
    theirs: readonly Copy[] | undefined,
    peerId: number,
    end: bigint,
  ): Promise<bigint> {
    const known = new Map(theirs ? own.map(({ sequenceId, envelope }) => [sequenceId, envelope]) : []);
    for (const [i, { sequenceId, envelope }] of (theirs ?? own).entries()) {
      if (i % ENVELOPES_PER_TURN === 0) await setImmediate();
      const other = known.get(sequenceId);
      if (other && areSame(other, envelope)) continue;
      // Two of one answer convict as well as one of each log.
      known.set(sequenceId, other ?? envelope);
      const isKept = await this.#judge(other ? [other, envelope] : [envelope], peerId).catch((error: unknown) => {
        // What was asked about is forgotten with the round, so the next one must not ask about it again.
        if (error instanceof TooManyKeys) return false;
        throw error;
      });
      if (!isKept) return sequenceId - 1n < end ? sequenceId - 1n : end;
    }
    return end;
  }

  /** Keeps the envelopes if they convict somebody. False when there is no room for more evidence. Rejects as keys do. */
  async #judge(envelopes: Exhibits, peerId: number): Promise<boolean> {
    const { nodeId: ownId, store, randomSalt, clock, log } = this.#options;
    const found = faultIn(envelopes);
    if (!found) return true;
    const { fault, nodeId, sequenceId, signers, walked } = found;
    if (await store.has({ nodeId, sequenceId })) return true;
    if (!(await this.#areKeysOf(nodeId, signers))) {
      this.#noteForged(nodeId, peerId);
      return true;
    }
    const evidence = { fault, nodeId, sequenceId, peer: peerId };
    if (walked > MOST_WALKED || envelopes.some(({ length }) => length > MOST_EVIDENCE_BYTES)) {
      log.error(evidence, "a node signed what convicts it, in an envelope too large for the chain");
      return true;
    }
    if ((await store.openCount(nodeId)) >= MOST_PENDING) return false;
    const isOwn = nodeId === ownId;
    await store.add({
      ...{ fault, nodeId, sequenceId, envelopes: [...envelopes], salt: randomSalt(), commitments: 0, pieces: [] },
      ...(isOwn ? { state: "givenUp", reason: "it is this node's own" } : { state: "found" }),
      ...{ foundAt: clock.now(), changedAt: clock.now() },
    });
    if (isOwn)
      log.error(evidence, "THIS NODE signed what convicts it: stop it and read docs/operators-trouble.md, 'Accused'");
    else log.warn(evidence, "a node signed what convicts it; the evidence is kept");
    return true;
  }

  async #areKeysOf(nodeId: number, signers: readonly (Address | undefined)[]): Promise<boolean> {
    for (const signer of signers) {
      if (!signer || !(await this.#options.keys.isKeyOf(nodeId, signer))) return false;
    }
    return true;
  }

  #noteForged(nodeId: number, peer: number): void {
    this.#forged++;
    // Who serves only forgeries must not fill the disk with lines.
    if ((this.#forged & (this.#forged - 1)) !== 0) return;
    this.#options.log.debug({ nodeId, peer, forged: this.#forged }, "a copy differs, and the node did not sign both");
  }
}

/** What of an answer is the originator's and after the cursor, ascending; the rest is as if it was not sent. */
function copiesOf(originatorId: number, after: bigint, answer: readonly Uint8Array[]): Copy[] {
  const copies: Copy[] = [];
  for (const envelope of answer) {
    const signed = readSignedAsGo(envelope);
    const reading = signed && readAsGo(signed.unsigned);
    if (!reading || reading.originatorNodeId !== originatorId || reading.sequenceId <= after) continue;
    copies.push({ sequenceId: reading.sequenceId, envelope });
  }
  return copies.sort((a, b) => (a.sequenceId < b.sequenceId ? -1 : a.sequenceId > b.sequenceId ? 1 : 0));
}

function areSame(a: Uint8Array, b: Uint8Array): boolean {
  if (equalBytes(a, b)) return true;
  const [one, other] = [readSignedAsGo(a), readSignedAsGo(b)];
  return one !== undefined && other !== undefined && equalBytes(one.unsigned, other.unsigned);
}
