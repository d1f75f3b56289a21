import type { Log } from "../../platform/log.ts";
import type { Address } from "../../protocol/bytes.ts";
import { EMPTY_CHANNEL } from "../account.ts";
import type { ChannelOnChain, LedgerStore } from "../ports.ts";
import { cautious, isSame, mostCautious, raisesCredit } from "./caution.ts";
import type { Member, Panel } from "./panel.ts";
import type { ChainEndpoint, Heads } from "./ports.ts";

export const CHANNELS_PER_CALL = 200;
const MOST_DISPUTED = 1_000;

export interface ReadChannels {
  states: Map<Address, ChannelOnChain>;
  /** Those that have to be read again later: a deposit is not safe yet, or nobody else has confirmed a raise. */
  waiting: Set<Address>;
}

/**
 * Reads channels so that nobody alone can raise what a payer may spend: a deposit has to be in the safe head, and
 * whatever raises credit in the states of a second endpoint, when there is one. What lowers it counts at once.
 */
export class ChannelReader {
  readonly #panel: Panel;
  readonly #store: Pick<LedgerStore, "accountsOf">;
  readonly #log: Log;
  #disagreements = 0;
  /** Said already. */
  readonly #disputed = new Set<Address>();

  constructor(panel: Panel, store: Pick<LedgerStore, "accountsOf">, log: Log) {
    this.#panel = panel;
    this.#store = store;
    this.#log = log;
  }

  /** Channels of which two endpoints said different things, since the start. */
  get disagreements(): number {
    return this.#disagreements;
  }

  async read(lead: Member, heads: Heads, channels: Iterable<Address>): Promise<ReadChannels> {
    const result: ReadChannels = { states: new Map(), waiting: new Set() };
    const all = [...channels];
    for (let i = 0; i < all.length; i += CHANNELS_PER_CALL) {
      await this.#readSome(lead, heads, all.slice(i, i + CHANNELS_PER_CALL), result);
    }
    return result;
  }

  async #readSome(lead: Member, heads: Heads, channels: Address[], { states, waiting }: ReadChannels): Promise<void> {
    const [latest, safe] = await bothHeads(lead.endpoint, heads, channels);
    const known = await this.#store.accountsOf(channels);
    const raised: Address[] = [];
    for (const [i, channel] of channels.entries()) {
      const state = cautious(latest[i]!, safe[i]!);
      states.set(channel, state);
      if (state.deposited !== latest[i]!.deposited) waiting.add(channel);
      if (raisesCredit(known.get(channel)?.chain ?? EMPTY_CHANNEL, state)) raised.push(channel);
    }
    const [second] = this.#panel.others(lead);
    if (!second || raised.length === 0) return;
    const confirmed = await this.#confirm(second, heads, raised);
    for (const [i, channel] of raised.entries()) {
      const state = states.get(channel)!;
      const agreed = mostCautious(state, confirmed?.[i] ?? known.get(channel)?.chain ?? EMPTY_CHANNEL);
      if (isSame(agreed, state)) {
        this.#disputed.delete(channel);
        continue;
      }
      states.set(channel, agreed);
      waiting.add(channel);
      if (confirmed) this.#disagree(lead, second, channel);
    }
  }

  /** What the second endpoint says of the same blocks; undefined when it does not say, as when it is a block behind. */
  async #confirm(second: Member, heads: Heads, channels: Address[]): Promise<ChannelOnChain[] | undefined> {
    try {
      const [latest, safe] = await bothHeads(second.endpoint, heads, channels);
      return channels.map((_, i) => cautious(latest[i]!, safe[i]!));
    } catch (error) {
      this.#log.debug(
        { endpoint: second.endpoint.name, error: String(error) },
        "an endpoint cannot confirm states yet",
      );
      return undefined;
    }
  }

  #disagree(lead: Member, second: Member, channel: Address): void {
    if (this.#disputed.has(channel)) return;
    if (this.#disputed.size >= MOST_DISPUTED) this.#disputed.clear();
    this.#disputed.add(channel);
    this.#disagreements++;
    this.#log.error(
      { endpoints: [lead.endpoint.name, second.endpoint.name], channel },
      "endpoints disagree on a channel at the same block: the smaller credit counts",
    );
  }
}

async function bothHeads(endpoint: ChainEndpoint, { latest, safe }: Heads, channels: Address[]) {
  const states = endpoint.channels(channels, latest.hash);
  // Where the newest block is the safe one, one call has it.
  return Promise.all([states, safe.hash === latest.hash ? states : endpoint.channels(channels, safe.hash)]);
}
