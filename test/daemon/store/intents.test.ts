import { expect } from "chai";

import type { Attempt, NewIntent } from "../../../src/daemon/transactions/ports.ts";
import { StaleTermError } from "../../../src/daemon/transactions/ports.ts";
import { IntentStateError, NonceTakenError } from "../../../src/daemon/store/errors.ts";
import type { Hex } from "../../../src/protocol/bytes.ts";
import { toHex, uintToBytes } from "../../../src/protocol/bytes.ts";
import type { Backend, Fixture } from "./backends.ts";
import { IN_PROCESS, failureOf, onBoth } from "./backends.ts";

const [ALICE, BOB] = [`0x${"a1".repeat(20)}`, `0x${"b2".repeat(20)}`] as const;
const hashOf = (n: number): Hex => toHex(uintToBytes(BigInt(n), 32));

const intentOf = (nonce: number, changes: Partial<NewIntent> = {}): NewIntent => ({
  ...{ lane: "deadline", kind: "settle", from: ALICE, nonce, to: BOB, data: "0x00ff", gasLimit: 2n ** 63n },
  ...{ budgetWei: 2n ** 80n, deadlineAt: 1_700_000_000n, createdAt: Date.UTC(2026, 0, 1) },
  ...changes,
});
const attemptOf = (n: number, sentAt = n): Attempt => ({
  ...{ hash: hashOf(n), maxFeePerGas: 2n ** 70n, maxPriorityFeePerGas: 3n, sentAt },
});

onBoth("store/intents", (fixture) => {
  async function leading() {
    const store = await fixture.open();
    const term = (await store.leadership.hold("leader", 60_000))!;
    return { ...store, term };
  }

  it("gives back what was put in, with attempts in the order they were sent, across a restart", async () => {
    const { intents, term } = await leading();
    const second = await intents.begin(intentOf(8, { to: null, deadlineAt: undefined, data: "0x" }), term);
    const first = await intents.begin(intentOf(7), term);
    await intents.begin(intentOf(7, { from: BOB, lane: "routine" }), term);
    await intents.addAttempt(first.id, attemptOf(2, 20), term);
    await intents.addAttempt(first.id, attemptOf(1, 30), term);
    const mined = { hash: hashOf(1), blockNumber: 9n, blockHash: hashOf(99) };
    await intents.setMined(first.id, mined, term);
    await fixture.closeAll();
    const { intents: again } = await fixture.open();
    expect(await again.open(ALICE)).to.deep.equal([
      { ...intentOf(7), id: first.id, attempts: [attemptOf(2, 20), attemptOf(1, 30)], mined },
      { ...omitDeadline(intentOf(8, { to: null, data: "0x" })), id: second.id, attempts: [] },
    ]);
    expect((await again.open(BOB)).map(({ lane }) => lane)).to.deep.equal(["routine"]);
    expect((await again.recent(2)).map(({ from, nonce }) => [from, nonce])).to.deep.equal([
      [BOB, 7],
      [ALICE, 7],
    ]);
  });

  it("49: one intent per nonce, unless another transaction used it (D5)", async () => {
    const { intents, term } = await leading();
    const { id } = await intents.begin(intentOf(7), term);
    expect(await failureOf(intents.begin(intentOf(7), term))).to.be.instanceOf(NonceTakenError);
    await intents.finish(id, "replaced", term);
    const next = await intents.begin(intentOf(7), term);
    expect((await intents.open(ALICE)).map((intent) => intent.id)).to.deep.equal([next.id]);
    await intents.finish(next.id, "reverted", term);
    expect(await failureOf(intents.begin(intentOf(7), term))).to.be.instanceOf(NonceTakenError);
    expect(await intents.open(ALICE)).to.deep.equal([]);
    expect((await intents.recent(9)).map(({ outcome }) => outcome)).to.deep.equal(["reverted", "replaced"]);
    const race = await Promise.allSettled(Array.from({ length: 8 }, () => intents.begin(intentOf(9), term)));
    expect(race.filter(({ status }) => status === "fulfilled")).to.have.length(1);
  });

  it("takes an attempt twice but not for two intents, and no other outcome after the first", async () => {
    const { intents, term } = await leading();
    const [one, other] = [await intents.begin(intentOf(1), term), await intents.begin(intentOf(2), term)];
    await intents.addAttempt(one.id, attemptOf(1), term);
    await intents.addAttempt(one.id, attemptOf(1), term);
    expect((await intents.open(ALICE))[0]!.attempts).to.have.length(1);
    expect(await failureOf(intents.addAttempt(other.id, attemptOf(1), term))).to.be.instanceOf(IntentStateError);
    await intents.finish(one.id, "done", term);
    await intents.finish(one.id, "done", term);
    expect(await failureOf(intents.finish(one.id, "replaced", term))).to.be.instanceOf(IntentStateError);
    for (const call of [
      () => intents.addAttempt(99n, attemptOf(5), term),
      () => intents.setMined(99n, undefined, term),
      () => intents.finish(99n, "done", term),
    ]) {
      expect(await failureOf(call())).to.be.instanceOf(IntentStateError);
    }
  });

  it("forgets where an intent was mined when a reorg drops the block (48)", async () => {
    const { intents, term } = await leading();
    const { id } = await intents.begin(intentOf(1), term);
    await intents.setMined(id, { hash: hashOf(1), blockNumber: 5n, blockHash: hashOf(5) }, term);
    await intents.setMined(id, undefined, term);
    expect((await intents.open(ALICE))[0]).not.to.have.property("mined");
  });

  it("opens again what was final above a block, and nothing else", async () => {
    const { intents, term } = await leading();
    const at = async (nonce: number, block: bigint, outcome?: "done" | "reverted" | "replaced", from = ALICE) => {
      const { id } = await intents.begin(intentOf(nonce, { from }), term);
      await intents.setMined(id, { hash: hashOf(nonce), blockNumber: block, blockHash: hashOf(99) }, term);
      if (outcome) await intents.finish(id, outcome, term);
    };
    await at(1, 10n, "done");
    await at(2, 11n, "done");
    await at(3, 12n, "reverted");
    await at(4, 13n, "replaced");
    await at(5, 14n);
    await at(2, 15n, "done", BOB);
    await intents.reopen(ALICE, 10n, term);
    expect((await intents.open(ALICE)).map(({ nonce }) => nonce)).to.deep.equal([2, 3, 5]);
    expect(await intents.open(BOB)).to.deep.equal([]);
    expect(await failureOf(intents.reopen(ALICE, 0n, term - 1n))).to.be.instanceOf(StaleTermError);
  });

  it("keeps a bounded number of intents that ended, and all that did not", async () => {
    const { intents, term } = await leading();
    const [old, open] = [await intents.begin(intentOf(1), term), await intents.begin(intentOf(2), term)];
    await intents.addAttempt(old.id, attemptOf(1), term);
    await intents.finish(old.id, "done", term);
    await fixture.place.query("update intents set id = id - 10000 where nonce = 2");
    await fixture.place.query(
      "insert into intents (id, lane, kind, sender, nonce, data, gas_limit, budget_wei, created_at) " +
        "select 20000, lane, kind, sender, 3, data, gas_limit, budget_wei, created_at from intents where nonce = 1",
    );
    await intents.finish(20_000n, "done", term);
    expect((await intents.recent(10)).map(({ nonce }) => nonce)).to.deep.equal([3, 2]);
    expect((await intents.open(ALICE)).map(({ id }) => id)).to.deep.equal([open.id - 10_000n]);
    expect(await fixture.place.query("select hash from attempts")).to.have.length(0);
  });
});

onBoth("store/leadership", leads, IN_PROCESS);

function leads(fixture: Fixture, { isShared }: Backend): void {
  it("lets one lead, who may renew; a new leader has a larger term", async () => {
    const { leadership } = await fixture.open();
    expect(await leadership.hold("a", 60_000)).to.equal(1n);
    expect(await leadership.hold("b", 60_000)).to.equal(undefined);
    expect(await leadership.hold("a", 60_000)).to.equal(1n);
    await leadership.release("b");
    expect(await leadership.hold("b", 60_000), "whoever does not lead cannot release").to.equal(undefined);
    await leadership.release("a");
    expect(await leadership.hold("b", 60_000)).to.equal(2n);
    expect(await leadership.hold("a", 60_000)).to.equal(undefined);
    await leadership.release("b");
    expect(await leadership.hold("b", 60_000), "a term ends when it is released").to.equal(3n);
  });

  it("D8: whoever asks twice at once has the term afterwards", async () => {
    const { leadership } = await fixture.open();
    const answers = await Promise.all([leadership.hold("a", 60_000), leadership.hold("a", 60_000)]);
    expect(answers).to.include(1n);
    expect(await leadership.hold("a", 60_000)).to.equal(1n);
  });

  it("ends with the lease, and goes on under the same term when nobody else wanted it", async () => {
    const { leadership } = await fixture.open();
    await leadership.hold("a", 60_000);
    await lapse();
    expect(await leadership.hold("a", 60_000)).to.equal(1n);
    await lapse();
    expect(await leadership.hold("b", 60_000)).to.equal(2n);
    expect(await leadership.hold("a", 60_000)).to.equal(undefined);
  });

  it("53: a leader that was paused and taken over cannot begin, add, set or finish, and who never led neither", async () => {
    const paused = await fixture.open();
    const old = (await paused.leadership.hold("a", 60_000))!;
    const { id } = await paused.intents.begin(intentOf(1), old);
    await lapse();
    expect((await paused.intents.begin(intentOf(2), old)).nonce, "a lapse alone takes nothing away").to.equal(2);
    const next = isShared ? await fixture.open() : paused;
    const term = (await next.leadership.hold("b", 60_000))!;
    for (const stale of [old, 0n, term + 1n]) {
      for (const call of [
        () => paused.intents.begin(intentOf(3), stale),
        () => paused.intents.addAttempt(id, attemptOf(1), stale),
        () => paused.intents.setMined(id, { hash: hashOf(1), blockNumber: 1n, blockHash: hashOf(2) }, stale),
        () => paused.intents.finish(id, "done", stale),
      ]) {
        expect(await failureOf(call())).to.be.instanceOf(StaleTermError);
      }
    }
    expect(await next.intents.open(ALICE)).to.deep.equal([
      { ...intentOf(1), id, attempts: [] },
      { ...intentOf(2), id: id + 1n, attempts: [] },
    ]);
    await next.intents.finish(id, "done", term);
  });

  it("gives each process a term of its own, also under one name", async () => {
    const first = await fixture.open();
    const old = (await first.leadership.hold("same", 60_000))!;
    if (!isShared) await fixture.closeAll();
    const second = await fixture.open();
    if (isShared) {
      expect(await second.leadership.hold("same", 60_000)).to.equal(undefined);
      await lapse();
    }
    const term = (await second.leadership.hold("same", 60_000))!;
    expect(term).to.equal(old + 1n);
    if (isShared) expect(await first.leadership.hold("same", 60_000)).to.equal(undefined);
    expect(await failureOf(second.intents.begin(intentOf(1), old))).to.be.instanceOf(StaleTermError);
  });

  /** PostgreSQL goes by its own clock, so the lease is ended there. */
  async function lapse() {
    fixture.clock.advance(60_001);
    if (isShared) await fixture.place.query("update leadership set expires_at = 0");
  }
}

function omitDeadline(intent: NewIntent): NewIntent {
  const rest = { ...intent };
  delete rest.deadlineAt;
  return rest;
}
