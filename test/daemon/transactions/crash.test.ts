import { expect } from "chai";

import type { TransactionChain } from "../../../src/daemon/transactions/chain.ts";
import type { IntentStore, Leadership } from "../../../src/daemon/transactions/ports.ts";
import { GWEI } from "./fakeMempool.ts";
import { BUDGET, pass, request, routineSigner, sending, world } from "./support.ts";

/** Ends a process at its k-th call of store or chain: before it had its effect, or after. */
function killable<T extends object>(target: T, counter: { left: number; isAfter: boolean; isDead: boolean }): T {
  return new Proxy(target, {
    get(from, name) {
      const value: unknown = Reflect.get(from, name, from);
      if (typeof value !== "function") return value;
      return async (...args: unknown[]) => {
        if (counter.isDead) throw new Error("killed");
        counter.isDead = --counter.left <= 0;
        if (counter.isDead && !counter.isAfter) throw new Error("killed");
        const result: unknown = await (value as (...args: unknown[]) => unknown).apply(from, args);
        if (counter.isDead) throw new Error("killed");
        return result;
      };
    },
  });
}

/** A process that settles `left` until the chain says it is settled, dying at its k-th call; then one that does not die. */
async function settleThroughCrash(k: number, isAfter: boolean, spike: boolean) {
  const it = world();
  const counter = { left: k, isAfter, isDead: false };
  const what = request({ budgetWei: 4n * BUDGET });
  const dying = it.start({
    holder: "first",
    chain: killable<TransactionChain>(it.chain, counter),
    store: killable<IntentStore>(it.store, counter),
    leadership: killable<Leadership>(it.store, counter),
  });
  sending(dying, what);
  for (let i = 0; i < 40 && !counter.isDead && it.store.all[0]?.outcome === undefined; i++) {
    if (spike && i === 2) it.chain.baseFee = 4n * GWEI;
    await pass(it, 2);
    await dying.tick().catch(() => {});
  }
  const reached = counter.isDead;
  // Its lease runs out; the next process takes over what it finds.
  await pass(it, 31, false);
  const next = it.start({ holder: "second" });
  for (let i = 0; i < 12; i++) {
    await next.tick();
    await pass(it, 10);
    // What a settler does: it asks the chain, and what is under way, before it decides.
    const isUnderway = (await next.underway("settle")).length > 0;
    if (it.chain.done.length === 0 && !isUnderway) sending(next, what);
    if (it.chain.done.length > 0 && (await it.store.open(routineSigner.address)).length === 0) break;
  }
  await next.tick();
  return { it, reached };
}

describe("daemon/transactions/crash", function () {
  this.timeout(180_000);
  for (const isAfter of [false, true]) {
    for (const spike of [false, true]) {
      const when = `${isAfter ? "right after" : "right before"} a call had its effect${spike ? ", in a fee spike" : ""}`;
      it(`D5: killed at every store and chain call, ${when}: settles once, one intent per nonce`, async () => {
        let k = 1;
        for (; k < 400; k++) {
          const { it, reached } = await settleThroughCrash(k, isAfter, spike);
          expect(it.chain.done, `killed at call ${k}`).to.have.length(1);
          const nonces = it.store.all.filter(({ outcome }) => outcome !== "replaced").map(({ nonce }) => nonce);
          expect(new Set(nonces).size, `killed at call ${k}`).to.equal(nonces.length);
          expect(await it.store.open(routineSigner.address), `killed at call ${k}`).to.deep.equal([]);
          if (!reached) break;
        }
        expect(k, "there are calls to die at").to.be.within(15, 399);
      });
    }
  }

  it("D5: an intent of before a crash that would revert by now gives its nonce to a transfer of nothing", async () => {
    const it = world();
    const begun = await it.store.begin(
      {
        ...{ lane: "routine", kind: "settle", from: routineSigner.address, nonce: 0, to: request().to, data: "0x01" },
        ...{ gasLimit: 300_000n, budgetWei: BUDGET, createdAt: it.clock.now() },
      },
      (await it.store.hold("first", 1))!,
    );
    it.clock.advance(1_000);
    it.chain.simulate = ({ data }) => {
      if (data === begun.data) throw Object.assign(new Error("reverted"), { code: "CALL_EXCEPTION" });
    };
    const manager = it.start({ holder: "second" });
    const next = sending(manager, request());
    await pass(it, 20);
    await manager.tick();
    expect(next.receipt).not.to.equal(undefined);
    expect(it.store.all[0]!.outcome).to.equal("replaced");
    expect(it.chain.done).to.have.length(1);
  });
});
