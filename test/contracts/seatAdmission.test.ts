import { expect } from "chai";

import { impersonated, passEpochs, registerNode } from "./fixtures.ts";
import { activeIds, raise, seatedWorld, take } from "./seatedWorld.ts";

describe("NodeSeats", () => {
  describe("admission and the number of seats", () => {
    it("Approved: admitted nodes only, while seats that were taken stay; Open: any", async () => {
      const world = await seatedWorld(2, 1);
      const { nodeSeats } = world;
      await expect(nodeSeats.connect(world.governance).setAdmission(0n))
        .to.emit(nodeSeats, "AdmissionSet")
        .withArgs(0n);
      await registerNode(world, 1, world.operator.address);
      await passEpochs(world, 1);
      expect(await activeIds(world)).to.deep.equal([100n]);
      await expect(take(world, 200n)).to.be.revertedWithCustomError(nodeSeats, "NodeSeatsNotAdmitted").withArgs(200n);
      await expect(nodeSeats.connect(world.governance).setAdmitted(200n, true))
        .to.emit(nodeSeats, "NodeAdmitted")
        .withArgs(200n, true);
      expect(await nodeSeats.isAdmitted(200n)).to.equal(true);
      await take(world, 200n);
      await nodeSeats.connect(world.governance).setAdmitted(200n, false);
      await passEpochs(world, 1);
      expect(await activeIds(world)).to.deep.equal([100n, 200n]);
      await world.nodeRegistry.connect(world.operator).exit(200n);
      await registerNode(world, 2, world.operator.address);
      await expect(take(world, 300n)).to.be.revertedWithCustomError(nodeSeats, "NodeSeatsNotAdmitted").withArgs(300n);
      await nodeSeats.connect(world.governance).setAdmission(1n);
      await take(world, 300n);
    });

    it("fewer seats unseat nobody, but none is free until enough have left; more are free at once", async () => {
      const world = await seatedWorld(3, 4);
      const { nodeSeats, nodeRegistry, operator } = world;
      await expect(nodeSeats.connect(world.governance).setMaxSeats(1n)).to.emit(nodeSeats, "MaxSeatsSet").withArgs(1n);
      await passEpochs(world, 1);
      expect(await activeIds(world)).to.deep.equal([100n, 200n, 300n]);
      await nodeRegistry.connect(operator).exit(100n);
      await expect(take(world, 400n)).to.be.revertedWithCustomError(nodeSeats, "NodeSeatsStakeTooSmall");
      await raise(world, 400n, 11n);
      await take(world, 400n);
      await passEpochs(world, 1);
      expect(await activeIds(world)).to.deep.equal([200n, 400n]);
      await nodeSeats.connect(world.governance).setMaxSeats(3n);
      await take(world, 300n);
    });
  });

  it("who may call what: each peer its own, and nobody for another", async () => {
    const world = await seatedWorld(1);
    const { nodeSeats, nodeStaking, feeDistributor, nodeRegistry, stranger, operator } = world;
    const [registry, staking] = [await nodeRegistry.getAddress(), await nodeStaking.getAddress()];
    const [distributor, reports] = [await feeDistributor.getAddress(), await nodeSeats.reports()];
    const callers = [stranger.address, operator.address, registry, staking, distributor, reports];
    for (const caller of callers) {
      const seats = nodeSeats.connect(await impersonated(world, caller));
      const refused = async (attempt: () => Promise<unknown>, error: string, peer: string) => {
        if (caller === peer) return;
        await expect(attempt()).to.be.revertedWithCustomError(nodeSeats, error).withArgs(caller, peer);
      };
      await refused(() => seats.enter(200n, stranger), "NodeSeatsNotRegistry", registry);
      await refused(() => seats.leave(100n), "NodeSeatsNotRegistry", registry);
      await refused(() => seats.setPayout(100n, stranger), "NodeSeatsNotRegistry", registry);
      await refused(() => seats.stakeSlashed(100n, 0n), "NodeSeatsNotStaking", staking);
      await refused(() => seats.setSuspended(100n, true), "NodeSeatsNotDistributor", distributor);
      await refused(() => seats.jail([100n]), "NodeSeatsNotReports", reports);
      for (const attempt of [
        () => seats.setAdmission(0n),
        () => seats.setAdmitted(100n, true),
        () => seats.setMaxSeats(1n),
      ]) {
        await expect(attempt()).to.be.revertedWithCustomError(nodeSeats, "AccessManagedUnauthorized").withArgs(caller);
      }
    }
    expect(await activeIds(world)).to.deep.equal([100n]);
  });
});
