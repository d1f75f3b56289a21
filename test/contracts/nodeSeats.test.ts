import { expect } from "chai";

import type { World } from "./fixtures.ts";
import { impersonated, passEpochs, registerNode } from "./fixtures.ts";
import { MINIMUM, activeIds, raise, seatedWorld, take } from "./seatedWorld.ts";

const Standing = { none: 0n, earning: 1n };

const seatedIds = async ({ nodeSeats }: World) => [...(await nodeSeats.seatedNodes()).nodeIds];

async function asFaultProofs(world: World) {
  return world.nodeStaking.connect(await impersonated(world, await world.faultProofs.getAddress()));
}

describe("NodeSeats", () => {
  describe("seatPrice", () => {
    it("is the minimum while a seat is free, and 110 % of the weakest's stake, rounded up, when none is", async () => {
      const world = await seatedWorld(2, 1);
      const { nodeSeats } = world;
      expect(await nodeSeats.seatPrice()).to.deep.equal([MINIMUM, 0n]);
      await registerNode(world, 1, world.operator.address);
      expect(await nodeSeats.seatPrice()).to.deep.equal([112n, 200n]);
      // 110 is 110 % of 100 to the unit.
      await raise(world, 200n, 9n);
      await raise(world, 100n, 9n);
      expect(await nodeSeats.seatPrice()).to.deep.equal([121n, 200n]);
    });

    it("names the least stake, and of equals the highest id, pending seats included", async () => {
      const world = await seatedWorld(3);
      const { nodeSeats } = world;
      expect((await nodeSeats.seatPrice()).weakest).to.equal(300n);
      await raise(world, 300n, 1n);
      expect((await nodeSeats.seatPrice()).weakest).to.equal(200n);
      await raise(world, 200n, 2n);
      await raise(world, 100n, 1n);
      // 100 and 300 have 102, 200 has 103.
      expect(await nodeSeats.seatPrice()).to.deep.equal([113n, 300n]);
      await world.nodeRegistry.connect(world.operator).exit(100n);
      expect(await nodeSeats.seatPrice()).to.deep.equal([MINIMUM, 0n]);
      await registerNode(world, 3, world.operator.address);
      expect(await nodeSeats.seatPrice()).to.deep.equal([112n, 400n]);
    });

    it("is the minimum at least, also after it was raised above 110 % of the weakest", async () => {
      const world = await seatedWorld(1);
      await world.nodeStaking.connect(world.governance).setMinimumStake(500n);
      expect(await world.nodeSeats.seatPrice()).to.deep.equal([500n, 100n]);
    });
  });

  describe("takeSeat", () => {
    it("case 26: displaces the weakest with exactly 110 %, not with one unit less", async () => {
      const world = await seatedWorld(2, 3);
      const { nodeSeats } = world;
      const epoch = await nodeSeats.currentEpoch();
      await raise(world, 300n, 10n);
      await expect(take(world, 300n))
        .to.be.revertedWithCustomError(nodeSeats, "NodeSeatsStakeTooSmall")
        .withArgs(111n, 112n);
      await raise(world, 300n, 1n);
      const taking = take(world, 300n);
      await expect(taking)
        .to.emit(nodeSeats, "SeatLeft")
        .withArgs(200n, epoch + 1n, 1n);
      await expect(taking)
        .to.emit(nodeSeats, "SeatTaken")
        .withArgs(300n, epoch + 1n, 2n);
      expect(await nodeSeats.seatMinimumOf(300n)).to.equal(112n);
      expect(await nodeSeats.seatMinimumOf(200n)).to.equal(0n);
      // The displaced seat serves to the end of the epoch.
      expect(await seatedIds(world)).to.deep.equal([100n, 200n, 300n]);
      expect(await activeIds(world)).to.deep.equal([100n, 200n]);
      expect(await nodeSeats.seatsAt(epoch)).to.equal(2n);
      await passEpochs(world, 1);
      expect(await seatedIds(world)).to.deep.equal([100n, 300n]);
      expect(await activeIds(world)).to.deep.equal([100n, 300n]);
      expect(await world.nodeRegistry.isLive(200n)).to.equal(true);
    });

    it("case 26: a displaced pending seat never becomes active, and leaves no stretch", async () => {
      const world = await seatedWorld(1, 3);
      const { nodeSeats } = world;
      const epoch = await nodeSeats.currentEpoch();
      await raise(world, 200n, 11n);
      await raise(world, 300n, 100n);
      await take(world, 200n);
      // 110 % of 112 are 123.2.
      expect(await nodeSeats.seatPrice()).to.deep.equal([124n, 200n]);
      await take(world, 300n);
      expect(await nodeSeats.stretchesOf(200n, 0, 10)).to.deep.equal([]);
      expect(await nodeSeats.stretchesOf(100n, 0, 10)).to.deep.equal([
        [epoch, Standing.earning],
        [epoch + 1n, Standing.none],
      ]);
      expect(await seatedIds(world)).to.deep.equal([100n, 300n]);
      await passEpochs(world, 1);
      expect(await activeIds(world)).to.deep.equal([300n]);
      expect(await nodeSeats.seatsAt(epoch + 1n)).to.equal(1n);
    });

    it("one that is displaced can come back in the same epoch: it never stopped", async () => {
      const world = await seatedWorld(2, 3);
      const { nodeSeats } = world;
      const epoch = await nodeSeats.currentEpoch();
      await raise(world, 300n, 100n);
      await take(world, 300n);
      await raise(world, 200n, 11n);
      // The weakest is 100 now, with 101.
      await take(world, 200n);
      expect(await nodeSeats.stretchesOf(200n, 0, 10)).to.deep.equal([[epoch, Standing.earning]]);
      // And away, and back, and away: it is listed once.
      await world.nodeRegistry.connect(world.operator).exit(200n);
      expect(await seatedIds(world)).to.deep.equal([100n, 200n, 300n]);
      expect(await activeIds(world)).to.deep.equal([100n, 200n]);
      await passEpochs(world, 1);
      expect(await activeIds(world)).to.deep.equal([300n]);
    });

    it("is for the owner of a live node that has none, that is not frozen, and exists", async () => {
      const world = await seatedWorld(1, 2);
      const { nodeSeats, nodeRegistry, operator, stranger } = world;
      await expect(nodeSeats.connect(stranger).takeSeat(200n))
        .to.be.revertedWithCustomError(nodeSeats, "NodeSeatsNotOwner")
        .withArgs(stranger.address, 200n);
      await expect(nodeSeats.connect(stranger).takeSeat(900n))
        .to.be.revertedWithCustomError(nodeRegistry, "ERC721NonexistentToken")
        .withArgs(900n);
      await expect(take(world, 100n)).to.be.revertedWithCustomError(nodeSeats, "NodeSeatsAlreadySeated").withArgs(100n);
      await nodeRegistry.connect(operator).exit(100n);
      const judge = await asFaultProofs(world);
      await judge.freeze(200n);
      await expect(take(world, 200n)).to.be.revertedWithCustomError(nodeSeats, "NodeSeatsFrozen").withArgs(200n);
      await judge.unfreeze(200n);
      await take(world, 200n);
    });

    it("counts what is staked, not what unbonds, and refuses below the minimum although a seat is free", async () => {
      const world = await seatedWorld(1, 2);
      const { nodeSeats, nodeStaking, operator } = world;
      await raise(world, 200n, 11n);
      await nodeStaking.connect(operator).unstake(200n, 11n);
      await expect(take(world, 200n))
        .to.be.revertedWithCustomError(nodeSeats, "NodeSeatsStakeTooSmall")
        .withArgs(101n, 112n);
      await nodeSeats.connect(world.governance).setMaxSeats(2n);
      await nodeStaking.connect(world.governance).setMinimumStake(102n);
      await expect(take(world, 200n))
        .to.be.revertedWithCustomError(nodeSeats, "NodeSeatsStakeTooSmall")
        .withArgs(101n, 102n);
    });
  });

  it("case 29: lists who serves in this epoch or from the next one on, and nobody who left before", async () => {
    const world = await seatedWorld(3, 5);
    const registry = world.nodeRegistry.connect(world.operator);
    await registry.exit(200n);
    expect(await seatedIds(world)).to.deep.equal([100n, 200n, 300n]);
    await passEpochs(world, 2);
    expect(await seatedIds(world)).to.deep.equal([100n, 300n]);
    await registry.exit(100n);
    await take(world, 400n);
    expect(await seatedIds(world)).to.deep.equal([100n, 300n, 400n]);
    expect(await activeIds(world)).to.deep.equal([100n, 300n]);
    await passEpochs(world, 1);
    await take(world, 500n);
    expect(await seatedIds(world)).to.deep.equal([300n, 400n, 500n]);
  });

  describe("a seat's minimum", () => {
    it("cannot be unstaked, is what the seat was taken with, and ends with the seat", async () => {
      const world = await seatedWorld(1, 2);
      const { nodeStaking, operator } = world;
      await raise(world, 200n, 50n);
      await take(world, 200n);
      const staking = nodeStaking.connect(operator);
      await expect(staking.unstake(200n, 40n))
        .to.be.revertedWithCustomError(nodeStaking, "NodeStakingBelowMinimum")
        .withArgs(111n, 112n);
      await staking.unstake(200n, 39n);
      // Displaced, it may go down to the minimum, at once.
      await raise(world, 100n, 23n);
      await take(world, 100n);
      await staking.unstake(200n, 11n);
      await expect(staking.unstake(200n, 1n))
        .to.be.revertedWithCustomError(nodeStaking, "NodeStakingBelowMinimum")
        .withArgs(100n, 101n);
    });

    it("stays when the network's is raised, which unseats nobody, and when it is lowered", async () => {
      const world = await seatedWorld(2);
      const { nodeSeats, nodeStaking, operator } = world;
      await nodeStaking.connect(world.governance).setMinimumStake(1_000n);
      await passEpochs(world, 3);
      expect(await activeIds(world)).to.deep.equal([100n, 200n]);
      expect(await nodeSeats.seatMinimumOf(100n)).to.equal(MINIMUM);
      await nodeStaking.connect(world.governance).setMinimumStake(1n);
      await expect(nodeStaking.connect(operator).unstake(100n, 1n))
        .to.be.revertedWithCustomError(nodeStaking, "NodeStakingBelowMinimum")
        .withArgs(100n, MINIMUM);
    });

    it("case 21: a slash below it ends the seat with the epoch, one to it does not; new stake takes it again", async () => {
      const world = await seatedWorld(2);
      const { nodeSeats } = world;
      const epoch = await nodeSeats.currentEpoch();
      const judge = await asFaultProofs(world);
      await raise(world, 100n, 101n);
      await expect(judge.slash(100n, 5_000n, 0n, world.stranger)).not.to.emit(nodeSeats, "SeatLeft");
      expect(await nodeSeats.seatMinimumOf(100n)).to.equal(MINIMUM);
      await expect(judge.slash(100n, 100n, 0n, world.stranger))
        .to.emit(nodeSeats, "SeatLeft")
        .withArgs(100n, epoch + 1n, 1n);
      expect(await activeIds(world)).to.deep.equal([100n, 200n]);
      await passEpochs(world, 1);
      expect(await activeIds(world)).to.deep.equal([200n]);
      await expect(take(world, 100n))
        .to.be.revertedWithCustomError(nodeSeats, "NodeSeatsStakeTooSmall")
        .withArgs(100n, 101n);
      await raise(world, 100n, 1n);
      await take(world, 100n);
      await passEpochs(world, 1);
      expect(await activeIds(world)).to.deep.equal([100n, 200n]);
      // What unbonds does not hold a seat, and a slash of it alone does not end one.
      await judge.slash(200n, 0n, 0n, world.stranger);
      expect(await nodeSeats.seatMinimumOf(200n)).to.equal(MINIMUM);
    });

    it("case 23: after a total slash a node without a seat can stake and take one", async () => {
      const world = await seatedWorld(1);
      const judge = await asFaultProofs(world);
      await judge.slash(100n, 10_000n, 2_000n, world.stranger);
      expect(await world.nodeSeats.seatPrice()).to.deep.equal([MINIMUM, 0n]);
      await judge.slash(100n, 10_000n, 2_000n, world.stranger);
      await raise(world, 100n, MINIMUM);
      await take(world, 100n);
      await passEpochs(world, 2);
      expect(await activeIds(world)).to.deep.equal([100n]);
    });
  });
});
