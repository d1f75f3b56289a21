import { expect } from "chai";
import fc from "fast-check";

import { NOBODY } from "../../src/client/channel/spend.ts";
import type { ChannelLedger, Reserved } from "../../src/client/channel/ledger.ts";
import type { GatewayErrorCode } from "../../src/client/errors.ts";
import { isGatewayError } from "../../src/client/errors.ts";
import type { Attempt, LedgerCommit } from "../../src/client/ports.ts";
import { toHex, uintToBytes } from "../../src/protocol/bytes.ts";
import { picoToUnitsUp, unitsToPico } from "../../src/protocol/units.ts";
import { readVoucher } from "../../src/protocol/voucher.ts";
import { CHANNEL, DOMAIN, USD } from "./support/fakeNetwork.ts";
import { onEveryStore } from "./support/stores.ts";

const RICH = () => ({ backed: 1_000n * USD, headroom: 0n });

function attempt(n: number, reservedPico: bigint, originatorId = 100): Attempt {
  const envelopeHash = toHex(uintToBytes(BigInt(n), 32));
  const bytes = Uint8Array.of(n & 0xff);
  return {
    envelopeHash,
    originatorId,
    topic: bytes,
    payerEnvelope: bytes,
    reservedPico,
    reservedWei: 0n,
    spender: NOBODY,
    startedAt: n,
  };
}

function answer(chargedPico: bigint) {
  return { envelope: new Uint8Array(1), chargedPico, answeredAt: 1 };
}

const feesOf = (row: Uint8Array) => readVoucher(DOMAIN, row).fees;

async function codeOf(action: Promise<unknown>): Promise<GatewayErrorCode | "no error"> {
  try {
    await action;
  } catch (error) {
    if (isGatewayError(error)) return error.code;
    throw error;
  }
  return "no error";
}

async function rowOf(reserving: Promise<Reserved>): Promise<Uint8Array> {
  const reserved = await reserving;
  if (reserved.kind !== "reserved") throw new Error("nobody else is here");
  return reserved.voucherRow;
}

onEveryStore("client/channel/ledger", (place, { isShared }) => {
  const open = (changes = {}) => place().ledger(changes);
  const reopen = async (ledger: ChannelLedger, changes = {}) => {
    await ledger.close();
    return open(changes);
  };

  it("signs only when the headroom is used up, and never more than is backed", async () => {
    const ledger = await open();
    const terms = () => ({ backed: 1_000n, headroom: 100n });
    const first = await rowOf(ledger.reserve([attempt(1, 1_500_000n)], terms));
    expect(feesOf(first)).to.equal(102n);
    expect(await rowOf(ledger.reserve([attempt(2, unitsToPico(100n))], terms))).to.equal(first);
    const third = await rowOf(ledger.reserve([attempt(3, unitsToPico(850n))], terms));
    expect(feesOf(third), "952 and headroom, capped by what is backed").to.equal(1_000n);
    expect(await codeOf(ledger.reserve([attempt(4, unitsToPico(50n))], terms))).to.equal("out_of_money");
    expect(ledger.inFlightPico, "a refused reservation leaves nothing").to.equal(1_500_000n + unitsToPico(950n));
  });

  it("commits to the disk at once whatever signs a voucher, and only that", async function () {
    // Where several take turns, every step is on disk before anybody hears of it.
    if (isShared) this.skip();
    const steps: LedgerCommit[] = [];
    const real = await place().open();
    const store = {
      ...real,
      async commit(step: LedgerCommit) {
        steps.push(step);
        return real.commit(step);
      },
    };
    const ledger = await open({ store });
    const terms = () => ({ backed: 10n * USD, headroom: 1_000n });
    await ledger.reserve([attempt(1, unitsToPico(10n))], terms);
    await ledger.reserve([attempt(2, unitsToPico(10n))], terms);
    await ledger.raise(2_000n, terms);
    await ledger.raiseStamps(5_000n, () => ({ ...terms(), stampsSigned: 0n }), NOBODY);
    await ledger.complete(attempt(1, unitsToPico(10n)), unitsToPico(10n), answer(unitsToPico(10n)));
    await ledger.reserve([attempt(3, unitsToPico(9_000n))], () => ({ backed: 10n * USD, headroom: 0n }));
    await ledger.complete(attempt(3, unitsToPico(9_000n)), unitsToPico(9_500n), answer(unitsToPico(9_500n)));
    await ledger.settleUp(() => 10n * USD);
    let row: Uint8Array | undefined;
    const signing = steps.filter(({ state }) => {
      const isNew = state.voucherRow !== row;
      row = state.voucherRow;
      return isNew;
    });
    expect(signing.length, "reserve, raise, raiseStamps, reserve, settleUp").to.equal(5);
    expect(signing.filter(({ isFlushedLater }) => isFlushedLater)).to.deep.equal([]);
    expect(steps.filter(({ isFlushedLater }) => isFlushedLater).length, "a reservation and two bookings").to.equal(3);
  });

  it("covers usage exactly with headroom 0, rounded up", async () => {
    const ledger = await open();
    for (let n = 1; n <= 20; n++) {
      const pico = 700_001n * BigInt(n);
      const row = await rowOf(ledger.reserve([attempt(n, pico)], RICH));
      expect(feesOf(row)).to.equal(picoToUnitsUp(ledger.usagePico + pico));
      await ledger.complete(attempt(n, pico), pico, answer(pico));
    }
    expect(ledger.authorised).to.equal(picoToUnitsUp(ledger.usagePico));
    const row = await ledger.settleUp(() => RICH().backed);
    expect(row).to.equal(ledger.voucherRow);
  });

  it("keeps voucher, usage and what is in flight over a restart", async () => {
    const before = await open();
    await before.reserve([attempt(1, 5_000_000n), attempt(2, 7_000_000n)], RICH);
    await before.complete(attempt(1, 5_000_000n), 5_000_000n, answer(5_000_000n));
    const after = await reopen(before);
    expect(after).to.include({ usagePico: 5_000_000n, inFlightPico: 7_000_000n, authorised: 12n });
    expect(await after.strayAttempts(() => true)).to.deep.equal([attempt(2, 7_000_000n)]);
    expect(feesOf(await rowOf(after.reserve([attempt(3, 1n)], RICH)))).to.equal(13n);
  });

  it("counts an attempt once, however often it is completed or reserved", async () => {
    const ledger = await open();
    await ledger.reserve([attempt(1, 5n)], RICH);
    await ledger.reserve([attempt(1, 5n)], RICH);
    expect(ledger.inFlightPico).to.equal(5n);
    expect(await ledger.complete(attempt(1, 5n), 5n, answer(5n))).to.equal(false);
    expect(await ledger.complete(attempt(1, 5n), 5n, answer(5n))).to.equal(false);
    expect(ledger).to.include({ usagePico: 5n, inFlightPico: 0n, doubles: 0n });
  });

  it("charges and counts an envelope that two nodes carry", async () => {
    const store = await place().open();
    const ledger = await open({ store });
    await ledger.reserve([attempt(1, 5n, 100)], RICH);
    await ledger.reserve([attempt(1, 5n, 200)], RICH);
    expect(await ledger.complete(attempt(1, 5n, 200), 5n, answer(5n))).to.equal(false);
    expect(await ledger.complete(attempt(1, 5n, 100), 6n, answer(6n))).to.equal(true);
    expect(ledger).to.include({ usagePico: 11n, doubles: 1n });
    const stored = await store.findAnswer(CHANNEL, attempt(1, 5n).envelopeHash);
    expect(stored?.chargedPico, "the first answer stays").to.equal(5n);
  });

  it("raises a voucher to what a node asks within the tolerance, and not a unit above (59a)", async () => {
    const ledger = await open();
    await ledger.reserve([attempt(1, unitsToPico(10n * USD))], RICH);
    expect(feesOf(await ledger.raise(10n * USD + 100_000n, RICH)), "1 % of 10 USD").to.equal(10n * USD + 100_000n);
    expect(await codeOf(ledger.raise(10n * USD + 100_001n, RICH))).to.equal("demand_above_ledger");
    expect(await codeOf(ledger.raise(5_000n * USD, RICH))).to.equal("demand_above_ledger");
    expect(ledger.authorised).to.equal(10n * USD + 100_000n);
    expect(await codeOf(ledger.raise(10n * USD + 50_000n, () => ({ backed: 10n * USD, headroom: 0n })))).to.equal(
      "out_of_money",
    );
    expect(await ledger.raise(1n, RICH), "less than is signed").to.equal(ledger.voucherRow);
  });

  it("tolerates 0.01 USD while the total is small", async () => {
    const ledger = await open();
    expect(feesOf(await ledger.raise(10_000n, RICH))).to.equal(10_000n);
    expect(await codeOf(ledger.raise(10_001n, RICH))).to.equal("demand_above_ledger");
  });

  it("continues from what the chain collected when its store is new or older", async () => {
    const ledger = await open();
    expect(await ledger.reconcile(3n * USD)).to.equal(true);
    expect(await ledger.reconcile(3n * USD)).to.equal(false);
    expect(feesOf(await rowOf(ledger.reserve([attempt(1, 1n)], RICH)))).to.equal(3n * USD + 1n);
    expect(await ledger.reconcile(2n * USD)).to.equal(false);
  });

  it("frees what a node refused, keeps it to be verified over a restart, and books it when it was stored", async () => {
    const ledger = await open();
    await ledger.reserve([attempt(1, 5n), attempt(2, 7n)], RICH);
    await ledger.refuse([attempt(1, 5n), attempt(2, 7n), attempt(3, 9n)], 1_000);
    expect(ledger.inFlightPico).to.equal(0n);
    const after = await reopen(ledger);
    const { envelopeHash, topic } = attempt(1, 5n);
    expect(after.refusals()[0]).to.deep.equal({
      envelopeHash,
      originatorId: 100,
      topic,
      spender: NOBODY,
      refusedAt: 1_000,
    });
    expect(await after.complete(attempt(1, 5n), 6n, answer(6n)), "no other node has it").to.equal(false);
    expect(await after.complete(attempt(1, 5n), 6n, answer(6n)), "counted").to.equal(false);
    await after.reserve([attempt(2, 7n)], RICH);
    expect(after.refusals(), "it is tried again").to.deep.equal([]);
    expect(after).to.include({ usagePico: 6n, inFlightPico: 7n, doubles: 0n });
    await after.refuse([attempt(2, 7n)], 2_000, () => true);
    expect(after.inFlightPico, "taken up meanwhile").to.equal(7n);
    await after.refuse([attempt(2, 7n)], 2_000);
    await after.forgetRefusals([attempt(2, 7n)]);
    expect((await reopen(after)).refusals()).to.deep.equal([]);
  });

  it("keeps a bounded number of refusals, the newest", async function () {
    this.timeout(180_000);
    const ledger = await open();
    for (let batch = 0; batch < 11; batch++) {
      const many = Array.from({ length: 1_000 }, (_, i) => attempt(batch * 1_000 + i, 1n));
      await ledger.reserve(many, RICH);
      await ledger.refuse(many, batch);
    }
    expect(ledger.refusals()).to.have.length(10_000);
    expect(ledger.refusals()[0]!.refusedAt).to.equal(1);
  });

  it("raises its usage, by node, to what logs prove, without what is in flight", async () => {
    const ledger = await open();
    await ledger.reserve([attempt(1, 5n), attempt(2, 7n), attempt(3, 9n, 200)], RICH);
    await ledger.complete(attempt(1, 5n), 5n, answer(5n));
    await ledger.complete(attempt(3, 9n, 200), 9n, answer(9n));
    const proven = (...fees: [number, bigint][]) => {
      const feePico = new Map<string, bigint>(fees.map(([n, fee]) => [attempt(n, 0n).envelopeHash, fee]));
      return { totalPico: fees.reduce((sum, [, fee]) => sum + fee, 0n), feePico };
    };
    const known = new Map([[100, proven([1, 5n], [2, 7n])]]);
    expect(await ledger.recover(known), "all of it is known").to.equal(false);
    // Node 200's log is not read; node 100's shows an envelope that this ledger never knew of.
    expect(await ledger.recover(new Map([[100, proven([1, 5n], [2, 7n], [4, 30n])]]))).to.equal(true);
    expect(ledger).to.include({ usagePico: 44n, inFlightPico: 7n });
    await ledger.complete(attempt(2, 7n), 7n, answer(7n));
    const after = await reopen(ledger);
    expect(await after.recover(new Map([[100, proven([1, 5n], [2, 7n], [4, 30n])]]))).to.equal(false);
    expect(after.usagePico).to.equal(51n);
  });

  it("names nobody for what logs and chain prove, so that what was spent adds up to the usage", async () => {
    const store = await place().open();
    const ledger = await open({ store });
    const spender = { app: "chat", user: "alice" };
    await ledger.reserve([{ ...attempt(1, 900n), spender }], RICH);
    await ledger.complete(attempt(1, 900n), 800n, answer(800n));
    await ledger.recover(new Map([[100, { totalPico: 5_000n, feePico: new Map() }]]));
    expect(ledger.usagePico).to.equal(5_000n);
    await ledger.reconcile(9n);
    expect(ledger.usagePico).to.equal(unitsToPico(9n));
    const rows = await store.spendPage(CHANNEL, { from: 0, to: 1_000_000 }, undefined, 10);
    expect(rows.map(({ user, kind, postagePico }) => [user, kind, postagePico])).to.deep.equal([
      ["alice", "welcome", 800n],
      ["", "unnamed", unitsToPico(9n) - 800n],
    ]);
  });

  it("refuses to write beside another process", async function () {
    if (isShared) this.skip();
    const [one, two] = [await open(), await open()];
    await one.reserve([attempt(1, 1n)], RICH);
    expect(await codeOf(two.reserve([attempt(2, 1n)], RICH))).to.equal("ledger_conflict");
    expect(two.problem).to.contain("one gateway per key");
  });

  it("refuses a store whose voucher is for another contract", async () => {
    await (await open()).reserve([attempt(1, 1n)], RICH);
    expect(await codeOf(open({ domain: { ...DOMAIN, chainId: 1n } }))).to.equal("ledger_conflict");
  });

  it("never signs backwards, never above what is backed, and always covers what is out, whatever happens", async function () {
    this.timeout(180_000);
    const step = fc.record({
      kind: fc.constantFrom("reserve", "complete", "release", "refuse", "raise", "settleUp", "reopen"),
      pico: fc.bigInt(0n, 3_000_000_000n),
      headroom: fc.bigInt(0n, 5_000n),
      n: fc.nat(6),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        await place().empty();
        const store = await place().open();
        let ledger = await open({ store });
        let [authorised, usage] = [0n, 0n];
        for (const { kind, pico, headroom, n } of steps) {
          const terms = () => ({ backed: 10_000n, headroom });
          const one = attempt(n, pico);
          const codes: Promise<string>[] = [];
          if (kind === "reserve") codes.push(codeOf(ledger.reserve([one], terms)));
          if (kind === "complete") {
            const reserved = ledger.attemptsOf(one.envelopeHash)[0]?.reservedPico ?? 0n;
            codes.push(codeOf(ledger.complete(one, reserved, answer(reserved))));
          }
          if (kind === "release") codes.push(codeOf(ledger.release([one])));
          if (kind === "refuse") codes.push(codeOf(ledger.refuse([one], n)));
          if (kind === "raise") codes.push(codeOf(ledger.raise(pico / 100_000n, terms)));
          if (kind === "settleUp") codes.push(codeOf(ledger.settleUp(() => terms().backed)));
          for (const code of await Promise.all(codes)) {
            expect(code).to.be.oneOf(["no error", "out_of_money", "demand_above_ledger"]);
          }
          if (kind === "reopen") ledger = await reopen(ledger, { store });
          expect(ledger.authorised >= authorised && ledger.usagePico >= usage).to.equal(true);
          expect(ledger.authorised <= 10_000n).to.equal(true);
          expect(picoToUnitsUp(ledger.usagePico + ledger.inFlightPico) <= ledger.authorised).to.equal(true);
          [authorised, usage] = [ledger.authorised, ledger.usagePico];
        }
      }),
      { numRuns: 60 },
    );
  });
});
