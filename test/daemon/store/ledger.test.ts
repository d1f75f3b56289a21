import { expect } from "chai";
import fc from "fast-check";

import { EMPTY_CHANNEL } from "../../../src/daemon/account.ts";
import type { ChannelOnChain, LedgerStore, MeterBatch } from "../../../src/daemon/ports.ts";
import { MeterOvertakenError } from "../../../src/daemon/store/errors.ts";
import type { Address, Hex } from "../../../src/protocol/bytes.ts";
import { concatBytes, toHex, uintToBytes } from "../../../src/protocol/bytes.ts";
import type { LargestVouchers, SignedVoucher } from "../../../src/protocol/voucher.ts";
import { mergeVouchers } from "../../../src/protocol/voucher.ts";
import { failureOf, onBoth } from "./backends.ts";

const MAX = 2n ** 64n - 1n;
const channelOf = (n: number): Address => toHex(uintToBytes(BigInt(n), 20));
const digestOf = (n: number): string => toHex(uintToBytes(BigInt(n), 16)).slice(2);
const hashOf = (n: number): Hex => toHex(uintToBytes(BigInt(n), 32));

function voucherOf(channel: Address, fees: bigint, stamps = 0n, salt = 0): SignedVoucher {
  const row = concatBytes(uintToBytes(fees, 8), uintToBytes(stamps, 8), new Uint8Array(64).fill(salt));
  return { channel, fees, stamps, row };
}

const both = (voucher: SignedVoucher): LargestVouchers => ({ fees: voucher, stamps: voucher });

function batchOf(changes: Partial<MeterBatch> = {}): MeterBatch {
  return { originatorId: 200, after: 0n, upTo: 1n, charges: [], minuteCounts: new Map(), ...changes };
}

async function fund(ledger: LedgerStore, channels: readonly Address[], state: Partial<ChannelOnChain> = {}) {
  const states = new Map(channels.map((channel) => [channel, { ...EMPTY_CHANNEL, ...state }]));
  await ledger.recordChain({ states, readTo: 1n, blocks: [] });
}

onBoth("store/ledger", (fixture, { isShared }) => {
  describe("accounts", () => {
    it("keeps every amount of 64 bits, and replaces it, across a restart", async () => {
      const { ledger } = await fixture.open();
      const full = {
        ...{ deposited: MAX, feesSpent: MAX - 1n, stampsSpent: MAX - 2n, stampsSigned: MAX - 3n },
        pendingWithdrawal: MAX - 4n,
      };
      await fund(ledger, [channelOf(1)], full);
      await fund(ledger, [channelOf(2)], { deposited: 5n });
      await fund(ledger, [channelOf(2)], { deposited: 4n });
      await fixture.closeAll();
      const { ledger: again } = await fixture.open();
      const fresh = { usagePico: 0n, vouchers: undefined };
      expect(await again.account(channelOf(1))).to.deep.equal({ channel: channelOf(1), ...fresh, chain: full });
      expect((await again.account(channelOf(2)))!.chain.deposited).to.equal(4n);
      expect(await again.account(channelOf(3))).to.equal(undefined);
    });

    it("pages by channel, and reads more than one statement takes", async () => {
      const { ledger } = await fixture.open();
      const channels = Array.from({ length: 2_100 }, (_, i) => channelOf(i * 7 + 1));
      await fund(ledger, [...channels].reverse(), { deposited: 1n });
      const seen: Address[] = [];
      for (;;) {
        const page = await ledger.accounts(seen.at(-1), 500);
        if (page.length === 0) break;
        seen.push(...page.map(({ channel }) => channel));
      }
      expect(seen).to.deep.equal(channels);
      const found = await ledger.accountsOf([...channels, channelOf(2)]);
      expect(found.size).to.equal(2_100);
      expect(found.get(channelOf(8))!.channel).to.equal(channelOf(8));
      expect((await ledger.accountsOf([])).size).to.equal(0);
    });
  });

  describe("raise", () => {
    it("agrees with mergeVouchers for whatever comes in whatever order and grouping (3, 6)", async () => {
      const { ledger } = await fixture.open();
      const amount = fc.oneof(
        fc.bigInt({ min: 0n, max: 3n }),
        fc.constantFrom(MAX, MAX - 1n, 2n ** 63n, 2n ** 63n - 1n),
      );
      const voucher = fc.record({ fees: amount, stamps: amount, salt: fc.integer({ min: 0, max: 255 }) });
      let next = 0;
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.array(voucher, { maxLength: 4 }), { minLength: 1, maxLength: 5 }),
          async (calls) => {
            const channel = channelOf(++next);
            await fund(ledger, [channel]);
            const signed = calls.map((some) => some.map((v) => voucherOf(channel, v.fees, v.stamps, v.salt)));
            for (const some of signed) await ledger.raise(some);
            const all = signed.flat().map(both);
            const expected = all.length === 0 ? undefined : all.reduce(mergeVouchers);
            expect((await ledger.account(channel))!.vouchers).to.deep.equal(expected);
          },
        ),
        { numRuns: 60 },
      );
    });

    it("keeps columns that were signed out of step apart, and one voucher one", async () => {
      const { ledger } = await fixture.open();
      await fund(ledger, [channelOf(1)]);
      const [fees, stamps] = [voucherOf(channelOf(1), 9n, 1n), voucherOf(channelOf(1), 2n, 8n)];
      await ledger.raise([fees, stamps]);
      expect((await ledger.account(channelOf(1)))!.vouchers).to.deep.equal({ fees, stamps });
      const larger = voucherOf(channelOf(1), 10n, 9n);
      await ledger.raise([larger]);
      const { vouchers } = (await ledger.account(channelOf(1)))!;
      expect(vouchers).to.deep.equal({ fees: larger, stamps: larger });
    });

    it("passes over channels without an account, and takes 2,500 at once", async () => {
      const { ledger } = await fixture.open();
      const channels = Array.from({ length: 2_500 }, (_, i) => channelOf(i));
      await fund(
        ledger,
        channels.filter((_, i) => i % 2 === 0),
      );
      await ledger.raise(channels.map((channel, i) => voucherOf(channel, BigInt(i))));
      const accounts = await ledger.accountsOf(channels);
      expect(accounts.size).to.equal(1_250);
      for (const [i, channel] of channels.entries()) {
        expect(accounts.get(channel)?.vouchers?.fees.fees).to.equal(i % 2 === 0 ? BigInt(i) : undefined);
      }
    });

    it("56: 1,000 identical vouchers at once leave one", async () => {
      const { ledger } = await fixture.open();
      await fund(ledger, [channelOf(1)]);
      const voucher = voucherOf(channelOf(1), 7n);
      await Promise.all(Array.from({ length: 1_000 }, () => ledger.raise([voucher])));
      expect((await ledger.account(channelOf(1)))!.vouchers).to.deep.equal(both(voucher));
    }).timeout(180_000);
  });

  describe("meter", () => {
    it("charges each (payer, digest) once, the first of a batch, and opens accounts (D2)", async () => {
      const { ledger } = await fixture.open();
      const [a, b] = [channelOf(1), channelOf(2)];
      const first = [
        { channel: b, digest: digestOf(1), feePico: 10n },
        { channel: a, digest: digestOf(1), feePico: 3n },
        { channel: a, digest: digestOf(1), feePico: 4_000n },
        { channel: a, digest: digestOf(2), feePico: 5n },
      ];
      expect(await ledger.meter(batchOf({ charges: first, upTo: 4n }))).to.deep.equal([first[0], first[1], first[3]]);
      const second = [
        { channel: a, digest: digestOf(2), feePico: 5n },
        { channel: a, digest: digestOf(3), feePico: 7n },
      ];
      const charged = await ledger.meter(batchOf({ charges: second, after: 4n, upTo: 6n }));
      expect(charged).to.deep.equal([second[1]]);
      const accounts = await ledger.accountsOf([a, b]);
      expect([accounts.get(a)!.usagePico, accounts.get(b)!.usagePico]).to.deep.equal([15n, 10n]);
      expect(await ledger.meterCursor(200)).to.equal(6n);
      expect(await ledger.meterCursor(300)).to.equal(0n);
      const asked = [...first, { channel: b, digest: digestOf(2) }, { channel: channelOf(9), digest: digestOf(1) }];
      expect(await ledger.chargedOf(asked)).to.deep.equal(
        new Set([`${a}:${digestOf(1)}`, `${b}:${digestOf(1)}`, `${a}:${digestOf(2)}`]),
      );
    });

    it("sums beyond 64 bits to the picodollar (6)", async () => {
      const { ledger } = await fixture.open();
      const fees = [MAX * 1_000_000n, 999_999_999_999n, 1n, 2n ** 63n, 999_999_999_999n, 999_999_999_999n];
      let [sum, after] = [0n, 0n];
      for (const feePico of fees) {
        sum += feePico;
        const charges = [{ channel: channelOf(1), digest: digestOf(Number(after)), feePico }];
        await ledger.meter(batchOf({ charges, after, upTo: ++after }));
        expect((await ledger.account(channelOf(1)))!.usagePico).to.equal(sum);
      }
    });

    it("53: of two writers of one stretch one charges, the other learns it and nothing is half done", async () => {
      const { ledger } = await fixture.open();
      const charge = (n: number) => ({ channel: channelOf(n), digest: digestOf(n), feePico: 5n });
      const race = [1, 2].map((n) =>
        ledger.meter(batchOf({ charges: [charge(n)], minuteCounts: new Map([[7n, BigInt(n)]]) })),
      );
      const ends = await Promise.allSettled(race);
      expect(ends.map(({ status }) => status).sort()).to.deep.equal(["fulfilled", "rejected"]);
      const lost = ends.findIndex(({ status }) => status === "rejected");
      expect((ends[lost] as PromiseRejectedResult).reason).to.be.instanceOf(MeterOvertakenError);
      expect(await ledger.account(channelOf(lost + 1))).to.equal(undefined);
      expect((await ledger.minuteCounts(200, 0n, 9n)).get(7n)).to.equal(BigInt(2 - lost));
      for (const after of [0n, 2n]) {
        const overtaken = await failureOf(ledger.meter(batchOf({ charges: [charge(3)], after, upTo: 3n })));
        expect(overtaken, `after ${after}`).to.be.instanceOf(MeterOvertakenError);
      }
      const unknown = await failureOf(ledger.meter(batchOf({ originatorId: 300, after: 1n, upTo: 2n })));
      expect(unknown).to.be.instanceOf(MeterOvertakenError);
      expect(await ledger.account(channelOf(3))).to.equal(undefined);
      expect(await ledger.meterCursor(200)).to.equal(1n);
    });

    it("keeps the newest week's minutes of each originator, whatever one of them is dated", async () => {
      const { ledger } = await fixture.open();
      const batch = (originatorId: number, after: bigint, minutes: bigint[]) =>
        ledger.meter(
          batchOf({ originatorId, after, upTo: after + 1n, minuteCounts: new Map(minutes.map((m) => [m, 1n])) }),
        );
      const range = (from: number, count: number) => Array.from({ length: count }, (_, i) => BigInt(from + i));
      await batch(200, 0n, range(0, 10_080));
      await batch(300, 0n, range(0, 5));
      expect((await ledger.minuteCounts(200, 0n, 59n)).size).to.equal(60);
      // Dated years ahead: one minute has to go, not all of them.
      await batch(200, 1n, [6_000_000n]);
      expect([...(await ledger.minuteCounts(200, 0n, 2n)).keys()]).to.deep.equal([1n, 2n]);
      await batch(200, 2n, range(10_080, 120));
      expect((await ledger.minuteCounts(200, 0n, 9_000_000n)).size).to.equal(10_080);
      expect((await ledger.minuteCounts(200, 121n, 10_199n)).size, "none in between is missing").to.equal(10_079);
      // Dated back before all that is kept: it is charged, and forgotten again.
      await batch(200, 3n, [0n]);
      expect((await ledger.minuteCounts(200, 0n, 120n)).size).to.equal(0);
      expect((await ledger.minuteCounts(300, 0n, 9n)).size, "another one's").to.equal(5);
    });

    it("sums what was charged by originator and hour, once, and keeps a month of it", async () => {
      const { ledger } = await fixture.open();
      const charge = (n: number, feePico: bigint, minute: bigint) => ({
        ...{ channel: channelOf(n), digest: digestOf(n), feePico, minute },
      });
      const batch = (originatorId: number, after: bigint, charges: MeterBatch["charges"]) =>
        ledger.meter(batchOf({ originatorId, after, upTo: after + 1n, charges }));
      const full = [charge(1, MAX, 60n), charge(2, MAX, 119n), charge(3, 7n, 120n)];
      await batch(200, 0n, full);
      // The same messages in another's log, and one more.
      await batch(300, 0n, [...full, charge(4, 5n, 61n)]);
      await batch(200, 1n, [charge(5, 1n, 60n)]);
      const expected = [
        { originatorId: 200, hour: 1n, messages: 3n, feesPico: 2n * MAX + 1n },
        { originatorId: 300, hour: 1n, messages: 1n, feesPico: 5n },
        { originatorId: 200, hour: 2n, messages: 1n, feesPico: 7n },
      ];
      expect(await ledger.hours(0n, 9n)).to.deep.equal(expected);
      expect(await ledger.hours(2n, 2n)).to.deep.equal(expected.slice(2));
      await batch(
        200,
        2n,
        Array.from({ length: 743 }, (_, i) => charge(100 + i, 1n, BigInt(i + 3) * 60n)),
      );
      const kept = await ledger.hours(0n, 1_000n);
      expect(kept.filter(({ originatorId }) => originatorId === 200).length).to.equal(744);
      expect(kept[0], "the oldest has gone, another one's has not").to.deep.equal(expected[1]);
    });

    it("says how large it is", async () => {
      const { ledger } = await fixture.open();
      const before = await ledger.size();
      const charges = Array.from({ length: 5_000 }, (_, i) => ({
        ...{ channel: channelOf(i % 10), digest: digestOf(i), feePico: 2n },
      }));
      await ledger.meter(batchOf({ charges }));
      const after = await ledger.size();
      expect(after.databaseBytes > before.databaseBytes + 50_000n).to.equal(true);
      if (isShared) expect(after.chargesBytes! > before.chargesBytes! + 50_000n).to.equal(true);
      else expect(after.chargesBytes).to.equal(undefined);
    });

    it("counts minutes per originator and takes batches larger than a statement", async () => {
      const { ledger } = await fixture.open();
      const charges = Array.from({ length: 2_300 }, (_, i) => ({
        ...{ channel: channelOf(i % 1_200), digest: digestOf(i), feePico: 2n },
      }));
      const minuteCounts = new Map(Array.from({ length: 1_500 }, (_, i) => [BigInt(i), BigInt(i * 2)]));
      expect(await ledger.meter(batchOf({ charges, minuteCounts, upTo: 2_300n }))).to.have.length(2_300);
      expect(await ledger.meter(batchOf({ charges, after: 2_300n, upTo: 2_301n }))).to.have.length(0);
      await ledger.meter(batchOf({ originatorId: 300, minuteCounts: new Map([[5n, 1n]]) }));
      await ledger.meter(batchOf({ after: 2_301n, upTo: 2_302n, minuteCounts: new Map([[5n, 11n]]) }));
      expect(await ledger.minuteCounts(200, 4n, 6n)).to.deep.equal(
        new Map([
          [4n, 8n],
          [5n, 11n],
          [6n, 12n],
        ]),
      );
      expect(await ledger.minuteCounts(300, 0n, 9_999n)).to.deep.equal(new Map([[5n, 1n]]));
      expect((await ledger.chargedOf(charges)).size).to.equal(2_300);
      const accounts = await ledger.accounts(undefined, 2_000);
      expect(accounts.reduce((sum, { usagePico }) => sum + usagePico, 0n)).to.equal(4_600n);
    });
  });

  describe("chain", () => {
    it("48: drops what a reorg took, adds what came, forgets what is final, in one step (D10)", async () => {
      const { ledger } = await fixture.open();
      expect([await ledger.chainCursor(), await ledger.finalized(), await ledger.journal()]).to.deep.equal([
        ...[undefined, undefined, []],
      ]);
      const block = (number: bigint, fork: number) => ({
        ...{ number, hash: hashOf(Number(number) * 10 + fork), touched: [channelOf(fork), channelOf(fork + 1)] },
      });
      const states = new Map([[channelOf(1), { ...EMPTY_CHANNEL, deposited: 1n }]]);
      await ledger.recordChain({ states, readTo: 12n, blocks: [block(11n, 0), block(10n, 0), block(12n, 0)] });
      await ledger.recordChain({
        states: new Map(),
        readTo: 13n,
        dropFrom: 11n,
        blocks: [block(11n, 1), block(13n, 1)],
      });
      const forked = [block(10n, 0), block(11n, 1), block(13n, 1)];
      expect(await ledger.journal()).to.deep.equal(forked);
      const finalized = { number: 11n, hash: hashOf(111) };
      await ledger.recordChain({
        states: new Map(),
        readTo: 14n,
        blocks: [{ ...block(14n, 1), touched: [] }],
        finalized,
      });
      await fixture.closeAll();
      const { ledger: again } = await fixture.open();
      expect(await again.journal()).to.deep.equal([block(13n, 1), { ...block(14n, 1), touched: [] }]);
      expect(await again.finalized()).to.deep.equal(finalized);
      expect(await again.chainCursor()).to.equal(14n);
      expect((await again.account(channelOf(1)))!.chain.deposited).to.equal(1n);
    });

    it("leaves the usage and vouchers of an account alone", async () => {
      const { ledger } = await fixture.open();
      await fund(ledger, [channelOf(1)]);
      await ledger.raise([voucherOf(channelOf(1), 3n)]);
      await ledger.meter(batchOf({ charges: [{ channel: channelOf(1), digest: digestOf(1), feePico: 8n }] }));
      await fund(ledger, [channelOf(1)], { deposited: 9n });
      const account = (await ledger.account(channelOf(1)))!;
      expect([account.usagePico, account.vouchers!.fees.fees, account.chain.deposited]).to.deep.equal([8n, 3n, 9n]);
    });
  });

  it("knows the highest sequence id, of 64 bits too, and only lets it grow", async () => {
    const { ledger } = await fixture.open();
    const asked = [5n, 3n, 2n ** 63n, 7n, MAX, 1n];
    const answers: bigint[] = [];
    for (const id of asked) answers.push(await ledger.raiseHighWater(id));
    expect(answers).to.deep.equal([5n, 5n, 2n ** 63n, 2n ** 63n, MAX, MAX]);
    await fixture.closeAll();
    expect(await (await fixture.open()).ledger.raiseHighWater(0n)).to.equal(MAX);
  });
});
