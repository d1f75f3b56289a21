import { expect } from "chai";

import type { World } from "./fixtures.ts";
import { DAY, deployedWorld } from "./fixtures.ts";

interface Rates {
  messageFee: bigint;
  storageFee: bigint;
  congestionFee: bigint;
  targetRatePerMinute: bigint;
  startTime: bigint;
}

const FIRST = { messageFee: 100n, storageFee: 200n, congestionFee: 300n, targetRatePerMinute: 6_000n };

/** Rates that may be scheduled now, with what a test changes. */
async function next({ net }: World, changes: Partial<Rates> = {}): Promise<Rates> {
  const startTime = BigInt((await net.networkHelpers.time.latest()) + DAY + 60);
  return { ...FIRST, startTime, ...changes };
}

describe("RateRegistry", () => {
  it("has its first rates in force from the beginning, the stamp price and the retention", async () => {
    const { rateRegistry } = await deployedWorld();
    expect(await rateRegistry.getRatesCount()).to.equal(1n);
    expect(await rateRegistry.getRates(0, 1)).to.deep.equal([[100n, 200n, 300n, 6_000n, 0n]]);
    expect(await rateRegistry.stampPrice()).to.equal(10_000n);
    expect(await rateRegistry.retentionDays()).to.equal(60n);
  });

  describe("scheduleRates", () => {
    it("appends and never rewrites", async () => {
      const world = await deployedWorld();
      const rateRegistry = world.rateRegistry.connect(world.governance);
      const rates = await next(world, { messageFee: 400n });
      await expect(rateRegistry.scheduleRates(rates)).to.emit(rateRegistry, "RatesScheduled");
      expect((await rateRegistry.getRates(0, 2)).map(({ messageFee }) => messageFee)).to.deep.equal([100n, 400n]);
    });

    it("is the governor's", async () => {
      const world = await deployedWorld();
      await expect(world.rateRegistry.connect(world.stranger).scheduleRates(await next(world)))
        .to.be.revertedWithCustomError(world.rateRegistry, "RateRegistryNotGovernor")
        .withArgs(world.stranger.address, world.governance.address);
    });

    it("case 46: asks 24 h of notice, and 24 h after the start before", async () => {
      const world = await deployedWorld();
      const rateRegistry = world.rateRegistry.connect(world.governance);
      const { time } = world.net.networkHelpers;
      const at = (await time.latest()) + 100;
      await time.setNextBlockTimestamp(at);
      const earliest = BigInt(at + DAY);
      await expect(rateRegistry.scheduleRates(await next(world, { startTime: earliest - 1n })))
        .to.be.revertedWithCustomError(rateRegistry, "RateRegistryStartTooEarly")
        .withArgs(earliest - 1n, earliest);
      await time.setNextBlockTimestamp(at + 1);
      await rateRegistry.scheduleRates(await next(world, { startTime: earliest + 1n }));
      await expect(rateRegistry.scheduleRates(await next(world, { startTime: earliest + BigInt(DAY) })))
        .to.be.revertedWithCustomError(rateRegistry, "RateRegistryStartTooEarly")
        .withArgs(earliest + BigInt(DAY), earliest + 1n + BigInt(DAY));
    });

    it("case 45: starts at most 90 days ahead: a start in milliseconds would end all other votes on rates", async () => {
      const world = await deployedWorld();
      const rateRegistry = world.rateRegistry.connect(world.governance);
      const { time } = world.net.networkHelpers;
      const at = (await time.latest()) + 100;
      for (const startTime of [BigInt(at + 90 * DAY + 1), BigInt(at) * 1_000n, 2n ** 64n - 1n]) {
        const snapshot = await world.net.networkHelpers.takeSnapshot();
        await time.setNextBlockTimestamp(at);
        await expect(rateRegistry.scheduleRates(await next(world, { startTime })))
          .to.be.revertedWithCustomError(rateRegistry, "RateRegistryStartTooLate")
          .withArgs(startTime, at + 90 * DAY);
        await snapshot.restore();
      }
      const latest = BigInt(at + 90 * DAY);
      await time.setNextBlockTimestamp(at);
      await rateRegistry.scheduleRates(await next(world, { startTime: latest }));
    });

    it("case 46: allows at most 4 times the previous rate, and from 0 its step", async () => {
      const world = await deployedWorld();
      const rateRegistry = world.rateRegistry.connect(world.governance);
      await expect(rateRegistry.scheduleRates(await next(world, { storageFee: 801n })))
        .to.be.revertedWithCustomError(rateRegistry, "RateRegistryRateOutOfBounds")
        .withArgs(801n, 0n, 800n);
      await rateRegistry.scheduleRates(await next(world, { storageFee: 0n }));
      const later = (await next(world)).startTime + BigInt(DAY);
      await expect(rateRegistry.scheduleRates(await next(world, { storageFee: 201n, startTime: later })))
        .to.be.revertedWithCustomError(rateRegistry, "RateRegistryRateOutOfBounds")
        .withArgs(201n, 0n, 200n);
      await rateRegistry.scheduleRates(await next(world, { storageFee: 200n, startTime: later }));
    });

    it("case 45: holds a target of 0 for out of bounds", async () => {
      const world = await deployedWorld();
      await expect(
        world.rateRegistry.connect(world.governance).scheduleRates(await next(world, { targetRatePerMinute: 0n })),
      )
        .to.be.revertedWithCustomError(world.rateRegistry, "RateRegistryRateOutOfBounds")
        .withArgs(0n, 1n, 24_000n);
    });
  });

  describe("getRates", () => {
    it("refuses a range beyond the end, also one that wraps around", async () => {
      const { rateRegistry } = await deployedWorld();
      expect(await rateRegistry.getRates(1, 0)).to.deep.equal([]);
      for (const [from, count] of [
        [0n, 2n],
        [2n, 0n],
        [1n, 2n ** 256n - 1n],
      ] as const) {
        await expect(rateRegistry.getRates(from, count))
          .to.be.revertedWithCustomError(rateRegistry, "RateRegistryRangeOutOfBounds")
          .withArgs(from, count, 1n);
      }
    });
  });
});
