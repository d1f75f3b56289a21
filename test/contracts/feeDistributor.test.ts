import { expect } from "chai";
import { ZeroAddress } from "ethers";

import type { World } from "./fixtures.ts";
import { USD, deployedWorld, fund, passEpochs, postageKey, registerNode, voucherRow } from "./fixtures.ts";

const key = postageKey(1);
/** Where the i-th node's earnings go: accounts that hold nothing else. */
const payout = (i: number) => `0x${(0xa0_00 + i).toString(16).padStart(40, "0")}`;

/** Nodes with seats, in the first epoch that they serve in, and a rich channel. */
async function seatedWorld(nodes: number): Promise<{ world: World; ids: bigint[] }> {
  const world = await deployedWorld({ settlerBountyBps: 0, settlerBountyCapAmount: 0n });
  await fund(world, key, 1_000_000n * USD);
  const ids: bigint[] = [];
  for (let i = 0; i < nodes; i++) ids.push(await registerNode(world, i, payout(i)));
  await passEpochs(world, 1);
  return { world, ids };
}

/** Lets a payer spend, and distributes it. */
async function earn(world: World, amount: bigint): Promise<void> {
  const spent = (await world.postageChannels.getChannel(key.address)).feesSpent + amount;
  await world.postageChannels.settle(await voucherRow(world, key, spent));
  await world.feeDistributor.distribute();
}

/** Asserts conservation to the unit and returns the dust. */
async function dustOf(world: World, ids: bigint[]): Promise<bigint> {
  const { feeDistributor, usdc, governance } = world;
  const claimable = await Promise.all(ids.map((id) => feeDistributor.claimable(id)));
  const owed = claimable.reduce((sum, amount) => sum + amount, 0n);
  const treasury = await feeDistributor.creditOf(governance);
  const streaming = await feeDistributor.streaming();
  const remainder = await feeDistributor.remainder();
  const paid = await feeDistributor.paid();
  const received = (await world.postageChannels.getChannel(key.address)).feesSpent;
  const dust = received - treasury - paid - owed - streaming - remainder;
  expect(await feeDistributor.released()).to.equal(paid + owed + dust);
  const held = (await usdc.getFunction("balanceOf")(feeDistributor)) as bigint;
  expect(held).to.equal(received - paid);
  expect(dust >= 0n && dust <= BigInt(ids.length), `dust ${dust}`).to.equal(true);
  return dust;
}

describe("FeeDistributor", () => {
  describe("distribute", () => {
    it("gives the treasury its tenth and spreads the rest over the 14 epochs that follow", async () => {
      const { world, ids } = await seatedWorld(1);
      const { feeDistributor, governance } = world;
      await earn(world, 1_000n);
      expect(await feeDistributor.creditOf(governance)).to.equal(100n);
      expect(await feeDistributor.streaming()).to.equal(64n * 14n);
      expect(await feeDistributor.remainder()).to.equal(4n);
      expect(await feeDistributor.claimable(ids[0]!)).to.equal(0n);

      await passEpochs(world, 1);
      // The epoch in which it was distributed is over, but is not one of those that follow.
      expect(await feeDistributor.claimable(ids[0]!)).to.equal(0n);
      for (let passed = 1n; passed <= 14n; passed++) {
        await passEpochs(world, 1);
        expect(await feeDistributor.claimable(ids[0]!)).to.equal(64n * passed);
      }
      await passEpochs(world, 3);
      expect(await feeDistributor.claimable(ids[0]!)).to.equal(64n * 14n);
      expect(await feeDistributor.streaming()).to.equal(0n);
      expect(await dustOf(world, ids)).to.equal(0n);
    });

    it("lets the remainder join the next time, and says what it did", async () => {
      const { world } = await seatedWorld(1);
      const { feeDistributor, postageChannels } = world;
      await earn(world, 1_000n);
      await postageChannels.settle(await voucherRow(world, key, 1_010n));
      await expect(feeDistributor.distribute()).to.emit(feeDistributor, "Distributed").withArgs(10n, 1n, 0n, 1n, 13n);
    });

    it("does nothing when nothing was collected", async () => {
      const { world } = await seatedWorld(1);
      await expect(world.feeDistributor.distribute()).not.to.emit(world.feeDistributor, "Distributed");
    });

    it("never counts donated tokens", async () => {
      const { world, ids } = await seatedWorld(1);
      const { feeDistributor, usdc } = world;
      await usdc.getFunction("mint")(feeDistributor, 5_000n);
      await earn(world, 1_000n);
      expect(await feeDistributor.streaming()).to.equal(64n * 14n);
      await passEpochs(world, 20);
      expect(await feeDistributor.claimable(ids[0]!)).to.equal(64n * 14n);
    });

    it("stands still while no seat is active, for as long as that takes", async () => {
      const { world, ids } = await seatedWorld(1);
      const { feeDistributor, nodeRegistry, operator } = world;
      await earn(world, 1_400_000n);
      await passEpochs(world, 1);
      await nodeRegistry.connect(operator).exit(ids[0]!);
      await passEpochs(world, 200);
      // It served two epochs: the one of the distribution, which pays nothing, and the one it left in.
      expect(await feeDistributor.claimable(ids[0]!)).to.equal(90_000n);
      expect(await feeDistributor.streaming()).to.equal(13n * 90_000n);
      const next = await registerNode(world, 7, payout(7));
      await passEpochs(world, 1);
      expect(await feeDistributor.claimable(next)).to.equal(0n);
      await passEpochs(world, 30);
      expect(await feeDistributor.claimable(next)).to.equal(13n * 90_000n);
      expect(await dustOf(world, [...ids, next])).to.equal(0n);
    });
  });

  describe("claim", () => {
    it("sends a node's share to its payout address, by anyone, and only once", async () => {
      const { world, ids } = await seatedWorld(3);
      const { feeDistributor, stranger, usdc } = world;
      await earn(world, 1_400_000n);
      await passEpochs(world, 3);
      await expect(feeDistributor.connect(stranger).claim(ids[1]!))
        .to.emit(feeDistributor, "Claimed")
        .withArgs(ids[1], payout(1), 60_000n, false);
      expect(await usdc.getFunction("balanceOf")(payout(1))).to.equal(60_000n);
      await expect(feeDistributor.claim(ids[1]!)).not.to.emit(feeDistributor, "Claimed");
      await dustOf(world, ids);
    });

    it("pays the same however often one claims", async () => {
      const { world, ids } = await seatedWorld(3);
      const { feeDistributor, usdc } = world;
      // 5,714 per epoch does not divide by 3.
      await earn(world, 88_889n);
      for (let epoch = 0; epoch < 16; epoch++) {
        await passEpochs(world, 1);
        await feeDistributor.claim(ids[0]!);
      }
      await feeDistributor.claim(ids[1]!);
      const [often, once] = await Promise.all([0, 1].map((i) => usdc.getFunction("balanceOf")(payout(i))));
      expect(often).to.equal(once);
      await dustOf(world, ids);
    });

    it("gives 0 for a node that does not exist", async () => {
      const { world } = await seatedWorld(1);
      expect(await world.feeDistributor.claim.staticCall(4_200n)).to.equal(0n);
    });

    it("case 20: joining just before distribute and leaving just after earns nothing", async () => {
      const { world, ids } = await seatedWorld(1);
      const { feeDistributor, nodeRegistry, operator } = world;
      const late = await registerNode(world, 5, payout(5));
      await earn(world, 1_400_000n);
      await nodeRegistry.connect(operator).exit(late);
      await passEpochs(world, 20);
      expect(await feeDistributor.claimable(late)).to.equal(0n);
      expect(await feeDistributor.claimable(ids[0]!)).to.equal(14n * 90_000n);
      await dustOf(world, [...ids, late]);
    });

    it("case 20: a seat is paid for the epochs it served, and a big settlement in between changes nothing before it", async () => {
      const { world, ids } = await seatedWorld(1);
      const { feeDistributor, nodeRegistry, operator } = world;
      await earn(world, 1_400_000n);
      const guest = await registerNode(world, 5, payout(5));
      await passEpochs(world, 3);
      await earn(world, 14_000_000n);
      await nodeRegistry.connect(operator).exit(guest);
      await passEpochs(world, 30);
      // The guest served three epochs of the first money by half, and none of the second.
      expect(await feeDistributor.claimable(guest)).to.equal(3n * 45_000n);
      expect(await feeDistributor.claimable(ids[0]!)).to.equal(14n * 90_000n - 3n * 45_000n + 14n * 900_000n);
      await dustOf(world, [...ids, guest]);
    });

    it("case 20: the only seat is paid everything for the time it serves", async () => {
      const { world, ids } = await seatedWorld(1);
      await earn(world, 1_400_000n);
      await passEpochs(world, 30);
      expect(await world.feeDistributor.claimable(ids[0]!)).to.equal(14n * 90_000n);
    });

    it("pays a node that left for the time before, and never again", async () => {
      const { world, ids } = await seatedWorld(2);
      const { feeDistributor, nodeRegistry, operator } = world;
      await earn(world, 1_400_000n);
      await passEpochs(world, 2);
      await nodeRegistry.connect(operator).exit(ids[1]!);
      await passEpochs(world, 4);
      await feeDistributor.claim(ids[1]!);
      await passEpochs(world, 20);
      expect(await feeDistributor.claimable(ids[1]!)).to.equal(0n);
      expect(await world.usdc.getFunction("balanceOf")(payout(1))).to.equal(2n * 45_000n);
      await dustOf(world, ids);
    });
  });

  describe("payout to one of the contracts", () => {
    it("is a gift that nobody is credited: neither a deposit nor income of the seats", async () => {
      const { world } = await seatedWorld(0);
      const { feeDistributor, postageChannels, usdc } = world;
      const balanceOf = (at: object) => usdc.getFunction("balanceOf")(at) as Promise<bigint>;
      const toChannels = await registerNode(world, 1, await postageChannels.getAddress());
      const toItself = await registerNode(world, 2, await feeDistributor.getAddress());
      await passEpochs(world, 1);
      await earn(world, 1_400_000n);
      await passEpochs(world, 15);
      const owedByChannels = await balanceOf(postageChannels);
      await feeDistributor.claim(toChannels);
      await feeDistributor.claim(toItself);

      expect(await balanceOf(postageChannels)).to.equal(owedByChannels + 630_000n);
      expect(await postageChannels.uncollected()).to.equal(0n);
      // Neither gift is distributed, and what came in later is, to the unit.
      expect(await feeDistributor.distribute.staticCall()).to.equal(0n);
      await earn(world, 1_400n);
      expect(await feeDistributor.streaming()).to.equal(1_260n);
      await fund(world, key, 5n * USD);
      expect((await postageChannels.getChannel(key.address)).deposited).to.equal(1_000_005n * USD);
      expect(await feeDistributor.claimable(toChannels)).to.equal(0n);
    });
  });

  describe("withdrawCredit", () => {
    it("hands the treasury its part", async () => {
      const { world } = await seatedWorld(1);
      const { feeDistributor, governance, stranger } = world;
      await earn(world, 1_000n);
      await expect(feeDistributor.connect(governance).withdrawCredit(ZeroAddress))
        .to.be.revertedWithCustomError(feeDistributor, "FeeDistributorRecipientNotAllowed")
        .withArgs(ZeroAddress);
      await expect(feeDistributor.connect(governance).withdrawCredit(stranger))
        .to.emit(feeDistributor, "CreditWithdrawn")
        .withArgs(governance.address, stranger.address, 100n);
    });
  });
});
