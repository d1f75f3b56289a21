import type { Clock } from "../platform/clock.ts";
import type { Log } from "../platform/log.ts";
import { Serial } from "../platform/serial.ts";
import { Follower } from "./follow/follower.ts";
import type { Ledger } from "./ledger.ts";
import type { DaemonChain, FinalizedBlock, LedgerStore, RegisteredNode } from "./ports.ts";
import type { RateBook } from "./rateBook.ts";

/** The chain is trusted this long after a read; then doubt grows to 1 over the following span. */
const TRUST_MS = 60_000;
const DOUBT_MS = 240_000;
const WARN_EVERY_MS = 3_600_000;

export interface WatchOptions {
  chain: DaemonChain;
  ledger: Ledger;
  store: LedgerStore;
  rateBook: RateBook;
  clock: Clock;
  log: Log;
  /** The first block that can have an event of ours. */
  deploymentBlock: bigint;
  /** Without a new block for so long, an endpoint stands still. */
  staleHeadMs: number;
  /** How often rates, retention and the registry are read. */
  termsEveryMs: number;
  /** How often every channel is compared with the chain. */
  reconcileEveryMs: number;
}

/**
 * Follows the chain. Deposits count from the safe head, because a payer could take one back in a reorg; withdrawals, and
 * what others settled, count from the latest, because waiting would lend money that is leaving.
 */
export class Watch {
  readonly #options: WatchOptions;
  readonly #follower: Follower;
  /** Two polls at once would each forget what the other has seen. */
  readonly #serial = new Serial();
  #trustedAt: number | undefined;
  #termsAt: number | undefined;
  #warnedAt: number | undefined;
  #nodes: RegisteredNode[] = [];

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#follower = new Follower({ ...options, endpoints: options.chain.endpoints });
  }

  get nodes(): readonly RegisteredNode[] {
    return this.#nodes;
  }

  /** 0 right after a read of a head that lives, 1 when there was none for five minutes or ever, or finality broke. */
  doubt(): number {
    if (this.#trustedAt === undefined || this.#follower.broken) return 1;
    const silentMs = this.#options.clock.elapsed() - this.#trustedAt - TRUST_MS;
    return Math.min(1, Math.max(0, silentMs / DOUBT_MS));
  }

  /** Reads what is new on chain into the ledger. Rejects when the chain cannot be read; nothing is half done then. */
  poll(): Promise<void> {
    return this.#serial.run(async () => {
      await this.#readTerms();
      if (await this.#follower.poll()) this.#trustedAt = this.#options.clock.elapsed();
      this.#warnOfClock();
    });
  }

  /** See Follower; rates and registry are read again with the next look. */
  acceptReorg(block: FinalizedBlock, rollBack: (block: bigint) => Promise<void>): Promise<void> {
    return this.#serial.run(async () => {
      await this.#follower.accept(block, rollBack);
      this.#termsAt = undefined;
      this.#trustedAt = undefined;
    });
  }

  /** Nothing here depends on it, but the node's envelopes carry this machine's time. */
  #warnOfClock(): void {
    const { clock, log } = this.#options;
    const seconds = this.#follower.clockOffSeconds;
    if (seconds === 0 || (this.#warnedAt !== undefined && clock.elapsed() - this.#warnedAt < WARN_EVERY_MS)) return;
    this.#warnedAt = clock.elapsed();
    const problem = `this machine's clock is ${Math.abs(seconds)} s ${seconds > 0 ? "ahead of" : "behind"} the chain's`;
    log.warn({ problem }, "set this machine's clock: the node's messages are dated and priced by it");
  }

  /** See Follower. */
  get clockOffSeconds(): number {
    return this.#follower.clockOffSeconds;
  }

  /** For the operator. */
  status() {
    return this.#follower.status();
  }

  /** Rates are announced a day ahead and seats change with epochs: they are not worth a call with every block. */
  async #readTerms(): Promise<void> {
    const { chain, rateBook, clock, termsEveryMs } = this.#options;
    if (this.#termsAt !== undefined && clock.elapsed() - this.#termsAt < termsEveryMs) return;
    const [rates, retentionDays, nodes] = await Promise.all([chain.rates(), chain.retentionDays(), chain.nodes()]);
    rateBook.update(rates, retentionDays);
    this.#nodes = nodes;
    this.#termsAt = clock.elapsed();
  }
}
