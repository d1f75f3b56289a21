import { expect } from "chai";

import { EMPTY_CHANNEL } from "../../src/daemon/account.ts";
import type { ChannelOnChain, DaemonChain } from "../../src/daemon/ports.ts";
import { Watch } from "../../src/daemon/watch.ts";
import type { Address } from "../../src/protocol/bytes.ts";
import { PAYER, RATES, openBooks } from "./support.ts";

/** A chain whose events, states and heads a test sets. */
class ScriptedChain {
  latest = 100n;
  safe = 100n;
  timestamp: bigint;
  events: { block: bigint; channel: Address }[] = [];
  atLatest: Partial<ChannelOnChain> = {};
  atSafe: Partial<ChannelOnChain> = {};
  isDown = false;
  /** Called before each look at events, so that a test can let polls overlap. */
  beforeEvents: () => Promise<void> = async () => {};

  constructor(nowMs: number) {
    this.timestamp = BigInt(nowMs) / 1_000n;
  }

  asPort(): DaemonChain {
    return {
      heads: async () => {
        if (this.isDown) throw new Error("connection refused");
        return { latest: this.latest, safe: this.safe, timestamp: this.timestamp };
      },
      touchedChannels: async (from: bigint, to: bigint) => {
        const events = this.events.filter(({ block }) => block >= from && block <= to);
        await this.beforeEvents();
        return new Set(events.map(({ channel }) => channel));
      },
      channels: async (channels: readonly Address[], block?: bigint) =>
        channels.map(() => ({ ...EMPTY_CHANNEL, ...(block === undefined ? this.atLatest : this.atSafe) })),
      rates: async () => [RATES],
      retentionDays: async () => 60,
      nodes: async () => [],
    } as unknown as DaemonChain;
  }
}

async function watched() {
  const books = await openBooks();
  const chain = new ScriptedChain(books.clock.now());
  const { ledger, store, rateBook, clock } = books;
  const options = {
    chain: chain.asPort(),
    ledger,
    store,
    rateBook,
    clock,
    deploymentBlock: 1n,
    termsEveryMs: 60_000,
    staleHeadMs: 300_000,
  };
  const watch = new Watch(options);
  return { ...books, chain, watch, seen: async () => (await ledger.account(PAYER))?.chain };
}

describe("daemon/watch", () => {
  it("counts a deposit from the safe head and a withdrawal from the latest", async () => {
    const { chain, watch, seen } = await watched();
    chain.events = [{ block: 100n, channel: PAYER }];
    chain.safe = 90n;
    chain.atLatest = { deposited: 9n, pendingWithdrawal: 4n };
    await watch.poll();
    expect(await seen()).to.include({ deposited: 0n, pendingWithdrawal: 4n });
    chain.safe = 100n;
    chain.atSafe = { deposited: 9n };
    await watch.poll();
    expect(await seen()).to.include({ deposited: 9n, pendingWithdrawal: 4n });
  });

  it("sees an event that a reorg brings into a block it has read, and the end of one that a reorg drops (48)", async () => {
    const { chain, watch, seen } = await watched();
    chain.safe = 90n;
    await watch.poll();
    chain.events = [{ block: 95n, channel: PAYER }];
    chain.atLatest = { deposited: 9n, pendingWithdrawal: 9n };
    await watch.poll();
    expect(await seen()).to.include({ pendingWithdrawal: 9n });
    chain.events = [];
    chain.atLatest = { deposited: 9n };
    chain.latest = 101n;
    await watch.poll();
    expect(await seen()).to.include({ pendingWithdrawal: 0n });
  });

  it("forgets nothing when polls overlap", async () => {
    const { chain, watch, seen } = await watched();
    chain.safe = 99n;
    chain.events = [
      { block: 50n, channel: PAYER },
      { block: 100n, channel: PAYER },
    ];
    chain.atLatest = { deposited: 9n };
    chain.atSafe = { deposited: 1n };
    chain.beforeEvents = () => new Promise((resolve) => setImmediate(resolve));
    await Promise.all([watch.poll(), watch.poll(), watch.poll()]);
    chain.safe = 100n;
    chain.atSafe = { deposited: 9n };
    await watch.poll();
    expect(await seen()).to.include({ deposited: 9n });
  });

  it("doubts a chain that does not answer, and one whose newest block is old (50)", async () => {
    const { chain, watch, clock } = await watched();
    expect(watch.doubt(), "never read").to.equal(1);
    await watch.poll();
    expect(watch.doubt()).to.equal(0);
    clock.advance(180_000);
    chain.isDown = true;
    let problem = "";
    await watch.poll().catch((error: Error) => (problem = error.message));
    expect(problem).to.equal("connection refused");
    expect(watch.doubt()).to.equal(0.5);
    chain.isDown = false;
    clock.advance(180_000);
    await watch.poll();
    expect(watch.doubt(), "the same head as six minutes ago").to.equal(1);
    chain.timestamp = BigInt(clock.now()) / 1_000n;
    await watch.poll();
    expect(watch.doubt()).to.equal(0);
  });

  it("continues from its cursor and reads long ranges in steps", async () => {
    const { chain, watch, store, seen } = await watched();
    chain.latest = chain.safe = 9_000n;
    chain.events = [{ block: 1n, channel: PAYER }];
    chain.atLatest = chain.atSafe = { deposited: 3n };
    await watch.poll();
    expect(await store.chainCursor()).to.equal(9_000n);
    expect(await seen()).to.include({ deposited: 3n });
  });
});
