import type { Clock } from "../platform/clock.ts";
import type { Log } from "../platform/log.ts";
import type { Address } from "../protocol/bytes.ts";
import { describe, unavailable } from "./errors.ts";
import type { NetworkTerms, NodeChain, RegisteredNode } from "./ports.ts";

/** A lying peer must not make this node ask the chain all the time. */
const SOONEST_MS = 5_000;

/** The network as the chain last told it: who serves, and what a message costs. */
export class NetworkView {
  readonly #chain: NodeChain;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #listeners = new Set<() => void>();
  #nodes: readonly RegisteredNode[] | undefined;
  #terms: NetworkTerms | undefined;
  #refreshing: Promise<boolean> | undefined;
  #readAt: number | undefined;

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

  /** Like refresh, but false at once when the last one is too short ago. */
  async refreshSoon(): Promise<boolean> {
    if (this.#readAt !== undefined && this.#clock.now() - this.#readAt < SOONEST_MS) return false;
    return this.refresh();
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
    this.#readAt = this.#clock.now();
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
