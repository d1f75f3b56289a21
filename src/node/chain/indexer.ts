import { setImmediate } from "node:timers/promises";

import type { Clock } from "../../platform/clock.ts";
import type { Log } from "../../platform/log.ts";
import { toHex } from "../../protocol/bytes.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import { describe } from "../errors.ts";
import { pause } from "../pause.ts";
import type { ChainBlock, ChainEvent, NodeChain } from "../ports.ts";
import type { NodeStore } from "../store/store.ts";
import type { NewEnvelope } from "../store/writer.ts";
import { ORIGINATOR_OF, envelopeOf, readEvent } from "./events.ts";
import { linkChanges } from "./links.ts";
import type { LinkChanges } from "./links.ts";

const MAX_BACKOFF_MS = 30_000;

export interface ChainIndexerPorts {
  chain: NodeChain;
  store: NodeStore;
  clock: Clock;
  log: Log;
  pollMs: number;
  /** Blocks that have to lie on top before a block is indexed: 0 on an L2, 3 on L1. */
  confirmations: number;
  /** Blocks read in one step. */
  blocksPerStep: number;
}

interface Accepted {
  envelope: NewEnvelope;
  links?: LinkChanges;
}

/**
 * Follows the head and serves identity updates and commits as originators 1 and 0, undoing what a reorganisation takes.
 * What the contracts sequenced is served as it is: they verified it, and a second verifier here could only differ.
 */
export class ChainIndexer {
  readonly #ports: ChainIndexerPorts;

  constructor(ports: ChainIndexerPorts) {
    this.#ports = ports;
  }

  /** Runs until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log, pollMs } = this.#ports;
    for (let failures = 0; !signal.aborted;) {
      try {
        const more = await this.step(signal);
        failures = 0;
        if (more) continue;
      } catch (error) {
        if (signal.aborted) return;
        failures++;
        log.warn({ error: describe(error), failures }, "the chain could not be indexed, trying again");
      }
      const wait = failures === 0 ? pollMs : Math.min(MAX_BACKOFF_MS, pollMs * 2 ** Math.min(failures, 20));
      await pause(clock, wait, signal);
    }
  }

  /** Indexes the next range of blocks; true when there is more to do at once. */
  async step(signal?: AbortSignal): Promise<boolean> {
    const { chain, store, log, confirmations, blocksPerStep } = this.#ports;
    const head = await chain.latestBlock();
    const cursor = store.chain.cursor();
    if (cursor && head.number === cursor.number && head.hash === cursor.hash) return false;
    if (cursor && (await this.#undoReorganisation(cursor, head))) return true;
    const first = cursor ? cursor.number + 1 : chain.deploymentBlock;
    const safe = head.number - confirmations;
    if (safe < first) return false;
    const last = await chain.block(Math.min(safe, first + blocksPerStep - 1));
    if (!last) return false;
    const events = await chain.events(first, last.number);
    // The chain may have changed its mind while it was read: both ends still have to be what they were.
    if (!(await this.#holds(last)) || (cursor && !(await this.#holds(cursor)))) return true;
    const accepted = await this.#read(events, signal);
    if (signal?.aborted) return false;
    store.write((writer) => {
      for (const { envelope, links } of accepted) {
        writer.append(envelope);
        for (const link of links?.removed ?? []) store.chain.revoke(link, envelope.blockNumber!);
        for (const link of links?.added ?? []) store.chain.link(link, envelope.sequenceId, envelope.blockNumber!);
      }
      store.chain.advance(last);
    });
    if (accepted.length > 0) log.debug({ first, last: last.number, envelopes: accepted.length }, "blocks were indexed");
    return last.number < safe;
  }

  async #holds({ number, hash }: ChainBlock): Promise<boolean> {
    return (await this.#ports.chain.block(number))?.hash === hash;
  }

  /** Goes back to the newest journaled block that the chain still has. False when nothing has to be undone. */
  async #undoReorganisation(cursor: ChainBlock, head: ChainBlock): Promise<boolean> {
    const { chain, store, log } = this.#ports;
    // A node behind a load balancer may lag: blocks that it does not have yet are no proof of another chain.
    const comparable = store.chain.journal().filter(({ number }) => number <= head.number);
    if (comparable.length === 0) return false;
    let common: ChainBlock | undefined;
    for (const entry of comparable) {
      if (!(await this.#holds(entry))) continue;
      common = entry;
      break;
    }
    if (common === comparable[0]) return false;
    const number = common?.number ?? chain.deploymentBlock - 1;
    log.warn({ from: cursor.number, to: number }, "the chain was reorganised, going back");
    store.write(() => store.chain.rollBack(number));
    return true;
  }

  async #read(events: readonly ChainEvent[], signal: AbortSignal | undefined): Promise<Accepted[]> {
    const { store, log } = this.#ports;
    const last = { identity: 0n, commit: 0n };
    for (const kind of ["identity", "commit"] as const) last[kind] = store.reader.last(ORIGINATOR_OF[kind]).sequenceId;
    const accepted: Accepted[] = [];
    for (const event of events) {
      if (signal?.aborted) return [];
      // There may be thousands: others get their turn between two.
      await setImmediate();
      const { kind, sequenceId, transactionHash } = event;
      try {
        if (sequenceId <= last[kind]) throw new ProtocolError("malformed_envelope", "the sequence id was there before");
        accepted.push(this.#readOne(event));
        last[kind] = sequenceId;
      } catch (error) {
        log.warn({ kind, sequenceId, transactionHash, error: describe(error) }, "an event is malformed and not served");
      }
    }
    return accepted;
  }

  #readOne(event: ChainEvent): Accepted {
    const read = readEvent(event);
    const envelope = envelopeOf(event, read, this.#ports.clock.now());
    const { payload } = read.envelope;
    if (payload.case !== "identityUpdate") return { envelope };
    return { envelope, links: linkChanges(toHex(read.topic.identifier).slice(2), payload.value) };
  }
}
