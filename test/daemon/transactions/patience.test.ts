import { expect } from "chai";

import type { TransactionManager } from "../../../src/daemon/transactions/manager.ts";
import { GWEI } from "./fakeMempool.ts";
import type { World } from "./support.ts";
import { BUDGET, pass, request, routineSigner, sending, settled, world } from "./support.ts";

const ACCOUNT = routineSigner.address;
/** Of a call here: what its budget is divided by. */
const GAS_LIMIT = 300_000n;
const DEAR = 10n * GWEI;

/** One routine transaction that is pending, and gas that costs twice what its budget allows. */
async function pricedOut() {
  const it = world();
  const manager = it.start();
  const what = request();
  const first = sending(manager, what);
  await settled();
  it.chain.baseFee = DEAR;
  return { it, manager, what, first };
}

/** Lets time pass as the daemon's background does, with a block every ten seconds. */
async function live(it: World, manager: TransactionManager, seconds: number): Promise<void> {
  for (let i = 0; i < seconds; i += 10) {
    await settled();
    it.clock.advance(10_000);
    it.chain.mine();
    await manager.tick();
  }
  await settled();
}

function fillers({ chain }: World): number[] {
  return chain.broadcasts.filter(({ to }) => to!.toLowerCase() === ACCOUNT).map(({ nonce }) => nonce);
}

describe("daemon/transactions/patience", () => {
  it("when gas is dear for good, decides anew after ten minutes: mined once, one filler for the stuck nonce", async () => {
    const { it, manager, what, first } = await pricedOut();
    await live(it, manager, 590);
    expect(await manager.underway("settle"), "a spike is waited out").to.have.length(1);
    const dearer = { ...what, budgetWei: 4n * BUDGET };
    sending(manager, dearer);
    await settled();
    expect(it.store.all, "the same call is waited for").to.have.length(1);
    await live(it, manager, 20);
    expect(await manager.underway("settle"), "its work is decided anew").to.deep.equal([]);
    expect(fillers(it), "nothing is given up without newer work").to.deep.equal([]);
    const again = sending(manager, dearer);
    await live(it, manager, 60);
    expect(again.receipt).not.to.equal(undefined);
    expect(first.error!.code).to.equal("replaced");
    expect(it.store.all.map(({ outcome }) => outcome)).to.deep.equal(["replaced", "done"]);
    expect(it.chain.done).to.have.length(1);
    expect(fillers(it)).to.deep.equal([0]);
    const spent = it.chain.mined(ACCOUNT).map(({ gasLimit, maxFeePerGas }) => gasLimit * maxFeePerGas!);
    expect(spent.reduce((sum, wei) => sum + wei) <= 5n * BUDGET, "within both budgets").to.equal(true);
  });

  it("who demands it does not wait: what is priced out now makes way at once", async () => {
    const { it, manager, what } = await pricedOut();
    await manager.tick();
    expect(await manager.underway("settle")).to.have.length(1);
    expect(await manager.underway("settle", true)).to.deep.equal([]);
    const demanded = sending(manager, { ...what, budgetWei: 4n * BUDGET, isDemanded: true });
    await live(it, manager, 60);
    expect(demanded.receipt).not.to.equal(undefined);
    expect(it.chain.done).to.have.length(1);
    expect(fillers(it)).to.deep.equal([0]);
  });

  it("who demands what waits behind others gets it: they make way, it is not sent twice", async () => {
    const { it, manager } = await pricedOut();
    const what = request({ budgetWei: 4n * BUDGET });
    const waiting = sending(manager, what);
    await live(it, manager, 60);
    expect(waiting).to.deep.equal({});
    expect(await manager.underway("settle", true), "held up").to.deep.equal([]);
    const demanded = sending(manager, { ...what, isDemanded: true });
    await live(it, manager, 60);
    expect(demanded.receipt).to.deep.equal(waiting.receipt).and.not.to.equal(undefined);
    expect(it.chain.done).to.have.length(1);
  });

  it("51: without newer work it waits for a cheaper block, however long, and burns nothing", async () => {
    const { it, manager, first } = await pricedOut();
    const poor = sending(manager, request());
    await live(it, manager, 1_800);
    expect(poor.error!.code).to.equal("too_expensive");
    expect(it.store.all.map(({ attempts }) => attempts.length)).to.deep.equal([1]);
    it.chain.baseFee = GWEI;
    await live(it, manager, 60);
    expect(first.receipt).not.to.equal(undefined);
    expect(it.chain.mined(ACCOUNT)).to.have.length(1);
  });

  it("makes way only when all of it may go and the newer work pays for that; else that is stale as well", async () => {
    const { it, manager } = await pricedOut();
    await live(it, manager, 300);
    it.chain.baseFee = GWEI / 10n;
    // Pays 150 gwei for itself, and nothing for two others.
    const [poor, later] = [sending(manager, request({ budgetWei: BUDGET / 10n })), request()];
    await settled();
    it.chain.drop();
    it.chain.baseFee = 150n * GWEI;
    const own = sending(manager, { ...later, budgetWei: GAS_LIMIT * 151n * GWEI });
    await live(it, manager, 590);
    expect(await manager.underway("settle"), "the one that can pay for itself").to.have.length(3);
    await live(it, manager, 60);
    expect(await manager.underway("settle")).to.deep.equal([]);
    expect(fillers(it), "it could not pay for the others").to.deep.equal([]);
    expect([own, poor]).to.deep.equal([{}, {}]);
    const rich = sending(manager, { ...later, budgetWei: GAS_LIMIT * 400n * GWEI });
    await live(it, manager, 60);
    expect(rich.receipt ?? rich.error).not.to.equal(undefined);
    expect(fillers(it)).to.deep.equal([0, 1]);
    expect(it.chain.done.filter(({ data }) => data === later.data).length).to.be.greaterThan(0);
  });

  it("is not given up again and again when gas goes on rising, and passes on demand then", async () => {
    const { it, manager, what } = await pricedOut();
    await live(it, manager, 610);
    sending(manager, { ...what, budgetWei: 4n * BUDGET });
    await settled();
    it.chain.baseFee = 100n * GWEI;
    await live(it, manager, 1_800);
    expect(fillers(it)).to.deep.equal([0]);
    const demanded = sending(manager, { ...what, budgetWei: GAS_LIMIT * 400n * GWEI, isDemanded: true });
    await live(it, manager, 60);
    expect(demanded.receipt).not.to.equal(undefined);
    expect(it.chain.done).to.have.length(1);
    expect(it.store.all.map(({ outcome }) => outcome)).to.deep.equal(["replaced", "replaced", "done"]);
  });

  it("a new process knows from past blocks what has been priced out for ten minutes, and what has not", async () => {
    const { it, manager } = await pricedOut();
    await live(it, manager, 610);
    expect(await manager.underway("settle")).to.deep.equal([]);
    it.chain.pastPrices = async (seconds) => it.chain.prices.filter((_, i) => BigInt(i) * 2n <= seconds + 2n);
    manager.stop();
    await pass(it, 31);
    const next = it.start({ holder: "b" });
    await next.tick();
    expect(await next.underway("settle"), "decided anew at once").to.deep.equal([]);
    // The price let it through five minutes ago, in a block that had no room.
    it.chain.prices[40]!.baseFeePerGas = 1n;
    await pass(it, 31);
    const other = it.start({ holder: "c" });
    await other.tick();
    expect(await other.underway("settle")).to.have.length(1);
    const failing = it.start({ holder: "d" });
    it.chain.pastPrices = () => Promise.reject(new Error("not supported"));
    await pass(it, 31);
    await failing.tick();
    expect(await failing.underway("settle"), "patience begins anew").to.have.length(1);
  });

  it("a new process goes on with what was given up, and is as patient as the last one was", async () => {
    const { it, manager, what } = await pricedOut();
    await live(it, manager, 610);
    const dearer = { ...what, budgetWei: 4n * BUDGET };
    sending(manager, dearer);
    await settled();
    it.chain.drop();
    await pass(it, 31, false);
    const next = it.start({ holder: "b" });
    await live(it, next, 60);
    expect(it.store.all.map(({ outcome }) => outcome)).to.deep.equal(["replaced", "done"]);
    expect(it.chain.done).to.have.length(1);
    expect(new Set(fillers(it))).to.deep.equal(new Set([0]));
  });

  it("does not count what the price let through for a moment, and counts in the chain's time", async () => {
    const { it, manager } = await pricedOut();
    await live(it, manager, 400);
    it.chain.baseFee = GWEI;
    it.chain.drop();
    await manager.tick();
    it.chain.drop();
    it.chain.baseFee = DEAR;
    await live(it, manager, 400);
    expect(await manager.underway("settle")).to.have.length(1);
    await live(it, manager, 220);
    expect(await manager.underway("settle")).to.deep.equal([]);
  });
});
