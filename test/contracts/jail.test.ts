import { expect } from "chai";

import type { World } from "./fixtures.ts";
import { EPOCH, deployedWorld, impersonated, passEpochs, registerNode } from "./fixtures.ts";
import { activeIds } from "./seatedWorld.ts";

const MINIMUM = 100n;
/** Three days of epochs of 12 hours. */
const TERM = 6n;
const Standing = { none: 0n, earning: 1n, jailed: 2n, suspended: 3n };

/** Nodes with seats, in the first epoch that they serve in; reports and distributor speak as the contracts will. */
async function jailWorld(nodes: number, changes: Parameters<typeof deployedWorld>[0] = {}) {
  const world = await deployedWorld({ minimumStakeAmount: MINIMUM, ...changes });
  for (let i = 0; i < nodes; i++) await registerNode(world, i, world.operator.address);
  await passEpochs(world, 1);
  const { nodeSeats, feeDistributor } = world;
  const reports = nodeSeats.connect(await impersonated(world, await nodeSeats.reports()));
  const distributor = nodeSeats.connect(await impersonated(world, await feeDistributor.getAddress()));
  return { world, reports, distributor, epoch: await nodeSeats.currentEpoch() };
}

const stretches = async ({ nodeSeats }: World, id: bigint) =>
  (await nodeSeats.stretchesOf(id, 0, 20)).map(({ fromEpoch, standing }) => [fromEpoch, standing]);

describe("NodeSeats", () => {
  describe("jail", () => {
    it("takes a seat out of the active ones from the next epoch for three days, and ends by itself", async () => {
      const { world, reports, epoch } = await jailWorld(3);
      const { nodeSeats, nodeRegistry } = world;
      await expect(reports.jail([200n]))
        .to.emit(nodeSeats, "NodeJailed")
        .withArgs(200n, epoch + 1n, epoch + 1n + TERM);
      expect(await nodeSeats.jailedUntil(200n)).to.equal(epoch + 1n + TERM);
      expect(await activeIds(world)).to.deep.equal([100n, 200n, 300n]);
      for (let passed = 1n; passed <= TERM; passed++) {
        await passEpochs(world, 1);
        expect(await activeIds(world)).to.deep.equal([100n, 300n]);
        expect(await nodeRegistry.isCanonical(200n)).to.equal(false);
        expect(await nodeSeats.seatsAt(epoch + passed)).to.equal(3n);
      }
      await passEpochs(world, 1);
      expect(await activeIds(world)).to.deep.equal([100n, 200n, 300n]);
      expect(await stretches(world, 200n)).to.deep.equal([
        [epoch, Standing.earning],
        [epoch + 1n, Standing.jailed],
        [epoch + 7n, Standing.earning],
      ]);
    });

    it("rounds three days up to whole epochs", async () => {
      const { reports, world } = await jailWorld(3, { epochSeconds: 80_000 });
      await world.net.networkHelpers.time.increase(2 * 80_000);
      const epoch = await world.nodeSeats.currentEpoch();
      await reports.jail([100n]);
      // 259,200 seconds are 3.24 epochs.
      expect(await world.nodeSeats.jailedUntil(100n)).to.equal(epoch + 5n);
    });

    it("case 33c: jails a third of the seats at most, in the order given, those already in jail included", async () => {
      const { world, reports, epoch } = await jailWorld(7);
      const { nodeSeats } = world;
      const jailing = reports.jail([500n, 100n, 300n, 200n]);
      await expect(jailing)
        .to.emit(nodeSeats, "NodeJailed")
        .withArgs(500n, epoch + 1n, epoch + 7n);
      await expect(jailing)
        .to.emit(nodeSeats, "NodeJailed")
        .withArgs(100n, epoch + 1n, epoch + 7n);
      expect(await nodeSeats.jailedUntil(300n)).to.equal(0n);
      await passEpochs(world, 3);
      await reports.jail([700n, 600n]);
      expect(await activeIds(world)).to.deep.equal([200n, 300n, 400n, 600n, 700n]);
      expect(await nodeSeats.jailedUntil(700n)).to.equal(0n);
      // In the last epoch of the term its end is counted already: the next two may go.
      await passEpochs(world, 3);
      await reports.jail([700n, 600n, 400n]);
      await passEpochs(world, 1);
      expect(await activeIds(world)).to.deep.equal([100n, 200n, 300n, 400n, 500n]);
    });

    it("case 33c: in the last epoch of its term a seat counts as one that is jailed anew, not as one that is in jail", async () => {
      const { world, reports, epoch } = await jailWorld(3);
      const { nodeSeats } = world;
      await reports.jail([100n]);
      await passEpochs(world, 6);
      await reports.jail([200n, 100n]);
      expect(await nodeSeats.jailedUntil(200n)).to.equal(epoch + 7n + TERM);
      expect(await nodeSeats.jailedUntil(100n)).to.equal(epoch + 7n);
      await passEpochs(world, 1);
      expect(await activeIds(world)).to.deep.equal([100n, 300n]);
    });

    it("jails nobody while there are fewer than three seats", async () => {
      const { world, reports } = await jailWorld(2);
      await expect(reports.jail([100n, 200n])).not.to.emit(world.nodeSeats, "NodeJailed");
    });

    it("passes over unknown nodes and those without a seat; a term that runs begins anew; twice counts once", async () => {
      const { world, reports, epoch } = await jailWorld(4);
      const { nodeSeats, nodeRegistry, operator } = world;
      await nodeRegistry.connect(operator).exit(400n);
      await reports.jail([900n, 0n, 400n, 100n, 100n]);
      expect(await nodeSeats.jailedUntil(400n)).to.equal(0n);
      expect(await nodeSeats.jailedUntil(900n)).to.equal(0n);
      await passEpochs(world, 2);
      // A third is in jail, and yet its term begins anew.
      await reports.jail([200n, 100n]);
      expect(await nodeSeats.jailedUntil(200n)).to.equal(0n);
      expect(await nodeSeats.jailedUntil(100n)).to.equal(epoch + 3n + TERM);
      expect(await stretches(world, 100n)).to.deep.equal([
        [epoch, Standing.earning],
        [epoch + 1n, Standing.jailed],
        [epoch + 9n, Standing.earning],
      ]);
      await expect(reports.jail([])).not.to.emit(nodeSeats, "NodeJailed");
    });

    it("a suspension stands above it, and its end brings the rest of the term back", async () => {
      const { world, reports, distributor, epoch } = await jailWorld(3);
      const { nodeSeats } = world;
      await reports.jail([100n]);
      await passEpochs(world, 2);
      await expect(distributor.setSuspended(100n, true))
        .to.emit(nodeSeats, "NodeSuspended")
        .withArgs(100n, epoch + 3n);
      await expect(distributor.setSuspended(100n, true)).not.to.emit(nodeSeats, "NodeSuspended");
      await passEpochs(world, 2);
      await expect(distributor.setSuspended(100n, false))
        .to.emit(nodeSeats, "NodeReinstated")
        .withArgs(100n, epoch + 5n);
      await passEpochs(world, 4);
      expect(await stretches(world, 100n)).to.deep.equal([
        [epoch, Standing.earning],
        [epoch + 1n, Standing.jailed],
        [epoch + 3n, Standing.suspended],
        [epoch + 5n, Standing.jailed],
        [epoch + 7n, Standing.earning],
      ]);
      // The other way round, and the term is over before the suspension is.
      await distributor.setSuspended(200n, true);
      await reports.jail([200n]);
      await passEpochs(world, 10);
      expect(await activeIds(world)).to.deep.equal([100n, 300n]);
      await distributor.setSuspended(200n, false);
      expect((await stretches(world, 200n)).slice(1)).to.deep.equal([
        [epoch + 9n, Standing.suspended],
        [epoch + 19n, Standing.earning],
      ]);
    });

    it("a seat that is lost and taken again is still jailed; without a seat nobody is in jail", async () => {
      const { world, reports, epoch } = await jailWorld(4, { maxSeats: 3 });
      const { nodeSeats, nodeStaking, operator } = world;
      await reports.jail([300n]);
      await passEpochs(world, 1);
      await nodeStaking.connect(operator).stake(400n, 10n);
      await nodeSeats.connect(operator).takeSeat(400n);
      await passEpochs(world, 2);
      expect(await activeIds(world)).to.deep.equal([100n, 200n, 400n]);
      // Nobody of the three is in jail now: another may go.
      await reports.jail([100n]);
      await nodeStaking.connect(operator).stake(300n, 10n);
      await nodeSeats.connect(operator).takeSeat(300n);
      await passEpochs(world, 5);
      expect(await stretches(world, 300n)).to.deep.equal([
        [epoch, Standing.earning],
        [epoch + 1n, Standing.jailed],
        [epoch + 2n, Standing.none],
        [epoch + 4n, Standing.jailed],
        [epoch + 7n, Standing.earning],
      ]);
    });

    it("changes nothing about the epoch under way or past ones, in the last second of an epoch too", async () => {
      const { world, reports, epoch } = await jailWorld(3);
      const { net } = world;
      const end = (epoch + 1n) * BigInt(EPOCH);
      await net.networkHelpers.time.setNextBlockTimestamp(end - 1n);
      await reports.jail([100n]);
      expect(await activeIds(world)).to.deep.equal([100n, 200n, 300n]);
      await net.networkHelpers.time.increaseTo(end);
      expect(await activeIds(world)).to.deep.equal([200n, 300n]);
      expect((await stretches(world, 100n))[0]).to.deep.equal([epoch, Standing.earning]);
    });
  });
});
