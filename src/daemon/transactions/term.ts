import type { Clock } from "../../platform/clock.ts";
import type { Log } from "../../platform/log.ts";
import { Serial } from "../../platform/serial.ts";
import { SendError } from "./errors.ts";
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
  #fencedBy: StaleTermError | undefined;

  constructor(options: TermOptions) {
    this.#options = options;
  }

  get isFenced(): boolean {
    return this.#fencedBy !== undefined;
  }

  /** The term while this process leads, renewed when a third of the lease is over. Throws once it was fenced. */
  hold(): Promise<bigint | undefined> {
    return this.#serial.run(() => this.#hold());
  }

  async #hold(): Promise<bigint | undefined> {
    this.requireUnfenced();
    const { leadership, holder, leaseMs, clock } = this.#options;
    const asked = clock.now();
    if (this.#term !== undefined && asked - this.#renewedAt < leaseMs / 3) return this.#term;
    this.#term = await leadership.hold(holder, leaseMs);
    this.#renewedAt = asked;
    return this.#term;
  }

  requireUnfenced(): void {
    if (!this.#fencedBy) return;
    const message = "another process leads now: this one writes no more to the chain until it is started again";
    throw new SendError("fenced", message, { cause: this.#fencedBy });
  }

  /** For every error of a store: a stale term ends this process' writing for good. */
  note(error: unknown): void {
    if (!(error instanceof StaleTermError) || this.#fencedBy) return;
    this.#fencedBy = error;
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
