import type { Address } from "../protocol/bytes.ts";
import type { Clock } from "../platform/clock.ts";
import type { Log } from "../platform/log.ts";
import type { Ledger } from "./ledger.ts";
import type { ChannelOnChain, DaemonChain, LedgerStore, RegisteredNode } from "./ports.ts";
import type { RateBook } from "./rateBook.ts";

/** Blocks per question about logs. */
const LOG_RANGE = 2_000n;
const CHANNELS_PER_CALL = 200;
/** The chain is trusted this long after a read; then doubt grows to 1 over the following span. */
const TRUST_MS = 60_000;
const DOUBT_MS = 240_000;

export interface WatchOptions {
  chain: DaemonChain;
  ledger: Ledger;
  store: LedgerStore;
  rateBook: RateBook;
  clock: Clock;
  log: Log;
  /** The first block that can have an event of ours. */
  deploymentBlock: bigint;
}

/**
 * Follows the channels on chain. Deposits count from the safe head, because a payer could take one back in a reorg;
 * withdrawals, and what others settled, count from the latest, because waiting would lend money that is leaving.
 */
export class Watch {
  readonly #options: WatchOptions;
  #lastReadAt: number | undefined;
  #nodes: RegisteredNode[] = [];
  /** Touched above the safe head: read again until they are below it. */
  #unsafe = new Map<Address, bigint>();
  #readTo: bigint | undefined;

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  get nodes(): readonly RegisteredNode[] {
    return this.#nodes;
  }

  /** 0 right after a read of the chain, 1 when it could not be read for five minutes or never. */
  doubt(): number {
    if (this.#lastReadAt === undefined) return 1;
    const silentMs = this.#options.clock.now() - this.#lastReadAt - TRUST_MS;
    return Math.min(1, Math.max(0, silentMs / DOUBT_MS));
  }

  /** Reads what is new on chain into the ledger. Rejects when the chain cannot be read; nothing is half done then. */
  async poll(): Promise<void> {
    const { chain, store, rateBook, clock, deploymentBlock } = this.#options;
    const [heads, rates, retentionDays, nodes] = await Promise.all([
      chain.heads(),
      chain.rates(),
      chain.retentionDays(),
      chain.nodes(),
    ]);
    rateBook.update(rates, retentionDays);
    this.#nodes = nodes;
    this.#readTo ??= (await store.chainCursor()) ?? deploymentBlock - 1n;
    for (let from = this.#readTo + 1n; from <= heads.latest; from = this.#readTo + 1n) {
      const to = from + LOG_RANGE - 1n < heads.latest ? from + LOG_RANGE - 1n : heads.latest;
      for (const channel of await chain.touchedChannels(from, to)) this.#unsafe.set(channel, to);
      await this.#refresh(heads.safe, to);
    }
    if (this.#unsafe.size > 0) await this.#refresh(heads.safe, this.#readTo);
    this.#lastReadAt = clock.now();
  }

  async #refresh(safe: bigint, readTo: bigint): Promise<void> {
    const { chain, ledger } = this.#options;
    const channels = [...this.#unsafe.keys()];
    const states = new Map<Address, ChannelOnChain>();
    for (let i = 0; i < channels.length; i += CHANNELS_PER_CALL) {
      const some = channels.slice(i, i + CHANNELS_PER_CALL);
      const [latest, settled] = await Promise.all([chain.channels(some), chain.channels(some, safe)]);
      for (const [j, channel] of some.entries()) states.set(channel, cautious(latest[j]!, settled[j]!));
    }
    // A cursor above the safe head would forget, over a restart, what still has to be read again.
    await ledger.recordChain(states, readTo < safe ? readTo : safe);
    this.#readTo = readTo;
    for (const [channel, block] of this.#unsafe) if (block <= safe) this.#unsafe.delete(channel);
  }
}

/** The smaller deposit of both heads, and everything else as it is at the latest. */
function cautious(latest: ChannelOnChain, safe: ChannelOnChain): ChannelOnChain {
  return { ...latest, deposited: latest.deposited < safe.deposited ? latest.deposited : safe.deposited };
}
