import { expect } from "chai";

import { EventWindow } from "../../src/contracts/eventWindow.ts";

const DAY = 86_400;
/** Seconds from block to block. */
const BLOCK = 2;
const FIRST = 100;

/** A chain with an event in every thousandth block. */
class EventChain {
  head = 1_000_000;
  /** Blocks that it searches at once. */
  most = Infinity;
  isAway = false;
  readonly asked: { from: number; to: number }[] = [];

  secondsOf = async (block: number): Promise<number> => block * BLOCK;

  read = async (from: number, to: number) => {
    if (this.isAway) throw new Error("the endpoint is away");
    if (to - from + 1 > this.most) throw new Error("too many blocks");
    this.asked.push({ from, to });
    const events: { at: number; block: number }[] = [];
    for (let block = Math.ceil(from / 1_000) * 1_000; block <= to; block += 1_000) {
      events.push({ block, at: block * BLOCK });
    }
    return events;
  };
}

describe("contracts/eventWindow", () => {
  let chain: EventChain;
  beforeEach(() => (chain = new EventChain()));

  const windowOf = (days: number, most = 10_000) =>
    new EventWindow({ ...chain, firstBlock: FIRST, windowSeconds: days * DAY, most });
  const untilWhole = async (window: ReturnType<typeof windowOf>) => {
    for (let i = 0; i < 200; i++) {
      const read = await window.step(chain.head);
      if (read.isWhole) return read;
    }
    throw new Error("it is never whole");
  };

  it("reads back to the window's start in steps of a few searches, then only what is new", async () => {
    const window = windowOf(7);
    const first = await window.step(chain.head);
    expect([first.isWhole, chain.asked.length]).to.deep.equal([false, 10]);
    expect(first.sinceSeconds).to.equal((chain.head - 100_000 + 1) * BLOCK);
    const whole = await untilWhole(window);
    const start = chain.head * BLOCK - 7 * DAY;
    expect(whole.sinceSeconds).to.equal(start);
    expect(whole.events[0]!.at).to.be.within(start, start + 1_000 * BLOCK);
    expect(whole.events.map(({ at }) => at)).to.deep.equal(whole.events.map(({ at }) => at).sort((a, b) => a - b));
    expect(new Set(whole.events.map(({ block }) => block)).size).to.equal(whole.events.length);
    chain.asked.length = 0;
    chain.head += 1_500;
    const next = await window.step(chain.head);
    expect(chain.asked).to.deep.equal([{ from: chain.head - 1_499, to: chain.head }]);
    expect(next.events.at(-1)!.block).to.equal(1_001_000);
    expect(next.events[0]!.at, "what is older than the window is gone").to.be.at.least(chain.head * BLOCK - 7 * DAY);
  });

  it("ends at the first block, however short the chain is", async () => {
    chain.head = 5_000;
    const { isWhole, events, sinceSeconds } = await windowOf(7).step(chain.head);
    expect([isWhole, events.length]).to.deep.equal([true, 5]);
    expect(chain.asked).to.deep.equal([{ from: FIRST, to: 5_000 }]);
    expect(sinceSeconds).to.equal(0);
  });

  it("asks for fewer blocks when the endpoint refuses, and rejects when it refuses few", async () => {
    chain.most = 2_000;
    const window = windowOf(1);
    const whole = await untilWhole(window);
    expect(chain.asked.every(({ from, to }) => to - from < 2_000)).to.equal(true);
    expect(whole.events.length).to.be.within(43, 44);
    chain.isAway = true;
    chain.head += 10;
    const failures = [];
    for (let i = 0; i < 5; i++) failures.push(await window.step(chain.head).catch((error: Error) => error.message));
    expect(failures.at(-1)).to.equal("the endpoint is away");
    chain.isAway = false;
    chain.head += 990;
    const again = await window.step(chain.head);
    expect(again.events.at(-1)!.block, "nothing was left out").to.equal(1_001_000);
    expect(again.events.length).to.be.within(43, 44);
  });

  it("begins anew after a long rest, and keeps no more than it may", async () => {
    const window = windowOf(7, 20);
    const full = await untilWhole(window);
    expect(full.events.length).to.equal(20);
    expect(full.sinceSeconds, "no older one is missing from then on").to.equal(full.events[0]!.at);
    chain.head += 500_000;
    const fresh = await window.step(chain.head);
    expect(fresh.events.at(-1)!.block).to.equal(1_500_000);
    expect(fresh.events.length).to.equal(20);
    expect(fresh.events[0]!.block).to.equal(1_481_000);
  });
});
