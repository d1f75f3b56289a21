import type { Clock } from "../../platform/clock.ts";
import type { Log } from "../../platform/log.ts";
import { Serial } from "../../platform/serial.ts";
import { fencedError } from "./errors.ts";
import type { Leadership } from "./ports.ts";
import { StaleTermError } from "./ports.ts";

export interface TermOptions {
  leadership: Leadership;
  /** Names this process. */
  holder: string;
  /** A leader that does not renew for so long loses its place. */
  leaseMs: number;
  clock: Clock;
  log: Log;
}

/** This process' right to write to the chain. */
export class Term {
  readonly #options: TermOptions;
  /** Two lanes that ask at once are one process: asked twice, a store may answer the second that the first one leads. */
  readonly #serial = new Serial();
  #term: bigint | undefined;
  #renewedAt = -Infinity;
  /** What told that another process leads; undefined again once this one has a later term. */
  #fencedBy: StaleTermError | undefined;

  constructor(options: TermOptions) {
    this.#options = options;
  }

  get isFenced(): boolean {
    return this.#fencedBy !== undefined;
  }

  /**
   * The term while this process leads, renewed when a third of the lease is over. Who was fenced leads again only with a
   * later term than the one it lost; what is remembered of an earlier term says nothing in it.
   */
  hold(): Promise<bigint | undefined> {
    return this.#serial.run(() => this.#hold());
  }

  async #hold(): Promise<bigint | undefined> {
    const { leadership, holder, leaseMs, clock, log } = this.#options;
    const asked = clock.now();
    if (this.#term !== undefined && asked - this.#renewedAt < leaseMs / 3) return this.#term;
    const term = await leadership.hold(holder, leaseMs);
    if (this.#fencedBy) {
      if (term === undefined || term <= this.#fencedBy.term) return undefined;
      log.warn({ holder, term, lost: this.#fencedBy.term }, "leads again: the other process' term has ended");
      this.#fencedBy = undefined;
    }
    this.#term = term;
    this.#renewedAt = asked;
    return term;
  }

  requireUnfenced(): void {
    if (this.#fencedBy) throw fencedError(this.#fencedBy);
  }

  /** For every error of a store: when the term that is over is this process' own, it writes no more in it. */
  note(error: unknown): void {
    if (!(error instanceof StaleTermError) || this.#fencedBy) return;
    // What began in an earlier term ends late; the newer one is not touched by it.
    if (this.#term !== undefined && error.term < this.#term) return;
    this.#fencedBy = error;
    this.#term = undefined;
    this.#options.log.error(
      { holder: this.#options.holder },
      "another process leads: no more transactions from this one",
    );
  }

  async release(): Promise<void> {
    if (this.#fencedBy || this.#term === undefined) return;
    this.#term = undefined;
    await this.#options.leadership.release(this.#options.holder);
  }
}
