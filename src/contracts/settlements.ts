import type { Provider } from "ethers";

import type { PostageChannels } from "#typechain";

import type { Address } from "../protocol/bytes.ts";
import { toAddress } from "../protocol/bytes.ts";
import type { DatedEvent, Windowed } from "./eventWindow.ts";
import { EventWindow } from "./eventWindow.ts";

export interface Settlement extends DatedEvent {
  settler: Address;
  /** Base units. */
  collected: bigint;
}

export interface SettlementsOptions {
  postageChannels: PostageChannels;
  provider: Pick<Provider, "getBlock">;
  firstBlock: number;
  windowSeconds: number;
}

const MOST_KEPT = 20_000;
/** Blocks of one search whose date is asked; the others take the one before. */
const MOST_DATED = 20;

/** What everybody settled lately, by the chain's events. */
export class Settlements {
  readonly #window: EventWindow<Settlement>;

  constructor({ postageChannels, provider, firstBlock, windowSeconds }: SettlementsOptions) {
    const secondsOf = async (number: number): Promise<number> => {
      const block = await provider.getBlock(number);
      if (!block) throw new Error(`the endpoint does not have block ${number}`);
      return block.timestamp;
    };
    const read = async (from: number, to: number): Promise<Settlement[]> => {
      const events = await postageChannels.queryFilter(postageChannels.filters.Settled(), from, to);
      const dates = await datesOf(
        events.map(({ blockNumber }) => blockNumber),
        secondsOf,
      );
      return events.map(({ args: { settler, collected } }, i) => ({
        ...{ at: dates[i]!, settler: toAddress(settler), collected },
      }));
    };
    this.#window = new EventWindow({ read, secondsOf, firstBlock, windowSeconds, most: MOST_KEPT });
  }

  /** See EventWindow.step. */
  step(head: number): Promise<Windowed<Settlement>> {
    return this.#window.step(head);
  }
}

/** Of blocks in their order. */
async function datesOf(blocks: readonly number[], secondsOf: (block: number) => Promise<number>): Promise<number[]> {
  const distinct = [...new Set(blocks)];
  const every = Math.ceil(distinct.length / MOST_DATED);
  const asked = distinct.filter((_, i) => i % every === 0);
  const dates = new Map(await Promise.all(asked.map(async (block) => [block, await secondsOf(block)] as const)));
  let last = 0;
  return blocks.map((block) => (last = dates.get(block) ?? last));
}
