import { expect } from "chai";
import { concat, toBeHex } from "ethers";

import type { World } from "./fixtures.ts";
import { USD, deployedWorld, fund, passEpochs, postageKey, registerNode, voucherRow } from "./fixtures.ts";

const key = postageKey(1);
const payout = (i: number) => `0x${(0xb0_00 + i).toString(16).padStart(40, "0")}`;
const row = (nodeId: bigint, amount: bigint) => concat([toBeHex(nodeId, 4), toBeHex(amount, 8)]);

/** Two seats that share 90,000 an epoch, in the second epoch that pays; reports speaks as EpochReports will. */
async function earningWorld() {
  const world = await deployedWorld({ settlerBountyBps: 0, settlerBountyCapAmount: 0n });
  const { feeDistributor, ethers, net } = world;
  await fund(world, key, 1_000_000n * USD);
  const ids = [await registerNode(world, 0, payout(0)), await registerNode(world, 1, payout(1))] as const;
  await passEpochs(world, 1);
  await earn(world, 1_400_000n);
  await passEpochs(world, 2);
  const address = await feeDistributor.reports();
  await net.networkHelpers.impersonateAccount(address);
  await net.networkHelpers.setBalance(address, 10n ** 18n);
  const reports = feeDistributor.connect(await ethers.getSigner(address));
  const asPayer = feeDistributor.connect(world.funder);
  await world.usdc.connect(world.funder).getFunction("approve")(feeDistributor, 2n ** 256n - 1n);
  return { world, ids, reports, asPayer };
}

async function earn(world: World, amount: bigint): Promise<void> {
  const spent = (await world.postageChannels.getChannel(key.address)).feesSpent + amount;
  await world.postageChannels.settle(await voucherRow(world, key, spent));
  await world.feeDistributor.distribute();
}

const balanceOf = async ({ usdc }: World, account: string) => (await usdc.getFunction("balanceOf")(account)) as bigint;

describe("FeeDistributor", () => {
  describe("recordDebits", () => {
    it("is the reports contract's only", async () => {
      const { feeDistributor, stranger, deployer, epochReports } = await deployedWorld();
      const reports = await feeDistributor.reports();
      expect(reports).to.equal(await epochReports.getAddress());
      for (const caller of [stranger, deployer]) {
        await expect(feeDistributor.connect(caller).recordDebits(row(100n, 1n)))
          .to.be.revertedWithCustomError(feeDistributor, "DebitsNotReports")
          .withArgs(caller.address, reports);
      }
    });

    it("refuses what is no list of rows, and takes none for none", async () => {
      const { world, reports } = await earningWorld();
      await expect(reports.recordDebits("0x1122"))
        .to.be.revertedWithCustomError(world.feeDistributor, "DebitsMalformed")
        .withArgs(2n);
      await expect(reports.recordDebits("0x")).not.to.emit(world.feeDistributor, "DebitRecorded");
    });

    it("is covered by what was earned: taken from the next claim, without a suspension", async () => {
      const { world, ids, reports } = await earningWorld();
      const { feeDistributor, nodeSeats } = world;
      expect(await feeDistributor.claimable(ids[0])).to.equal(45_000n);
      await expect(reports.recordDebits(concat([row(ids[0], 40_000n), row(ids[1], 0n)])))
        .to.emit(feeDistributor, "DebitRecorded")
        .withArgs(ids[0], 40_000n, 40_000n);
      expect(await nodeSeats.isSuspended(ids[0])).to.equal(false);
      expect(await feeDistributor.claimable(ids[0])).to.equal(5_000n);
      await expect(feeDistributor.claim(ids[0])).to.emit(feeDistributor, "DebitTaken").withArgs(ids[0], 40_000n, 0n);
      expect(await balanceOf(world, payout(0))).to.equal(5_000n);
      expect(await feeDistributor.debitOf(ids[0])).to.equal(0n);
    });

    it("beyond what was earned suspends the seat from the next epoch on: no longer canonical", async () => {
      const { world, ids, reports } = await earningWorld();
      const { nodeRegistry, nodeSeats, feeDistributor } = world;
      await expect(reports.recordDebits(row(ids[0], 100_000n))).to.emit(nodeSeats, "NodeSuspended");
      expect(await nodeRegistry.isCanonical(ids[0])).to.equal(true);
      await passEpochs(world, 1);
      expect(await nodeRegistry.isCanonical(ids[0])).to.equal(false);
      // It keeps its divisor: the other earns no more than before.
      expect(await feeDistributor.claimable(ids[1])).to.equal(90_000n);
      await passEpochs(world, 1);
      expect(await feeDistributor.claimable(ids[1])).to.equal(135_000n);
      expect(await nodeSeats.seatsAt(await nodeSeats.currentEpoch())).to.equal(2n);
    });

    it("of a node that does not exist harms nobody", async () => {
      const { world, ids, reports } = await earningWorld();
      await reports.recordDebits(row(4_200n, 5n));
      expect(await world.feeDistributor.claim.staticCall(4_200n)).to.equal(0n);
      expect(await world.feeDistributor.claimable(ids[0])).to.equal(45_000n);
    });
  });

  describe("claim of a suspended seat", () => {
    it("pays the debit first, the rest of its share is the treasury's, and it earns again afterwards", async () => {
      const { world, ids, reports } = await earningWorld();
      const { feeDistributor, nodeRegistry, nodeSeats, governance } = world;
      await reports.recordDebits(row(ids[0], 150_000n));
      const treasury = await feeDistributor.creditOf(governance);
      // One more epoch of its own (90,000 in all), then two suspended ones of 45,000.
      await passEpochs(world, 3);
      expect(await feeDistributor.claimable(ids[0])).to.equal(30_000n);
      await expect(feeDistributor.claim(ids[0]))
        .to.emit(nodeSeats, "NodeReinstated")
        .and.to.emit(feeDistributor, "DebitTaken")
        .withArgs(ids[0], 150_000n, 0n);
      expect(await feeDistributor.creditOf(governance)).to.equal(treasury);
      // The epoch in which it is cleared is still a suspended one.
      await passEpochs(world, 2);
      await expect(feeDistributor.claim(ids[0])).to.emit(feeDistributor, "Forfeited").withArgs(ids[0], 45_000n);
      expect(await feeDistributor.creditOf(governance)).to.equal(treasury + 45_000n);
      expect(await balanceOf(world, payout(0))).to.equal(30_000n + 45_000n);
      expect(await nodeRegistry.isCanonical(ids[0])).to.equal(true);
    });

    it("has debit money join the next distribute, of which the treasury takes nothing", async () => {
      const { world, ids, reports } = await earningWorld();
      const { feeDistributor } = world;
      await reports.recordDebits(row(ids[0], 14_000n));
      await feeDistributor.claim(ids[0]);
      expect(await feeDistributor.remainder()).to.equal(14_000n);
      expect(await feeDistributor.debited()).to.equal(14_000n);
      await expect(feeDistributor.distribute()).to.emit(feeDistributor, "Distributed").withArgs(0n, 0n, 1_000n, 3n, 0n);
    });
  });

  describe("payDebit", () => {
    it("is anyone's, takes no more than is owed, and undoes the suspension before it began", async () => {
      const { world, ids, reports, asPayer } = await earningWorld();
      const { feeDistributor, nodeRegistry, nodeSeats, funder } = world;
      await reports.recordDebits(row(ids[0], 100_000n));
      const before = await balanceOf(world, funder.address);
      await expect(asPayer.payDebit(ids[0], 60_000n))
        .to.emit(feeDistributor, "DebitPaid")
        .withArgs(ids[0], funder.address, 60_000n, 40_000n);
      await expect(asPayer.payDebit(ids[0], 60_000n)).to.emit(nodeSeats, "NodeReinstated");
      expect(await balanceOf(world, funder.address)).to.equal(before - 100_000n);
      await passEpochs(world, 1);
      expect(await nodeRegistry.isCanonical(ids[0])).to.equal(true);
      expect(await feeDistributor.claimable(ids[0])).to.equal(90_000n);
      expect(await feeDistributor.remainder()).to.equal(100_000n);
      await expect(asPayer.payDebit(ids[0], 1n))
        .to.be.revertedWithCustomError(feeDistributor, "DebitsNothingOwed")
        .withArgs(ids[0]);
    });

    it("with nothing is refused", async () => {
      const { world, ids, reports, asPayer } = await earningWorld();
      await reports.recordDebits(row(ids[0], 100_000n));
      await expect(asPayer.payDebit(ids[0], 0n))
        .to.be.revertedWithCustomError(world.feeDistributor, "DebitsNothingArrived")
        .withArgs(ids[0]);
    });
  });
});

describe("NodeSeats", () => {
  describe("setSuspended", () => {
    it("is the distributor's only", async () => {
      const { nodeSeats, feeDistributor, deployer } = await deployedWorld();
      await expect(nodeSeats.setSuspended(100n, true))
        .to.be.revertedWithCustomError(nodeSeats, "NodeSeatsNotDistributor")
        .withArgs(deployer.address, await feeDistributor.getAddress());
    });

    it("outlasts the seat: who leaves and comes back with a debit comes back suspended", async () => {
      const world = await deployedWorld({ maxSeats: 1, settlerBountyBps: 0, settlerBountyCapAmount: 0n });
      const { nodeRegistry, nodeSeats, feeDistributor, operator, ethers, net } = world;
      await registerNode(world, 0, payout(0));
      const waiting = await registerNode(world, 1, payout(1));
      const address = await feeDistributor.reports();
      await net.networkHelpers.impersonateAccount(address);
      await net.networkHelpers.setBalance(address, 10n ** 18n);
      await feeDistributor.connect(await ethers.getSigner(address)).recordDebits(row(waiting, 5n));
      expect(await nodeSeats.isSuspended(waiting)).to.equal(true);
      await nodeRegistry.connect(operator).exit(100n);
      await nodeSeats.connect(operator).takeSeat(waiting);
      await passEpochs(world, 1);
      expect(await nodeRegistry.isCanonical(waiting)).to.equal(false);
      expect((await nodeSeats.serviceOf(waiting)).latest.standing).to.equal(3n);
    });
  });
});
