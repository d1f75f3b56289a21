import type { Clock } from "../../platform/clock.ts";
import { withTimeout } from "../async.ts";
import type { ChainHead, GatewayChain } from "../ports.ts";

/** Keeps the newest block that the chain's endpoint showed: one that stands still answers everything else as ever. */
export class HeadWatch {
  readonly #chain: Pick<GatewayChain, "head">;
  readonly #clock: Clock;
  readonly #chainTimeoutMs: number;
  #head: ChainHead | undefined;

  constructor(chain: Pick<GatewayChain, "head">, clock: Clock, chainTimeoutMs: number) {
    this.#chain = chain;
    this.#clock = clock;
    this.#chainTimeoutMs = chainTimeoutMs;
  }

  /** Undefined before it was read once. */
  get head(): ChainHead | undefined {
    return this.#head;
  }

  async refresh(signal: AbortSignal): Promise<void> {
    this.#head = await withTimeout(this.#clock, this.#chainTimeoutMs, signal, "reading the chain's head", (own) =>
      this.#chain.head(own),
    );
  }
}
