import { expect } from "chai";

import type { DaemonChain } from "../../src/daemon/ports.ts";
import { Watch } from "../../src/daemon/watch.ts";
import { FakeChain, FakeEndpoint } from "./follow/fakeChain.ts";
import { HeardLog } from "./follow/support.ts";
import { PAYER, RATES, openBooks } from "./support.ts";

const STALE_MS = 300_000;

async function watched(chain = new FakeChain(), staleHeadMs = STALE_MS) {
  const books = await openBooks();
  const endpoint = new FakeEndpoint("alpha", chain);
  const { ledger, store, rateBook, clock } = books;
  const termsRead: string[] = [];
  const terms =
    <T>(name: string, value: T) =>
    async () => {
      termsRead.push(name);
      return value;
    };
  const port = {
    endpoints: [endpoint],
    rates: terms("rates", [RATES]),
    retentionDays: terms("retention", 60),
    nodes: terms("nodes", []),
  } as unknown as DaemonChain;
  const log = new HeardLog();
  const options = { ledger, store, rateBook, clock, log, deploymentBlock: 1n, termsEveryMs: 60_000, staleHeadMs };
  const open = () => new Watch({ ...options, chain: port, reconcileEveryMs: 3_600_000 });
  const seen = async () => (await ledger.account(PAYER))?.chain;
  /** Blocks as they come, and a look every six seconds. */
  const live = async (watch: Watch, seconds: number) => {
    for (let passed = 0; passed < seconds; passed += 6) {
      chain.mineEmpty(3);
      clock.advance(6_000);
      await watch.poll();
    }
  };
  return { ...books, chain, endpoint, watch: open(), open, seen, live, termsRead, log };
}

describe("daemon/watch", () => {
  it("counts a deposit from the safe head and a withdrawal from the latest", async () => {
    const { chain, watch, seen, clock } = await watched();
    chain.mine([{ kind: "deposit", channel: PAYER, amount: 9n }], [{ kind: "request", channel: PAYER, amount: 4n }]);
    await watch.poll();
    expect(await seen()).to.include({ deposited: 0n, pendingWithdrawal: 4n });
    chain.mineEmpty(15);
    clock.advance(30_000);
    await watch.poll();
    expect(await seen()).to.include({ deposited: 9n, pendingWithdrawal: 4n });
  });

  it("forgets nothing when polls overlap", async () => {
    const { chain, watch, seen, clock } = await watched();
    chain.mine([{ kind: "deposit", channel: PAYER, amount: 1n }]);
    chain.mineEmpty(20);
    chain.mine([{ kind: "deposit", channel: PAYER, amount: 8n }]);
    await Promise.all([watch.poll(), watch.poll(), watch.poll()]);
    expect(await seen()).to.include({ deposited: 1n });
    chain.mineEmpty(20);
    clock.advance(40_000);
    await watch.poll();
    expect(await seen()).to.include({ deposited: 9n });
  });

  it("doubts a chain that does not answer, and one whose newest block stays the same (50)", async () => {
    const { chain, endpoint, watch, clock } = await watched();
    expect(watch.doubt(), "never read").to.equal(1);
    await watch.poll();
    expect(watch.doubt()).to.equal(0);
    clock.advance(180_000);
    endpoint.isDown = true;
    let problem = "";
    await watch.poll().catch((error: Error) => (problem = error.message));
    expect(problem).to.equal("connection refused");
    expect(watch.doubt()).to.equal(0.5);
    endpoint.isDown = false;
    clock.advance(180_000);
    await watch.poll();
    expect(watch.doubt(), "the same head as six minutes ago").to.equal(1);
    chain.mine();
    await watch.poll();
    expect(watch.doubt(), "one more block, of six minutes ago").to.equal(1);
    clock.advance(2_000);
    chain.mineEmpty(181);
    await watch.poll();
    expect(watch.doubt(), "up to the present").to.equal(0);
  });

  it("55: believes the chain's time when the machine's clock is an hour ahead or behind, and says so", async () => {
    for (const hours of [-1, 1]) {
      const { watch, clock, live, log } = await watched();
      clock.set(clock.now() + hours * 3_600_000);
      await watch.poll();
      await live(watch, 60);
      expect(watch.doubt(), `${hours} h`).to.equal(0);
      expect(log.text()).to.include(`this machine's clock is 3600 s ${hours > 0 ? "ahead of" : "behind"} the chain's`);
      clock.advance(STALE_MS + 60_000 + 240_000);
      await watch.poll();
      expect(watch.doubt(), "and still notices that no block comes").to.equal(1);
    }
  });

  it("55: is not shaken by a clock that is set while it runs", async () => {
    const { watch, clock, live } = await watched();
    await live(watch, 60);
    clock.set(clock.now() + 3_600_000);
    await live(watch, 60);
    expect(watch.doubt()).to.equal(0);
    clock.set(clock.now() - 7_200_000);
    await live(watch, 60);
    expect(watch.doubt()).to.equal(0);
  });

  it("50: does not believe an endpoint that is still catching up, though its head moves", async () => {
    const { watch, clock, chain } = await watched();
    clock.set(clock.now() + 36_000_000);
    for (let passed = 0; passed < 120; passed += 6) {
      chain.mineEmpty(30);
      clock.advance(6_000);
      await watch.poll();
    }
    expect(watch.doubt()).to.equal(1);
  });

  it("works on a local chain that mines only with transactions", async () => {
    const { watch, clock, chain } = await watched(new FakeChain(), 86_400_000);
    chain.safeLag = chain.finalLag = 0;
    await watch.poll();
    for (let i = 0; i < 20; i++) {
      clock.advance(600_000);
      await watch.poll();
    }
    expect(watch.doubt()).to.equal(0);
  });

  it("continues from what it has read and reads long ranges in steps", async () => {
    const { chain, endpoint, watch, store, seen, open, clock } = await watched();
    chain.mine([{ kind: "deposit", channel: PAYER, amount: 3n }]);
    chain.mineEmpty(9_000);
    await watch.poll();
    expect(await store.chainCursor()).to.equal(9_001n);
    expect((await store.finalized())?.number).to.equal(9_001n - 70n);
    expect(await seen()).to.include({ deposited: 3n });
    const before = endpoint.asked.filter((call) => call === "events").length;
    expect(before).to.be.greaterThan(4);
    chain.mineEmpty(3);
    clock.advance(6_000);
    await open().poll();
    expect(endpoint.asked.filter((call) => call === "events").length - before, "not from the start").to.be.lessThan(4);
  });

  it("asks for rates and nodes seldom", async () => {
    const { watch, live, termsRead } = await watched();
    await watch.poll();
    await live(watch, 54);
    expect(termsRead).to.have.length(3);
    await live(watch, 12);
    expect(termsRead).to.have.length(6);
  });
});
