import type { Clock } from "../../platform/clock.ts";
import type { Log } from "../../platform/log.ts";
import type { Hex } from "../../protocol/bytes.ts";
import { toHex } from "../../protocol/bytes.ts";
import type { EnvelopeLog, RegisteredNode } from "../ports.ts";
import { Comparer } from "./compare.ts";
import { KeyBook } from "./keyBook.ts";
import type { EvidenceKey, EvidenceStore, FaultChain, PeerLogs } from "./ports.ts";
import { Reporter } from "./report.ts";

/** Pieces of evidence that a status shows. */
const SHOWN = 50;

export interface FaultWatchOptions {
  nodeId: number;
  envelopeLog: EnvelopeLog;
  store: EvidenceStore;
  peers: PeerLogs;
  chain: FaultChain;
  /** False keeps evidence and sends nothing. */
  report: boolean;
  randomSalt: () => Hex;
  clock: Clock;
  log: Log;
}

/** Finds, keeps and reports what nodes must not have signed, and tells the operator when it is the own node. */
export class FaultWatch {
  readonly #options: FaultWatchOptions;
  readonly #comparer: Comparer;
  readonly #reporter: Reporter;
  #isFrozen: boolean | undefined;

  constructor(options: FaultWatchOptions) {
    this.#options = options;
    this.#comparer = new Comparer({ ...options, keys: new KeyBook(options.chain, options.clock) });
    this.#reporter = new Reporter(options);
  }

  /** Compares logs with one peer. */
  compare(nodes: readonly RegisteredNode[], signal: AbortSignal): Promise<void> {
    return this.#comparer.round(nodes, signal);
  }

  /** Brings evidence further on chain. */
  async report(): Promise<void> {
    await this.#lookAfterOwn();
    if (this.#options.report) await this.#reporter.step();
  }

  async #lookAfterOwn(): Promise<void> {
    const { chain, nodeId, log } = this.#options;
    const isFrozen = await chain.isFrozen(nodeId);
    if (isFrozen && !this.#isFrozen) {
      log.error({ nodeId }, "THIS NODE is accused, its stake is frozen: read docs/operators-trouble.md, 'Accused'");
    }
    if (!isFrozen && this.#isFrozen) log.warn({ nodeId }, "this node's stake is free again");
    this.#isFrozen = isFrozen;
  }

  /** The envelopes themselves, for an appeal or another reporter. The salt stays here. */
  async evidence(key: EvidenceKey): Promise<object | undefined> {
    const found = await this.#options.store.get(key);
    return found && { ...found, salt: undefined, envelopes: found.envelopes.map(toHex) };
  }

  async status() {
    const { store, report } = this.#options;
    const evidence = await store.latest(SHOWN);
    return {
      report,
      accused: this.#isFrozen ?? null,
      evidence: evidence.map(({ state, reason, fault, nodeId, sequenceId, caseId, executableAt, foundAt }) => ({
        ...{ state, reason, fault, nodeId, sequenceId, caseId, executableAt, foundAt },
      })),
    };
  }
}
