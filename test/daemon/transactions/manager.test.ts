import { expect } from "chai";

import { StaleTermError } from "../../../src/daemon/transactions/ports.ts";
import { CONTRACT, GETH, GWEI } from "./fakeMempool.ts";
import type { Dialect } from "./fakeMempool.ts";
import { BUDGET, deadlineSigner, foreign, pass, request, routineSigner, sending, settled, world } from "./support.ts";

const ACCOUNT = routineSigner.address;

describe("daemon/transactions/manager", () => {
  it("has intent and hash on disk before anything is broadcast, and is done when the block is final", async () => {
    const it = world();
    const manager = it.start();
    const seen: string[] = [];
    const broadcast = it.chain.broadcast.bind(it.chain);
    it.chain.broadcast = async (raw) => {
      const [intent] = it.store.all;
      seen.push(intent!.attempts.at(-1)!.hash);
      return broadcast(raw);
    };
    const sent = sending(manager, request());
    await pass(it, 4);
    expect(sent.receipt!.hash).to.equal(seen[0]);
    expect(it.store.all[0]!.outcome, "mined is not final").to.equal(undefined);
    await pass(it, 10);
    await manager.tick();
    expect(it.store.all[0]!.outcome).to.equal("done");
    expect(await it.store.open(ACCOUNT)).to.deep.equal([]);
  });

  it("sends nothing when the simulation reverts", async () => {
    const it = world();
    it.chain.simulate = () => {
      throw Object.assign(new Error("execution reverted"), { code: "CALL_EXCEPTION", data: "0x12345678" });
    };
    const sent = sending(it.start(), request());
    await settled();
    expect(sent.error!.message).to.equal("execution reverted");
    expect(it.store.all).to.deep.equal([]);
    expect(it.chain.broadcasts).to.deep.equal([]);
  });

  it("a revert is not done, nor is a receipt without the event (50)", async () => {
    for (const hasEvent of [true, false]) {
      const it = world();
      it.chain.reverts = () => hasEvent;
      const manager = it.start(hasEvent ? {} : { hasEffect: () => false });
      const sent = sending(manager, request());
      await pass(it, 4);
      expect(sent.error!.code).to.equal("reverted");
      await pass(it, 10);
      await manager.tick();
      expect(it.store.all[0]!.outcome).to.equal("reverted");
    }
  });

  it("waits once for the same call, and sends it again only when it is asked for after it was mined", async () => {
    const it = world();
    const manager = it.start();
    const what = request();
    const [first, second] = [sending(manager, what), sending(manager, what)];
    await pass(it, 4);
    expect(first.receipt!.hash).to.equal(second.receipt!.hash);
    const third = sending(manager, what);
    await pass(it, 4);
    expect(third.receipt!.hash).not.to.equal(first.receipt!.hash);
    expect(it.chain.done).to.have.length(2);
  });

  it("bumps what is stuck: by more than a tenth of both fees, and never beyond the budget", async () => {
    const it = world();
    const manager = it.start();
    const sent = sending(manager, request({ budgetWei: 3n * BUDGET }));
    await settled();
    it.chain.baseFee = 6n * GWEI;
    await pass(it, 120);
    expect(sent.receipt, "it is mined at the higher price").not.to.equal(undefined);
    const { attempts, gasLimit, budgetWei } = it.store.all[0]!;
    expect(attempts.length).to.be.greaterThan(1);
    for (const [i, attempt] of attempts.entries()) {
      expect(attempt.maxFeePerGas * gasLimit <= budgetWei, "within the budget").to.equal(true);
      if (i === 0) continue;
      const before = attempts[i - 1]!;
      expect(attempt.maxFeePerGas * 10n >= before.maxFeePerGas * 11n).to.equal(true);
      expect(attempt.maxPriorityFeePerGas * 10n >= before.maxPriorityFeePerGas * 11n).to.equal(true);
    }
  });

  it("51: at a hundred times the price routine waits, sent or not, and deadlines are sent", async () => {
    const it = world();
    const manager = it.start({ signers: { routine: routineSigner, deadline: deadlineSigner } });
    const pending = sending(manager, request());
    await settled();
    it.chain.baseFee = 100n * GWEI;
    const routine = sending(manager, request());
    const deadlineAt = BigInt(it.clock.now() / 1_000 + 3_600);
    const urgent = sending(manager, request({ lane: "deadline", deadlineAt, budgetWei: 300_000n * 400n * GWEI }));
    await pass(it, 90);
    expect(urgent.receipt, "within minutes, not at its deadline").not.to.equal(undefined);
    expect(routine.error!.code).to.equal("too_expensive");
    expect(pending).to.deep.equal({});
    const { attempts } = it.store.all[0]!;
    expect(attempts, "no bump beyond its budget").to.have.length(1);
    it.chain.baseFee = GWEI;
    await pass(it, 10);
    expect(pending.receipt).not.to.equal(undefined);
  });

  it("D9: with one key a stuck routine transaction makes way for a deadline, within both budgets", async () => {
    const it = world();
    const manager = it.start();
    const routine = sending(manager, request());
    await settled();
    it.chain.baseFee = 100n * GWEI;
    await pass(it, 60);
    const budgetWei = 300_000n * 400n * GWEI;
    const deadlineAt = BigInt(it.clock.now() / 1_000 + 3_600);
    const urgent = sending(manager, request({ lane: "deadline", deadlineAt, budgetWei }));
    await pass(it, 30);
    expect(urgent.receipt).not.to.equal(undefined);
    expect(routine.error!.code, "its work is decided anew").to.equal("replaced");
    const spent = it.chain.mined(ACCOUNT).map(({ gasLimit, maxFeePerGas }) => gasLimit * maxFeePerGas!);
    expect(spent.reduce((sum, wei) => sum + wei) <= budgetWei + BUDGET).to.equal(true);
    expect(it.chain.mined(ACCOUNT)[0]!.to!.toLowerCase(), "the nonce went to nothing").to.equal(ACCOUNT);
  });

  it("D9: bumps the routine transaction instead when its own budget is enough", async () => {
    const it = world();
    const manager = it.start();
    const routine = sending(manager, request({ budgetWei: 8n * BUDGET }));
    await settled();
    it.chain.baseFee = 10n * GWEI;
    const deadlineAt = BigInt(it.clock.now() / 1_000 + 36_000);
    const urgent = sending(manager, request({ lane: "deadline", deadlineAt, budgetWei: 100n * BUDGET }));
    await pass(it, 10);
    expect(routine.receipt).not.to.equal(undefined);
    expect(urgent.receipt).not.to.equal(undefined);
  });

  it("52: an account with only its reserve left serves deadlines, and says early that it runs low", async () => {
    const it = world();
    const cost = 300_000n * 3n * GWEI;
    const warned: object[] = [];
    const log = {
      debug: () => {},
      info: () => {},
      error: () => {},
      warn: (fields: object) => void warned.push(fields),
    };
    const manager = it.start({ reserveWei: 2n * cost, log });
    it.chain.setBalance(ACCOUNT, 4n * cost - 1n);
    await manager.tick();
    expect(manager.status().lanes[0]).to.include({ alarm: "low", balanceWei: 4n * cost - 1n });
    expect(warned, "early, while everything still works").to.have.length(1);
    it.chain.setBalance(ACCOUNT, 2n * cost);
    const routine = sending(manager, request());
    const deadlineAt = BigInt(it.clock.now() / 1_000 + 3_600);
    const urgent = sending(manager, request({ lane: "deadline", deadlineAt }));
    await pass(it, 4);
    expect(routine.error!.code).to.equal("gas_reserve");
    expect(urgent.receipt).not.to.equal(undefined);
    it.chain.setBalance(ACCOUNT, 1_000n);
    const empty = sending(manager, request({ lane: "deadline", deadlineAt }));
    await pass(it, 40);
    expect(empty.error!.code).to.equal("no_gas_money");
    await manager.tick();
    expect(manager.status().lanes[1]).to.include({ alarm: "empty", runway: 0n });
  });

  it("48: ends a mined intent whose block a reorganisation dropped only after it was mined again", async () => {
    for (const returns of [true, false]) {
      const it = world();
      const manager = it.start();
      const sent = sending(manager, request());
      await pass(it, 4);
      expect(sent.receipt).not.to.equal(undefined);
      it.chain.reorg(2, returns);
      it.chain.mine(0);
      await manager.tick();
      expect((await it.store.open(ACCOUNT))[0]!.mined, "pending again").to.equal(undefined);
      for (let i = 0; i < 15; i++) {
        await pass(it, 4);
        await manager.tick();
      }
      expect(it.store.all[0]!.outcome).to.equal("done");
      expect(it.chain.done, "once").to.have.length(1);
    }
  });

  it("D5: what the pool lost is sent again within two minutes, before and behind others", async () => {
    const it = world();
    const manager = it.start();
    it.chain.losesNext = 1;
    const [lost, behind] = [sending(manager, request()), sending(manager, request())];
    await pass(it, 90);
    expect(lost.receipt).not.to.equal(undefined);
    expect(behind.receipt).not.to.equal(undefined);
    const last = sending(manager, request());
    await settled();
    it.chain.drop();
    await pass(it, 60);
    expect(last.receipt).not.to.equal(undefined);
    expect(it.chain.mined(ACCOUNT).map(({ nonce }) => nonce)).to.deep.equal([0, 1, 2]);
  });

  it("D5: an attempt that is on disk without anybody having heard of it is sent, also when it is the last", async () => {
    const it = world();
    const manager = it.start();
    const addAttempt = it.store.addAttempt.bind(it.store);
    const sent = sending(manager, request());
    await settled();
    it.store.addAttempt = async (...args) => {
      it.store.addAttempt = addAttempt;
      await addAttempt(...args);
      throw new Error("the connection was lost");
    };
    it.chain.baseFee = 4n * GWEI;
    await pass(it, 120);
    const { attempts, gasLimit } = it.store.all[0]!;
    expect(
      attempts.map(({ maxFeePerGas }) => maxFeePerGas),
      "all that the budget allows",
    ).to.include(BUDGET / gasLimit);
    expect(sent.receipt).not.to.equal(undefined);
  });

  it("D5: a nonce that a foreign transaction left empty is filled within two minutes", async () => {
    const it = world();
    const manager = it.start();
    it.chain.addForeign(await foreign(0, 1n));
    it.chain.baseFee = 2n * GWEI;
    const sent = sending(manager, request());
    await settled();
    expect(it.store.all[0]!.nonce, "behind what is in the pool").to.equal(1);
    it.chain.pool.splice(0, 1);
    await pass(it, 120);
    expect(sent.receipt).not.to.equal(undefined);
    expect(it.chain.done).to.have.length(1);
  });

  it("49: a nonce that another program used ends the intent as replaced, and its work is decided anew", async () => {
    const it = world();
    const manager = it.start();
    const what = request();
    const sent = sending(manager, what);
    await settled();
    it.chain.addForeign(await foreign(0, 50n));
    await pass(it, 30);
    expect(sent.error!.code).to.equal("replaced");
    const again = sending(manager, what);
    await pass(it, 30);
    await manager.tick();
    expect(again.receipt).not.to.equal(undefined);
    expect(it.store.all.map(({ outcome }) => outcome)).to.deep.equal(["replaced", "done"]);
    expect(it.chain.done).to.have.length(1);
  });

  const DIALECTS: Record<string, Dialect> = {
    geth: GETH,
    nethermind: {
      ...{ known: "AlreadyKnown", nonceTooLow: "OldNonce, Current nonce: 5, nonce of rejected tx: 4", code: -32010 },
      ...{ nonceTooHigh: "NonceGap, Future nonce. Expected nonce: 5", replacementUnderpriced: "ReplacementNotAllowed" },
      ...{ underpriced: "FeeTooLow", noMoney: "InsufficientFunds" },
    },
    besu: {
      ...{ known: "Known transaction", nonceTooLow: "Nonce too low", underpriced: "Gas price below current base fee" },
      replacementUnderpriced: "Replacement transaction underpriced",
      noMoney: "Upfront cost exceeds account balance",
    },
    erigon: {
      ...{ known: "INTERNAL_ERROR: existing tx with same hash", nonceTooLow: "nonce too low" },
      ...{ replacementUnderpriced: "INTERNAL_ERROR: could not replace existing tx", noMoney: "insufficient funds" },
    },
    reth: { ...GETH, nonceTooHigh: "nonce too high", underpriced: "transaction underpriced" },
    hardhat: {
      known: "Known transaction: 0xab",
      nonceTooLow: "Nonce too low. Expected nonce to be 5 but got 4.",
      nonceTooHigh: "Nonce too high. Expected nonce to be 0 but got 3.",
      replacementUnderpriced:
        "Replacement transaction underpriced. A gasPrice/maxFeePerGas of at least 22 is necessary",
      underpriced: "Transaction maxFeePerGas (1) is too low for the next block, which has a baseFeePerGas of 2",
      noMoney: "Sender doesn't have enough funds to send tx.",
    },
    gibberish: { known: "no", nonceTooLow: "no", nonceTooHigh: "no", replacementUnderpriced: "no", noMoney: "no" },
  };
  for (const [client, dialect] of Object.entries(DIALECTS)) {
    it(`49: converges in the words of ${client}: lost, outbid, too dear, answered late, with a nonce of long ago`, async () => {
      const it = world();
      it.chain.dialect = dialect;
      const manager = it.start();
      it.chain.losesNext = 1;
      it.chain.failsAfterNext = 1;
      const sent = [1, 2, 3].map(() => sending(manager, request()));
      await pass(it, 30);
      // Another program outbids the next one's nonce in the pool, and is then itself outbid.
      it.chain.addForeign(await foreign(3, 2n));
      it.chain.nonceLag = 1;
      sent.push(sending(manager, request()));
      await pass(it, 10, false);
      it.chain.nonceLag = 0;
      it.chain.baseFee = 4n * GWEI;
      await pass(it, 60, false);
      it.chain.baseFee = GWEI;
      await pass(it, 120);
      sent.push(sending(manager, request()));
      await pass(it, 60);
      const ended = sent.map(({ receipt, error }) => (receipt ? "done" : error?.code));
      expect(ended.filter((how) => how === "done" || how === "replaced")).to.have.length(5);
      expect(it.chain.done).to.have.length(ended.filter((how) => how === "done").length);
      const nonces = it.chain.mined(ACCOUNT).map(({ nonce }) => nonce);
      expect(nonces).to.deep.equal(nonces.map((_, i) => i));
      for (let i = 0; i < 5; i++) {
        await pass(it, 10);
        await manager.tick();
      }
      expect(await it.store.open(ACCOUNT), "nothing stays open").to.deep.equal([]);
    });
  }

  it("53, D8: a leader that was paused writes no more once another one has begun", async () => {
    const it = world();
    const [first, second] = [it.start({ holder: "a" }), it.start({ holder: "b" })];
    const a = sending(first, request());
    await pass(it, 4);
    expect(a.receipt).not.to.equal(undefined);
    const refused = sending(second, request());
    await settled();
    expect(refused.error!.code).to.equal("not_leader");
    it.clock.advance(31_000);
    await second.tick();
    const sentBefore = it.chain.broadcasts.length;
    // The first one still believes in its lease: it was paused in the middle of things.
    it.store.hold = async (holder) => (holder === "a" ? 1n : 2n);
    const late = sending(first, request());
    await settled();
    expect(late.error!.code).to.equal("fenced");
    expect((late.error as Error).cause).to.be.instanceOf(StaleTermError);
    expect(it.chain.broadcasts.length).to.equal(sentBefore);
    expect(first.status().isFenced).to.equal(true);
    const after = sending(first, request());
    await settled();
    expect(after.error!.code).to.equal("fenced");
    const b = sending(second, request());
    await pass(it, 4);
    expect(b.receipt).not.to.equal(undefined);
  });

  it("53, D8: a former leader leads again when the other's term has ended, with what the store has by then", async () => {
    const it = world();
    const [first, second] = [it.start({ holder: "a" }), it.start({ holder: "b" })];
    const what = request();
    const a = sending(first, what);
    await pass(it, 4, false);
    it.clock.advance(31_000);
    // The other one takes over, offers more for the same nonce, and begins another intent.
    await second.tick();
    const b = sending(second, request());
    await pass(it, 40, false);
    await second.tick();
    const attempts = (await it.store.open(ACCOUNT))[0]!.attempts.length;
    expect(attempts).to.be.greaterThan(1);
    // The first one still believes in its lease, and is fenced by its first write.
    const hold = it.store.hold.bind(it.store);
    it.store.hold = async (holder, leaseMs) => (holder === "a" ? 1n : hold(holder, leaseMs));
    const late = sending(first, request());
    await settled();
    expect([a.error?.code, late.error?.code], "and who waited has heard of it").to.deep.equal(["fenced", "fenced"]);
    it.store.hold = hold;
    await first.tick();
    expect(first.status().isFenced, "the other one leads").to.equal(true);
    const broadcasts = it.chain.broadcasts.length;
    await pass(it, 1, false);
    expect(it.chain.broadcasts.length).to.equal(broadcasts);
    await second.close();
    it.chain.drop();
    await first.tick();
    expect(first.status().isFenced).to.equal(false);
    expect((await it.store.open(ACCOUNT)).map(({ nonce }) => nonce)).to.deep.equal([0, 1]);
    const again = sending(first, what);
    await pass(it, 10);
    expect(again.receipt, "the same work is joined, not sent twice").not.to.equal(undefined);
    expect(it.chain.mined(ACCOUNT).map(({ nonce }) => nonce)).to.deep.equal([0, 1]);
    const stale = sending(second, request());
    await settled();
    expect(stale.error!.code).to.equal("not_leader");
    expect(b.error!.code, "who waits at the other one does not wait for ever").to.equal("fenced");
  });

  it("leaves of a budget, and of what an account has, what data costs beside gas", async () => {
    const it = world();
    it.chain.dataFeePerByte = 1_000n * GWEI;
    // Four bytes of calldata, and 120 around them.
    const dataWei = 124n * it.chain.dataFeePerByte;
    const manager = it.start();
    const sent = sending(manager, request());
    await pass(it, 4);
    expect(sent.receipt).not.to.equal(undefined);
    expect(it.store.all[0]!.budgetWei).to.equal(BUDGET - dataWei);
    it.chain.dataFeePerByte = BUDGET / 124n;
    const dear = sending(manager, request());
    await pass(it, 1);
    expect(dear.error!.code).to.equal("too_expensive");
    it.chain.dataFeePerByte = (BUDGET * 55n) / (100n * 124n);
    const poor = it.start({ reserveWei: (await it.chain.balance(ACCOUNT)) - BUDGET });
    const held = sending(poor, request());
    await pass(it, 1);
    expect(held.error!.code, "room for twice the price of data").to.equal("gas_reserve");
    it.chain.dataFeePerByte = 0n;
    const free = sending(poor, request());
    await pass(it, 4);
    expect(free.receipt).not.to.equal(undefined);
  });

  it("48: sends again what was final on a chain that the operator gave up, with the same nonces", async () => {
    const it = world();
    const manager = it.start();
    const sent = [sending(manager, request()), sending(manager, request())];
    await pass(it, 8);
    expect(sent.every(({ receipt }) => receipt)).to.equal(true);
    for (let i = 0; i < 100; i++) it.chain.mine();
    await manager.tick();
    expect(await it.store.open(ACCOUNT), "final").to.deep.equal([]);
    it.chain.reorg(104, false);
    expect(it.chain.mined(ACCOUNT)).to.deep.equal([]);
    await manager.rollBack(0n);
    expect((await it.store.open(ACCOUNT)).map(({ nonce }) => nonce)).to.deep.equal([0, 1]);
    for (let i = 0; i < 4; i++) {
      await pass(it, 10);
      await manager.tick();
    }
    const next = sending(manager, request());
    await pass(it, 8);
    expect(next.receipt).not.to.equal(undefined);
    expect(it.chain.mined(ACCOUNT).map(({ nonce }) => nonce)).to.deep.equal([0, 1, 2]);
  });

  it("keeps a caller's deadline lane apart from the routine one when it has a key of its own", async () => {
    const it = world();
    const manager = it.start({ signers: { routine: routineSigner, deadline: deadlineSigner } });
    it.chain.losesNext = 1;
    const stuck = sending(manager, request());
    await settled();
    const deadlineAt = BigInt(it.clock.now() / 1_000 + 3_600);
    const urgent = sending(manager, request({ lane: "deadline", deadlineAt }));
    await pass(it, 4);
    expect(urgent.receipt).not.to.equal(undefined);
    expect(stuck).to.deep.equal({});
    expect(it.chain.mined(deadlineSigner.address).map(({ nonce }) => nonce)).to.deep.equal([0]);
  });

  it("tells who asked that it stopped waiting, and goes on with what was begun", async () => {
    const it = world();
    const manager = it.start();
    const stop = new AbortController();
    it.chain.losesNext = 1;
    const sent = sending(manager, request(), stop.signal);
    await settled();
    stop.abort(new Error("enough"));
    await settled();
    expect(sent.error!.message).to.equal("enough");
    expect(await manager.underway("settle")).to.have.length(1);
    for (let i = 0; i < 5; i++) {
      await pass(it, 10);
      await manager.tick();
    }
    expect(it.chain.done.map(({ to }) => to!.toLowerCase())).to.deep.equal([CONTRACT]);
  });

  it("stops to wait for what no block takes when the process ends, and leaves it to the next one", async () => {
    const w = world();
    const manager = w.start();
    const sent = sending(manager, request());
    await pass(w, 3, false);
    expect(w.chain.pool.length).to.equal(1);
    manager.stop();
    await settled();
    expect(sent.error?.message).to.include("stops");
    const late = sending(manager, request());
    await settled();
    expect(late.error?.message).to.include("stops");
    await manager.close();
    const next = w.start({ holder: "b" });
    w.chain.mine();
    await next.tick();
    expect((await w.store.recent(1))[0]!.mined).not.to.equal(undefined);
  });

  it("a lagging endpoint's receipts are waited for, its nonces not believed", async () => {
    const it = world();
    const manager = it.start();
    const what = request();
    const sent = sending(manager, what);
    it.chain.receiptLag = 3;
    await pass(it, 12);
    expect(sent.error).to.equal(undefined);
    expect(sent.receipt).not.to.equal(undefined);
    it.chain.nonceLag = 1;
    it.chain.receiptLag = 0;
    const next = sending(manager, request());
    await pass(it, 6);
    it.chain.nonceLag = 0;
    await pass(it, 6);
    expect(next.receipt).not.to.equal(undefined);
    expect(it.store.all.map(({ nonce }) => nonce)).to.deep.equal([0, 1]);
  });
});
