import type { Clock } from "../../platform/clock.ts";
import type { Log } from "../../platform/log.ts";
import type { Address, Hex } from "../../protocol/bytes.ts";
import type { Ledger } from "../ledger.ts";
import type { Account, ChannelOnChain, FinalizedBlock, JournalBlock, LedgerStore } from "../ports.ts";
import { isSame } from "./caution.ts";
import type { ChannelReader } from "./channelReader.ts";
import { CHANNELS_PER_CALL } from "./channelReader.ts";
import type { LogRanges } from "./logRanges.ts";
import type { Member } from "./panel.ts";
import type { Heads } from "./ports.ts";

export interface ReconcilerOptions {
  ledger: Ledger;
  store: LedgerStore;
  reader: ChannelReader;
  ranges: LogRanges;
  clock: Clock;
  log: Log;
  deploymentBlock: bigint;
  reconcileEveryMs: number;
}

const PAGES_PER_STEP = 5;
/** Blocks below the final one whose events are looked at once more, after a start. */
const LOOK_BACK = 2_000n;

/**
 * Compares every channel with the chain, some pages at a time. A channel that no block of the journal touched has had no
 * event above the final block: what the ledger has of it must be what the chain has there, to the unit. The others are
 * read as the follower reads them. A difference is mended by reading again.
 */
export class Reconciler {
  readonly #options: ReconcilerOptions;
  #startedAt: number | undefined;
  #finishedAt: number | undefined;
  /** The last channel of the round in progress; undefined between rounds. */
  #after: { channel: Address | undefined } | undefined;
  #lookedTo: bigint | undefined;
  /** Some endpoints keep no states as old as the final block; those of the newest are as good for such a channel. */
  #atLatest = false;
  #compared = 0;
  #differences = 0;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
  }

  isDue(): boolean {
    const { clock, reconcileEveryMs } = this.#options;
    return (
      this.#after !== undefined ||
      this.#startedAt === undefined ||
      clock.elapsed() - this.#startedAt >= reconcileEveryMs
    );
  }

  status() {
    const { clock } = this.#options;
    return {
      compared: this.#compared,
      differences: this.#differences,
      finishedSecondsAgo:
        this.#finishedAt === undefined ? undefined : Math.floor((clock.elapsed() - this.#finishedAt) / 1_000),
    };
  }

  /** Goes on with the round that is due. Right after a look with the same heads, so that the ledger is up to them. */
  async step(
    lead: Member,
    heads: Heads,
    { finalized, journal }: { finalized: FinalizedBlock | undefined; journal: readonly JournalBlock[] },
    waiting: Set<Address>,
  ): Promise<void> {
    if (!finalized || !this.isDue()) return;
    if (!this.#after) {
      await this.#lookBack(lead, heads, finalized, waiting);
      this.#startedAt = this.#options.clock.elapsed();
      this.#after = { channel: undefined };
      this.#atLatest = false;
    }
    const open = new Set([...journal.flatMap(({ touched }) => touched), ...waiting]);
    for (let i = 0; i < PAGES_PER_STEP; i++) {
      const page = await this.#options.store.accounts(this.#after.channel, CHANNELS_PER_CALL);
      await this.#comparePage(lead, heads, finalized, page, open, waiting);
      if (page.length < CHANNELS_PER_CALL) {
        this.#after = undefined;
        this.#finishedAt = this.#options.clock.elapsed();
        return;
      }
      this.#after = { channel: page.at(-1)!.channel };
    }
  }

  /** Once more at events that are final: of a channel that nobody knows here, the ledger has nothing to compare. */
  async #lookBack(lead: Member, heads: Heads, { number }: FinalizedBlock, waiting: Set<Address>): Promise<void> {
    const { store, ranges, deploymentBlock } = this.#options;
    let from = this.#lookedTo === undefined ? number - LOOK_BACK + 1n : this.#lookedTo + 1n;
    if (from < deploymentBlock) from = deploymentBlock;
    while (from <= number) {
      const to = ranges.endOf(from, number);
      const { blocks } = await ranges.read(lead.endpoint, from, to);
      const channels = [...new Set(blocks.flatMap(({ touched }) => touched))];
      const unknown: Address[] = [];
      for (let i = 0; i < channels.length; i += CHANNELS_PER_CALL) {
        const some = channels.slice(i, i + CHANNELS_PER_CALL);
        const known = await store.accountsOf(some);
        unknown.push(...some.filter((channel) => !known.has(channel)));
      }
      await this.#mend(lead, heads, unknown, waiting);
      from = to + 1n;
    }
    this.#lookedTo = number;
  }

  async #comparePage(
    lead: Member,
    heads: Heads,
    finalized: FinalizedBlock,
    page: readonly Account[],
    open: ReadonlySet<Address>,
    waiting: Set<Address>,
  ): Promise<void> {
    const quiet = page.filter(({ channel }) => !open.has(channel));
    const states = await this.#quietStates(
      lead,
      heads,
      finalized,
      quiet.map(({ channel }) => channel),
    );
    const wrong = quiet.filter(({ chain }, i) => !isSame(chain, states[i]!)).map(({ channel }) => channel);
    await this.#mend(lead, heads, wrong, waiting);
    const busy = page.filter(({ channel }) => open.has(channel) && !waiting.has(channel));
    const read = await this.#options.reader.read(
      lead,
      heads,
      busy.map(({ channel }) => channel),
    );
    const moved = busy.filter(({ channel, chain }) => !isSame(chain, read.states.get(channel)!));
    await this.#mend(
      lead,
      heads,
      moved.map(({ channel }) => channel),
      waiting,
    );
    this.#compared += quiet.length + busy.length;
  }

  async #quietStates(
    { endpoint }: Member,
    { latest }: Heads,
    finalized: FinalizedBlock,
    channels: Address[],
  ): Promise<ChannelOnChain[]> {
    if (channels.length === 0) return [];
    const at = (hash: Hex) => endpoint.channels(channels, hash);
    if (!this.#atLatest) {
      try {
        return await at(finalized.hash);
      } catch {
        this.#atLatest = true;
      }
    }
    return at(latest.hash);
  }

  async #mend(lead: Member, heads: Heads, channels: readonly Address[], waiting: Set<Address>): Promise<void> {
    if (channels.length === 0) return;
    const { reader, ledger, log } = this.#options;
    this.#differences += channels.length;
    log.error(
      { endpoint: lead.endpoint.name, count: channels.length, channels: channels.slice(0, 10) },
      "the ledger differs from the chain: these channels were read again",
    );
    const read = await reader.read(lead, heads, channels);
    const at = heads.latest.number;
    await ledger.recordChain({ states: read.states, readTo: at, after: at, blocks: [] });
    for (const channel of read.waiting) waiting.add(channel);
  }
}
