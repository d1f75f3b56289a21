import type { OriginatorEnvelope } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";

import { readOriginatorEnvelope } from "../../protocol/envelope.ts";
import type { KeyRing } from "../keyRing.ts";
import type { Answer, Candidate } from "./answers.ts";
import { findAnswer } from "./answers.ts";
import type { Upstream } from "./ports.ts";

const PAGE = 100;
const QUERY_MS = 10_000;
/** A stranger may repeat what stands deep in a long conversation: that must not cost more than this. */
const MOST_PAGES = 20;
const AT_ONCE = 4;
const WAITING = 64;

export interface LookupOptions {
  nodeId: number;
  keys: KeyRing;
  upstream: Pick<Upstream, "query">;
}

export class LookupBusyError extends Error {
  override readonly name = "LookupBusyError";
}

/** Finds envelopes in what the node serves. */
export class Lookup {
  readonly #options: LookupOptions;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(options: LookupOptions) {
    this.#options = options;
  }

  /** What stands at one place of the node's own log, when it holds the candidate. */
  async at(candidate: Candidate, sequenceId: bigint): Promise<Answer | undefined> {
    const { nodeId } = this.#options;
    const lastSeen = new Map([[nodeId, sequenceId - 1n]]);
    return this.#find(candidate, await this.#query({ originatorIds: [nodeId], lastSeen, limit: 1 }));
  }

  /**
   * Looks through the candidate's topic, in the part that the node originated after a place. Undefined when it is not
   * there, or too far back to be found.
   */
  async inTopic(candidate: Candidate, after: bigint): Promise<Answer | undefined> {
    await this.#turn();
    try {
      const topics = [candidate.read.client.topicBytes];
      const lastSeen = new Map([[this.#options.nodeId, after]]);
      for (let page = 0; page < MOST_PAGES; page++) {
        const envelopes = await this.#query({ topics, lastSeen, limit: PAGE });
        const found = await this.#find(candidate, envelopes);
        if (found || !moveOn(lastSeen, envelopes)) return found;
      }
      return undefined;
    } finally {
      this.#running--;
      this.#waiting.shift()?.();
    }
  }

  #find(candidate: Candidate, envelopes: readonly OriginatorEnvelope[]): Promise<Answer | undefined> {
    return findAnswer(envelopes, candidate, this.#options);
  }

  #query(query: Parameters<Upstream["query"]>[0]): Promise<OriginatorEnvelope[]> {
    return this.#options.upstream.query(query, AbortSignal.timeout(QUERY_MS));
  }

  async #turn(): Promise<void> {
    if (this.#running >= AT_ONCE) {
      if (this.#waiting.length >= WAITING) throw new LookupBusyError("too many repeats are looked up at once");
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#running++;
  }
}

/** False when a page was the last one. */
function moveOn(lastSeen: Map<number, bigint>, envelopes: readonly OriginatorEnvelope[]): boolean {
  let moved = false;
  for (const envelope of envelopes) {
    const { originatorId, sequenceId } = readOriginatorEnvelope(envelope);
    if (sequenceId <= (lastSeen.get(originatorId) ?? 0n)) continue;
    lastSeen.set(originatorId, sequenceId);
    moved = true;
  }
  return moved;
}
