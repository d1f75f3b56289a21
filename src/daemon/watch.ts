import type { Address } from "../protocol/bytes.ts";
import type { Clock } from "../platform/clock.ts";
import { Serial } from "../platform/serial.ts";
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
  /** The first block that can have an event of ours. */
  deploymentBlock: bigint;
  /** A newest block older than this is an endpoint that stands still, not a chain that does. */
  staleHeadMs: number;
  /** How often rates, retention and the registry are read. */
  termsEveryMs: number;
}

/**
 * Follows the channels on chain. Deposits count from the safe head, because a payer could take one back in a reorg;
 * withdrawals, and what others settled, count from the latest, because waiting would lend money that is leaving.
 */
export class Watch {
  readonly #options: WatchOptions;
  /** Two polls at once would each forget what the other has seen. */
  readonly #serial = new Serial();
  #trustedAt: number | undefined;
  #termsAt: number | undefined;
  #nodes: RegisteredNode[] = [];
  /** Touched above the safe head, with the block: read again until they are below it, also when a reorg drops the event. */
  #unsafe = new Map<Address, bigint>();

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  get nodes(): readonly RegisteredNode[] {
    return this.#nodes;
  }

  /** 0 right after a read of a fresh head, 1 when there was none for five minutes or ever. */
  doubt(): number {
    if (this.#trustedAt === undefined) return 1;
    const silentMs = this.#options.clock.now() - this.#trustedAt - TRUST_MS;
    return Math.min(1, Math.max(0, silentMs / DOUBT_MS));
  }

  /** Reads what is new on chain into the ledger. Rejects when the chain cannot be read; nothing is half done then. */
  poll(): Promise<void> {
    return this.#serial.run(() => this.#poll());
  }

  async #poll(): Promise<void> {
    const { chain, store, clock, deploymentBlock, staleHeadMs } = this.#options;
    const heads = await chain.heads();
    await this.#readTerms();
    // Everything above the safe head is read again each time: it may have changed, or an endpoint may have lagged.
    let readTo = (await store.chainCursor()) ?? deploymentBlock - 1n;
    const touched = new Map(this.#unsafe);
    do {
      const to = readTo + LOG_RANGE < heads.latest ? readTo + LOG_RANGE : heads.latest;
      if (readTo < to) {
        for (const channel of await chain.touchedChannels(readTo + 1n, to)) touched.set(channel, to);
      }
      readTo = to;
      await this.#refresh(touched, heads.safe, readTo < heads.safe ? readTo : heads.safe);
    } while (readTo < heads.latest);
    if (clock.now() - Number(heads.timestamp) * 1_000 <= staleHeadMs) this.#trustedAt = clock.now();
  }

  /** Rates are announced a day ahead and seats change with epochs: they are not worth a call with every block. */
  async #readTerms(): Promise<void> {
    const { chain, rateBook, clock, termsEveryMs } = this.#options;
    if (this.#termsAt !== undefined && clock.now() - this.#termsAt < termsEveryMs) return;
    const [rates, retentionDays, nodes] = await Promise.all([chain.rates(), chain.retentionDays(), chain.nodes()]);
    rateBook.update(rates, retentionDays);
    this.#nodes = nodes;
    this.#termsAt = clock.now();
  }

  /** Brings the touched channels up to date and keeps, for the next poll, those that may still change. */
  async #refresh(touched: Map<Address, bigint>, safe: bigint, cursor: bigint): Promise<void> {
    const { chain, ledger } = this.#options;
    const channels = [...touched.keys()];
    const states = new Map<Address, ChannelOnChain>();
    for (let i = 0; i < channels.length; i += CHANNELS_PER_CALL) {
      const some = channels.slice(i, i + CHANNELS_PER_CALL);
      const [latest, settled] = await Promise.all([chain.channels(some), chain.channels(some, safe)]);
      for (const [j, channel] of some.entries()) states.set(channel, cautious(latest[j]!, settled[j]!));
    }
    await ledger.recordChain({ states, readTo: cursor, blocks: [] });
    for (const [channel, block] of touched) if (block <= safe) touched.delete(channel);
    this.#unsafe = new Map(touched);
  }
}

/** The smaller deposit of both heads, and everything else as it is at the latest. */
function cautious(latest: ChannelOnChain, safe: ChannelOnChain): ChannelOnChain {
  return { ...latest, deposited: latest.deposited < safe.deposited ? latest.deposited : safe.deposited };
}
