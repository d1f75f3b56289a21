import { expect } from "chai";

import { NOBODY, dayOf } from "../../src/client/channel/spend.ts";
import { isGatewayError } from "../../src/client/errors.ts";
import type { Attempt, GatewayStore, LedgerCommit, Refusal, Spend, StoredChannel } from "../../src/client/ports.ts";
import { toHex, uintToBytes } from "../../src/protocol/bytes.ts";
import { CHANNEL } from "./support/fakeNetwork.ts";
import { onEveryStore } from "./support/stores.ts";

/** More than any integer of a database has. */
const HUGE = 2n ** 100n + 7n;
const OTHER = `0x${"bb".repeat(20)}` as const;
const DAY = dayOf(Date.UTC(2026, 0, 1));
const ALL_DAYS = { from: 0, to: 1_000_000 };
const spender = { app: "chat", user: "alice" };

const hashOf = (n: number) => toHex(uintToBytes(BigInt(n), 32));

function attemptOf(n: number, changes: Partial<Attempt> = {}): Attempt {
  return {
    ...{
      envelopeHash: hashOf(n),
      originatorId: 100,
      topic: Uint8Array.of(1, n),
      payerEnvelope: Uint8Array.of(n, 0, 255),
    },
    ...{ reservedPico: HUGE, reservedWei: 0n, spender, startedAt: n },
    ...changes,
  };
}

function refusalOf(n: number, refusedAt = n): Refusal {
  return { envelopeHash: hashOf(n), originatorId: 100, topic: Uint8Array.of(n), spender, refusedAt };
}

function stateOf(revision: bigint, changes: Partial<StoredChannel> = {}): StoredChannel {
  return {
    ...{
      usagePico: HUGE,
      usageByNode: new Map([[100, HUGE]]),
      voucherRow: Uint8Array.of(1, 2, 3),
      doubles: 2n,
      revision,
    },
    ...changes,
  };
}

function spendOf(changes: Partial<Spend> = {}): Spend {
  return {
    ...{ day: DAY, ...spender, kind: "message", count: 1n, postagePico: HUGE, stampUnits: 3n, gasWei: HUGE },
    ...changes,
  };
}

onEveryStore("client/store", (place) => {
  let store: GatewayStore;
  beforeEach(async () => (store = await place().open()));
  let revision: bigint;
  beforeEach(() => (revision = 0n));
  const commit = (step: Partial<LedgerCommit> = {}, channel = CHANNEL) =>
    store.commit({ channel, state: stateOf(++revision), ...step });
  const rowsOf = (days = ALL_DAYS) => store.spendPage(CHANNEL, days, undefined, 100);

  it("has nothing of a channel that it never saw", async () => {
    expect(await store.loadChannel(CHANNEL)).to.equal(undefined);
    expect(await store.loadAttempts(CHANNEL)).to.deep.equal([]);
    expect(await store.findAnswer(CHANNEL, hashOf(1))).to.equal(undefined);
    expect(await store.lastTopUp(CHANNEL)).to.equal(undefined);
    expect(await store.spendTotal(CHANNEL, { day: DAY })).to.include({ count: 0n, postagePico: 0n });
  });

  it("keeps a step, all of it, for whoever opens it next", async () => {
    const answer = { envelope: Uint8Array.of(9), chargedPico: HUGE, answeredAt: 5 };
    await commit({
      ...{ addAttempts: [attemptOf(2), attemptOf(1)], addRefusals: [refusalOf(4), refusalOf(3)] },
      ...{ answer: { envelopeHash: hashOf(1), answer }, spend: [spendOf()] },
      receipt: {
        originatorId: 100,
        sequenceId: 2n ** 64n - 1n,
        envelope: Uint8Array.of(7),
        keptAt: 1,
        contradiction: undefined,
      },
    });
    const again = await place().open();
    expect(await again.loadChannel(CHANNEL)).to.deep.equal(stateOf(1n));
    expect(await again.loadAttempts(CHANNEL), "oldest first").to.deep.equal([attemptOf(1), attemptOf(2)]);
    expect(await again.loadRefusals(CHANNEL)).to.deep.equal([refusalOf(3), refusalOf(4)]);
    expect(await again.findAnswer(CHANNEL, hashOf(1))).to.deep.equal(answer);
    expect((await again.receipts(CHANNEL, undefined, 10))[0]).to.deep.include({ sequenceId: 2n ** 64n - 1n });
    expect(await again.spendPage(CHANNEL, ALL_DAYS, undefined, 10)).to.deep.equal([spendOf()]);
  });

  it("writes nothing of a step whose revision is not the next", async () => {
    await commit({ addAttempts: [attemptOf(1)] });
    for (const wrong of [1n, 3n]) {
      const failure: unknown = await store
        .commit({ channel: CHANNEL, state: stateOf(wrong), removeAttempts: [attemptOf(1)], spend: [spendOf()] })
        .catch((error: unknown) => error);
      expect(isGatewayError(failure, "ledger_conflict"), String(failure)).to.equal(true);
    }
    expect(await store.loadAttempts(CHANNEL)).to.deep.equal([attemptOf(1)]);
    expect(await rowsOf()).to.deep.equal([]);
  });

  it("lets an attempt come again with another amount of gas, and a refusal with another time", async () => {
    await commit({ addAttempts: [attemptOf(1)], addRefusals: [refusalOf(1)] });
    await commit({ addAttempts: [attemptOf(1, { reservedWei: HUGE })], addRefusals: [refusalOf(1, 50)] });
    expect(await store.loadAttempts(CHANNEL)).to.deep.equal([attemptOf(1, { reservedWei: HUGE })]);
    expect(await store.loadRefusals(CHANNEL)).to.deep.equal([refusalOf(1, 50)]);
    await commit({ removeAttempts: [attemptOf(1)], removeRefusals: [refusalOf(1)] });
    expect(await store.loadAttempts(CHANNEL)).to.deep.equal([]);
    expect(await store.loadRefusals(CHANNEL)).to.deep.equal([]);
  });

  it("keeps an envelope's first answer, and forgets the oldest ones", async () => {
    const answerOf = (n: number) => ({ envelope: Uint8Array.of(n), chargedPico: 1n, answeredAt: n });
    for (const n of [1, 2, 3]) await commit({ answer: { envelopeHash: hashOf(n), answer: answerOf(n) } });
    await commit({ answer: { envelopeHash: hashOf(1), answer: answerOf(9) } });
    expect(await store.findAnswer(CHANNEL, hashOf(1))).to.deep.equal(answerOf(1));
    expect(await store.pruneAnswers(CHANNEL, 3, 1)).to.equal(1);
    expect(await store.findAnswer(CHANNEL, hashOf(1))).to.equal(undefined);
    expect(await store.pruneAnswers(CHANNEL, 3, 10)).to.equal(1);
    expect(await store.findAnswer(CHANNEL, hashOf(3))).to.deep.equal(answerOf(3));
  });

  it("adds up who spent what, and pages in one order whatever letters names have", async () => {
    const names = ["Zoe", "alice", "Ärmel", "", "10", "9"];
    for (const user of names) await commit({ spend: [spendOf({ user }), spendOf({ user, kind: "welcome" })] });
    await commit({ spend: [spendOf({ user: "alice" }), spendOf({ user: "alice", app: "mail" })] });
    const sorted = [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    const seen: string[] = [];
    for (let after: Spend | undefined; ;) {
      const page = await store.spendPage(CHANNEL, ALL_DAYS, after, 5);
      seen.push(...page.map(({ app, user, kind }) => `${app}/${user}/${kind}`));
      after = page.at(-1);
      if (page.length < 5) break;
    }
    expect(seen).to.deep.equal([
      ...sorted.flatMap((user) => [`chat/${user}/message`, `chat/${user}/welcome`]),
      "mail/alice/message",
    ]);
    expect(await store.spendTotal(CHANNEL, { day: DAY })).to.deep.equal({
      ...{ count: 14n, postagePico: 14n * HUGE, stampUnits: 42n, gasWei: 14n * HUGE },
    });
    expect((await store.spendTotal(CHANNEL, { day: DAY, app: "chat" })).count).to.equal(13n);
    expect((await store.spendTotal(CHANNEL, { day: DAY, app: "chat", user: "alice" })).count).to.equal(3n);
    expect((await store.spendTotal(CHANNEL, { day: DAY, app: "mail", user: "Zoe" })).count).to.equal(0n);
  });

  it("takes the names off old days, and keeps their sums", async () => {
    await commit({ spend: [1, 2, 3, 40].map((day) => spendOf({ day })) });
    expect(await store.foldSpend(CHANNEL, 40, 2)).to.equal(2);
    expect(await store.foldSpend(CHANNEL, 40, 10)).to.equal(1);
    expect(await store.foldSpend(CHANNEL, 40, 10)).to.equal(0);
    const rows = await rowsOf();
    expect(rows.map(({ day, user, count, postagePico }) => [day, user, count, postagePico])).to.deep.equal([
      [0, "", 3n, 3n * HUGE],
      [40, "alice", 1n, HUGE],
    ]);
  });

  it("keeps receipts in the order of their place, with what contradicts them", async () => {
    const places: [number, bigint][] = [
      [200, 9n],
      [100, 2n ** 63n],
      [100, 10n],
      [100, 9n],
    ];
    for (const [originatorId, sequenceId] of places) {
      const kept = { originatorId, sequenceId, envelope: Uint8Array.of(1), keptAt: Number(sequenceId % 100n) };
      await commit({ receipt: { ...kept, contradiction: undefined } });
    }
    const all = await store.receipts(CHANNEL, undefined, 10);
    const expected = [
      [100, 9n],
      [100, 10n],
      [100, 2n ** 63n],
      [200, 9n],
    ];
    expect(all.map((one) => [one.originatorId, one.sequenceId])).to.deep.equal(expected);
    expect(await store.receipts(CHANNEL, all[1], 1)).to.deep.equal([all[2]]);
    const contradiction = { report: hashOf(5), proof: undefined, reason: "not attested" };
    await store.contradictReceipt(CHANNEL, all[0]!, contradiction);
    expect((await store.receipt(CHANNEL, all[0]!))!.contradiction).to.deep.equal(contradiction);
    expect(await store.forgetReceipts(CHANNEL, 1_000, 2), "never what is evidence").to.equal(2);
    await store.removeReceipts(CHANNEL, [all[0]!]);
    expect(await store.receiptCount(CHANNEL)).to.equal(1);
  });

  it("begins a top-up once for each number", async () => {
    const one = {
      ...{ number: 1, day: DAY, amount: HUGE, idempotencyKey: hashOf(1), depositedBefore: HUGE, finishedAt: undefined },
    };
    await store.beginTopUp(CHANNEL, one);
    const failure: unknown = await (await place().open()).beginTopUp(CHANNEL, one).catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(Error);
    await store.finishTopUp(CHANNEL, 1, 50);
    await store.finishTopUp(CHANNEL, 1, 60);
    expect(await store.lastTopUp(CHANNEL)).to.deep.equal({ ...one, finishedAt: 50 });
    expect(await store.toppedUpOn(CHANNEL, DAY)).to.equal(HUGE);
  });

  it("finishes a cancelled top-up with nothing deposited, so that it does not count on its day", async () => {
    const topUp = (number: number, amount: bigint) => ({
      ...{ number, day: DAY, amount, idempotencyKey: hashOf(number), depositedBefore: 7n, finishedAt: undefined },
    });
    await store.beginTopUp(CHANNEL, topUp(1, HUGE));
    await store.cancelTopUp(CHANNEL, 1, 50);
    expect(await store.lastTopUp(CHANNEL)).to.deep.equal({ ...topUp(1, 0n), finishedAt: 50 });
    await store.beginTopUp(CHANNEL, topUp(2, 5n));
    await store.finishTopUp(CHANNEL, 2, 60);
    await store.cancelTopUp(CHANNEL, 2, 70);
    expect(await store.lastTopUp(CHANNEL), "what was made is not undone").to.include({ amount: 5n, finishedAt: 60 });
    expect(await store.toppedUpOn(CHANNEL, DAY)).to.equal(5n);
  });

  it("keeps channels apart", async () => {
    await commit({ addAttempts: [attemptOf(1)], spend: [spendOf({ ...NOBODY })] });
    revision = 0n;
    await commit({ addAttempts: [attemptOf(2)] }, OTHER);
    expect(await store.loadAttempts(OTHER)).to.deep.equal([attemptOf(2)]);
    expect(await store.spendPage(OTHER, ALL_DAYS, undefined, 10)).to.deep.equal([]);
    expect(await store.loadChannel(CHANNEL)).to.deep.equal(stateOf(1n));
  });
});
