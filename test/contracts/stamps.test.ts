import { expect } from "chai";
import type { HDNodeWallet, Result, Wallet } from "ethers";
import fc from "fast-check";

import { provedLeaves } from "../../src/contracts/stampRows.ts";
import type { Hex } from "../../src/protocol/bytes.ts";
import { toAddress } from "../../src/protocol/bytes.ts";
import type { ChargeLeaf, PayoutLeaf } from "../../src/protocol/report/leaves.ts";
import { chargesTree, payoutsTree } from "../../src/protocol/report/leaves.ts";
import type { Report } from "../../src/protocol/report/report.ts";
import type { World } from "./fixtures.ts";
import { DAY, USD, U64_MAX, fund, passEpochs, postageKey, voucherRow } from "./fixtures.ts";
import { accepted, digestOf, passVetoWindow, reportWorld } from "./reportWorld.ts";

const SEATS = 3;
const CENT = USD / 100n;
const account = (i: number) => toAddress(`0x${(0xacc0 + i).toString(16).padStart(40, "0")}`);

/** A report with what it charges and pays out. */
interface Filed {
  report: Report;
  digest: Hex;
  charges: ChargeLeaf[];
  payouts: PayoutLeaf[];
}

const byAddress = <K extends string>(key: K) => {
  return (a: Record<K, string>, b: Record<K, string>) => (BigInt(a[key]) < BigInt(b[key]) ? -1 : 1);
};

/** Accepted by the seats, and final unless told. */
async function file(
  world: World,
  given: { charges?: [{ address: string }, bigint][]; payouts?: [string, bigint][]; isPending?: boolean },
): Promise<Filed> {
  const charges = (given.charges ?? [])
    .map(([key, cumulativeAmount]) => ({ channel: toAddress(key.address), cumulativeAmount }))
    .sort(byAddress("channel"));
  const payouts = (given.payouts ?? [])
    .map(([to, amount]) => ({ account: toAddress(to), amount }))
    .sort(byAddress("account"));
  const roots = { stampChargesRoot: chargesTree(charges).root, stampPayoutsRoot: payoutsTree(payouts).root };
  const report = await accepted(world, SEATS, roots);
  if (!given.isPending) await passVetoWindow(world);
  return { report, digest: await digestOf(world, report), charges, payouts };
}

const chargeAll = ({ stamps, settler }: World, { report, charges }: Filed) =>
  stamps.connect(settler).charge(report, provedLeaves(chargesTree(charges), charges));
const claimAll = ({ stamps, settler }: World, { digest, payouts }: Filed) =>
  stamps.connect(settler).claimMany(digest, provedLeaves(payoutsTree(payouts), payouts));
/** By name. */
const potOf = async ({ stamps }: World, digest: Hex) =>
  ((await stamps.potOf(digest)) as unknown as Result).toObject() as Record<string, unknown>;
const usdcOf = ({ usdc }: World, of: unknown) => usdc.getFunction("balanceOf")(of) as Promise<bigint>;
const passDays = ({ net }: World, days: number) => net.networkHelpers.time.increase(days * DAY);

/** Funds a channel and signs a ceiling for stamps. */
async function sign(world: World, key: Wallet | HDNodeWallet, ceiling: bigint, deposit = 10n * USD): Promise<void> {
  if (deposit > 0n) await fund(world, key, deposit);
  await world.postageChannels.connect(world.settler).settle(await voucherRow(world, key, 0n, ceiling));
}

describe("Stamps", function () {
  this.timeout(180_000);
  let world: World;
  const [rich, poor] = [postageKey(1), postageKey(2)] as [Wallet, Wallet];
  let snapshot: Awaited<ReturnType<World["net"]["networkHelpers"]["takeSnapshot"]>>;
  before(async () => {
    world = await reportWorld(SEATS);
    snapshot = await world.net.networkHelpers.takeSnapshot();
  });
  afterEach(() => snapshot.restore());
  after(() => world.net.close());

  it("I14: charges what is attested and signed, and pays half of it out, the rest to the treasury", async () => {
    const { stamps, postageChannels } = world;
    await sign(world, rich, 50n * CENT);
    await sign(world, poor, 2n * CENT);
    const filed = await file(world, {
      charges: [
        [rich, 20n * CENT],
        [poor, 10n * CENT],
      ],
      payouts: [
        [account(1), 7n * CENT],
        [account(2), 3n * CENT],
      ],
    });
    // 20 of the one, and of the other no more than its key signed.
    const charging = chargeAll(world, filed);
    await expect(charging)
      .to.emit(stamps, "Charged")
      .withArgs(filed.digest, 22n * CENT, false);
    await expect(charging)
      .to.emit(postageChannels, "StampsCharged")
      .withArgs(poor.address, 2n * CENT, 2n * CENT);
    await passDays(world, 3);
    await expect(claimAll(world, filed))
      .to.emit(stamps, "PotFixed")
      .withArgs(filed.digest, 22n * CENT, 10n * CENT, 10n * CENT);
    expect(await usdcOf(world, account(1))).to.equal(7n * CENT);
    expect(await usdcOf(world, account(2))).to.equal(3n * CENT);
    expect(await stamps.creditOf(world.governance)).to.equal(12n * CENT);
    await stamps.connect(world.governance).withdrawCredit(world.governance);
    expect(await usdcOf(world, await stamps.getAddress())).to.equal(0n);
  });

  it("case 33: a pot that is short is shared pro rata, and nobody else's money pays for it", async () => {
    await sign(world, rich, USD);
    await sign(world, poor, 3n * CENT);
    const short = await file(world, {
      charges: [[poor, 40n * CENT]],
      payouts: [
        [account(1), 15n * CENT],
        [account(2), 5n * CENT],
      ],
    });
    await chargeAll(world, short);
    await passEpochs(world, 2);
    const full = await file(world, { charges: [[rich, USD]], payouts: [[account(3), 50n * CENT]] });
    await chargeAll(world, full);
    await passDays(world, 3);
    await claimAll(world, short);
    // 3 were charged: half of it in proportion 3 to 1, rounded down, in units of the token.
    expect(await usdcOf(world, account(1))).to.equal(11_250n);
    expect(await usdcOf(world, account(2))).to.equal(3_750n);
    expect(await potOf(world, full.digest)).to.deep.include({ paid: 0n, charged: USD });
    await claimAll(world, full);
    expect(await usdcOf(world, account(3))).to.equal(50n * CENT);
    expect(await world.stamps.creditOf(world.governance)).to.equal(15_000n + 50n * CENT);
  });

  it("case 32: the same leaf under two roots: charged once, and each payout once from its own report's pot", async () => {
    const { stamps } = world;
    await sign(world, rich, USD);
    const given = {
      charges: [[rich, 10n * CENT]] as [Wallet, bigint][],
      payouts: [[account(1), CENT]] as [string, bigint][],
    };
    const first = await file(world, given);
    await chargeAll(world, first);
    await passEpochs(world, 2);
    const second = await file(world, given);
    expect(second.report.stampPayoutsRoot).to.equal(first.report.stampPayoutsRoot);
    await expect(chargeAll(world, second)).not.to.emit(stamps, "Charged");
    await passDays(world, 4);
    const [payout] = provedLeaves(payoutsTree(first.payouts), first.payouts);
    const claim = (digest: Hex) => stamps.claim(digest, payout!.account, payout!.amount, payout!.path);
    await claim(first.digest);
    await expect(claim(first.digest)).to.be.revertedWithCustomError(stamps, "StampsClaimed").withArgs(first.digest, 0n);
    await expect(claim(second.digest)).to.be.revertedWithCustomError(stamps, "StampsNoPot").withArgs(second.digest);
    expect(await usdcOf(world, account(1))).to.equal(CENT);
    expect((await world.postageChannels.getChannel(rich)).stampsSpent).to.equal(10n * CENT);
  });

  it("case 32: of a vetoed report nothing is charged, and its repetition is charged once", async () => {
    const { epochReports, stamps } = world;
    await sign(world, rich, USD);
    const given = { charges: [[rich, 10n * CENT]] as [Wallet, bigint][], isPending: true };
    const vetoed = await file(world, given);
    await expect(chargeAll(world, vetoed)).to.be.revertedWithCustomError(epochReports, "EpochReportsNotFinal");
    await epochReports.connect(world.pauser).veto(vetoed.digest);
    await expect(chargeAll(world, vetoed)).to.be.revertedWithCustomError(epochReports, "EpochReportsNotAccepted");
    const again = await file(world, given);
    expect(again.digest).not.to.equal(vetoed.digest);
    await passVetoWindow(world);
    await expect(chargeAll(world, vetoed)).to.be.revertedWithCustomError(epochReports, "EpochReportsNotAccepted");
    await expect(chargeAll(world, again))
      .to.emit(stamps, "Charged")
      .withArgs(again.digest, 10n * CENT, false);
  });

  it("case 38: what a final report charged stays charged, though a later one charges less", async () => {
    const { stamps, postageChannels } = world;
    await sign(world, rich, USD);
    const spam = await file(world, { charges: [[rich, 10n * CENT]], payouts: [[account(1), 5n * CENT]] });
    await chargeAll(world, spam);
    await passEpochs(world, 2);
    // The recipient accepts after all: the next report takes the stamp back, which frees nothing that was charged.
    const accept = await file(world, { charges: [[rich, 0n]] });
    await chargeAll(world, accept);
    expect((await postageChannels.getChannel(rich)).stampsSpent).to.equal(10n * CENT);
    await passDays(world, 3);
    await claimAll(world, spam);
    expect(await usdcOf(world, account(1))).to.equal(5n * CENT);
    // The ceiling that was not charged is used by what comes later.
    await passEpochs(world, 1);
    const later = await file(world, { charges: [[rich, 11n * CENT]] });
    await expect(chargeAll(world, later)).to.emit(stamps, "Charged").withArgs(later.digest, CENT, false);
  });

  it("a report and its veto window decide from when stamps are charged, to the second", async () => {
    const { epochReports, net } = world;
    await sign(world, rich, USD);
    const filed = await file(world, { charges: [[rich, CENT]], isPending: true });
    const { finalAt } = await epochReports.standingOf(filed.digest);
    await net.networkHelpers.time.setNextBlockTimestamp(finalAt - 1n);
    await expect(chargeAll(world, filed)).to.be.revertedWithCustomError(epochReports, "EpochReportsNotFinal");
    await net.networkHelpers.time.setNextBlockTimestamp(finalAt);
    await chargeAll(world, filed);
    expect(await potOf(world, filed.digest)).to.deep.include({
      finalAt,
      fixedAt: finalAt + BigInt(3 * DAY),
      claimableUntil: finalAt + BigInt(365 * DAY),
      recipientsBps: 5_000n,
    });
  });

  it("TypeScript and Solidity agree on leaves, trees and shares: random reports are charged and claimed leaf by leaf", async () => {
    const { stamps } = world;
    const keys = Array.from({ length: 9 }, (_, i) => postageKey(20 + i) as Wallet);
    for (const key of keys) await sign(world, key, U64_MAX, 10n * USD);
    let totals = keys.map(() => 0n);
    const amounts = fc.array(fc.bigInt(1n, USD / 2n), { minLength: 1, maxLength: 9 });
    await fc.assert(
      fc.asyncProperty(amounts, amounts, async (charged, paid) => {
        await passEpochs(world, 2);
        totals = totals.map((total, i) => total + (charged[i] ?? 0n));
        const filed = await file(world, {
          charges: charged.map((_, i) => [keys[i]!, totals[i]!]),
          payouts: paid.map((amount, i) => [account(100 + i), amount]),
        });
        await chargeAll(world, filed);
        await passDays(world, 3);
        const [sum, total] = [charged, paid].map((of) => of.reduce((a, b) => a + b, 0n)) as [bigint, bigint];
        const pot = total < sum / 2n ? total : sum / 2n;
        for (const { path, ...leaf } of provedLeaves(payoutsTree(filed.payouts), filed.payouts)) {
          const before = await usdcOf(world, leaf.account);
          await stamps.claim(filed.digest, leaf.account, leaf.amount, path);
          expect((await usdcOf(world, leaf.account)) - before).to.equal((leaf.amount * pot) / total);
        }
        expect(await potOf(world, filed.digest)).to.deep.include({ charged: sum, amount: pot });
      }),
      { numRuns: 6 },
    );
  });
});
