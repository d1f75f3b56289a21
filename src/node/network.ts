import type { Clock } from "../platform/clock.ts";
import type { Log } from "../platform/log.ts";
import type { Address } from "../protocol/bytes.ts";
import { describe, unavailable } from "./errors.ts";
import type { NetworkTerms, NodeChain, RegisteredNode } from "./ports.ts";

/** A lying peer must not make this node ask the chain all the time: so many questions about one node's keys at most. */
const MOST_QUESTIONS = 20;
const QUESTIONS_PER_MS = 10_000;
/** A key that is none today may be one after a rotation. */
const FORGET_STRANGER_MS = 60_000;
const MOST_KEYS = 10_000;
/** Clocks of node and chain differ, and a rotation takes a while to be seen. */
const RETIRED_GRACE_NS = 120_000_000_000n;
const END_OF_TIME = 2n ** 64n;

/** The network as the chain last told it: who serves, and what a message costs. */
export class NetworkView {
  readonly #chain: NodeChain;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #listeners = new Set<() => void>();
  #nodes: readonly RegisteredNode[] | undefined;
  #terms: NetworkTerms | undefined;
  #refreshing: Promise<boolean> | undefined;
  /** Keys that nodes had before, as `id:signer`, and when they were retired, in nanoseconds. */
  readonly #pastKeys = new Map<string, bigint>();
  /** Keys that were none of the node's, and when. */
  readonly #strangers = new Map<string, number>();
  readonly #questions = new Map<number, { since: number; count: number }>();

  constructor(chain: NodeChain, clock: Clock, log: Log) {
    this.#chain = chain;
    this.#clock = clock;
    this.#log = log;
  }

  get nodes(): readonly RegisteredNode[] {
    return this.#nodes ?? [];
  }

  node(id: number): RegisteredNode | undefined {
    return this.nodes.find((node) => node.id === id);
  }

  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /** Reads registry and rates again; keeps what it knew when that fails, and says so with false. */
  refresh(): Promise<boolean> {
    this.#refreshing ??= this.#read().finally(() => (this.#refreshing = undefined));
    return this.#refreshing;
  }

  /**
   * Whether a signing key is a node's, or was at that time: what it signed before a rotation stays in its log, and what
   * somebody signs with it later does not get there. Who dates it back is not told apart.
   * Throws when the chain cannot be asked, or was asked too often: nothing is known then, and the envelope must not be
   * passed over.
   */
  async isKey(nodeId: number, signer: Address, originatorNs: bigint): Promise<boolean> {
    if (this.node(nodeId)?.signer === signer) return true;
    const key = `${nodeId}:${signer}`;
    const retiredNs = this.#pastKeys.get(key) ?? (await this.#retirement(nodeId, signer, key));
    return retiredNs !== undefined && originatorNs <= retiredNs + RETIRED_GRACE_NS;
  }

  /** When the key stopped to be the node's; undefined when it never was one. */
  async #retirement(nodeId: number, signer: Address, key: string): Promise<bigint | undefined> {
    const now = this.#clock.now();
    const strangeSince = this.#strangers.get(key);
    if (strangeSince !== undefined && now - strangeSince < FORGET_STRANGER_MS) return undefined;
    this.#countQuestion(nodeId, now);
    const known = await this.#chain.nodeKey(nodeId, signer);
    if (this.#pastKeys.size + this.#strangers.size >= MOST_KEYS) {
      this.#pastKeys.clear();
      this.#strangers.clear();
    }
    if (!known) {
      this.#strangers.set(key, now);
      return undefined;
    }
    if (known.retiredAt === undefined) {
      // In use on chain, and not yet in the registry as it was read: read again, or every envelope would ask.
      await this.refresh();
      return END_OF_TIME;
    }
    const retiredNs = known.retiredAt * 1_000_000_000n;
    this.#pastKeys.set(key, retiredNs);
    return retiredNs;
  }

  #countQuestion(nodeId: number, now: number): void {
    const asked = this.#questions.get(nodeId);
    if (!asked || now - asked.since >= QUESTIONS_PER_MS) this.#questions.set(nodeId, { since: now, count: 1 });
    else if (asked.count >= MOST_QUESTIONS)
      throw new Error(`the chain was asked too often about keys of node ${nodeId}`);
    else asked.count++;
  }

  /** Throws Unavailable while this node must not originate: its envelopes would reach nobody, or have no price. */
  termsFor(nodeId: number, signer: Address): NetworkTerms {
    if (!this.#nodes || !this.#terms || this.#terms.rates.length === 0)
      throw unavailable("this node could not read registry and rates yet: try another");
    const own = this.node(nodeId);
    if (!own) throw unavailable(`node ${nodeId} is not in the registry: try another`);
    if (own.signer !== signer) {
      throw unavailable(`node ${nodeId} runs with key ${signer}, the registry has ${own.signer}: try another`);
    }
    return this.#terms;
  }

  async #read(): Promise<boolean> {
    try {
      [this.#nodes, this.#terms] = await Promise.all([this.#chain.registeredNodes(), this.#chain.terms()]);
    } catch (error) {
      this.#log.warn({ error: describe(error) }, "registry and rates could not be read");
      return false;
    }
    for (const listener of this.#listeners) listener();
    return true;
  }
}
