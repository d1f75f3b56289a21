import { expect } from "chai";

import type { World } from "./fixtures.ts";
import { DAY, EPOCH, TOKEN, passEpochs, registrationOf } from "./fixtures.ts";
import { accepted, bitmap, firstSeats, nextReport, reportWorld, rollCallAnswer, submit } from "./reportWorld.ts";

const refused = (call: Promise<unknown>, { epochReports }: World, error: string, ...args: unknown[]) => {
  const expected = expect(call).to.be.revertedWithCustomError(epochReports, error);
  return args.length > 0 ? expected.withArgs(...args) : expected;
};

/** Seats of which nothing was heard for three days after their first report. */
async function silentWorld(seats: number): Promise<World> {
  const world = await reportWorld(seats);
  await accepted(world, seats);
  await world.net.networkHelpers.time.increase(3 * DAY);
  return world;
}

const activeOf = async ({ nodeSeats }: World, seats: number) => {
  const active = await Promise.all(firstSeats(seats).map((i) => nodeSeats.isActive(BigInt(i + 1) * 100n)));
  return firstSeats(seats).filter((i) => active[i]);
};

async function answer(world: World, positions: number[], nodes = positions) {
  const { number } = await world.epochReports.latestRollCall();
  return world.epochReports.answerRollCall(bitmap(positions), await rollCallAnswer(world, number, nodes));
}

describe("RollCalls", function () {
  this.timeout(180_000);

  describe("openRollCall", () => {
    it("refuses before a first report exists, however long that is", async () => {
      const world = await reportWorld(3);
      await world.net.networkHelpers.time.increase(30 * DAY);
      await refused(world.epochReports.openRollCall(), world, "RollCallsNoReportYet");
    });

    it("opens three days after the last accepted report, of any shard, vetoed ones included", async () => {
      const world = await reportWorld(3);
      const { epochReports, governance, pauser, net } = world;
      await epochReports.connect(governance).setShards(2);
      await accepted(world, 3);
      await passEpochs(world, 1);
      const last = await accepted(world, 3, { shard: 1 });
      const acceptedAt = await net.networkHelpers.time.latest();
      await epochReports.connect(pauser).veto(await epochReports.digestOf(last));
      const openableAt = acceptedAt + 3 * DAY;
      await net.networkHelpers.time.setNextBlockTimestamp(openableAt - 1);
      await refused(epochReports.openRollCall(), world, "RollCallsTooEarly", openableAt, openableAt - 1);
      await net.networkHelpers.time.setNextBlockTimestamp(openableAt);
      const version = await world.nodeSeats.latestVersion();
      await expect(epochReports.openRollCall())
        .to.emit(epochReports, "RollCallOpened")
        .withArgs(1n, version, openableAt + DAY);
      expect(await epochReports.latestRollCall()).to.deep.equal([1n, version, BigInt(openableAt), 0n, false]);
    });

    it("calls the seats of now: it writes the version that nobody has written", async () => {
      const world = await silentWorld(4);
      const { epochReports, nodeSeats, nodeRegistry, operator } = world;
      await nodeRegistry.connect(operator).exit(400n);
      await passEpochs(world, 1);
      const before = await nodeSeats.latestVersion();
      await epochReports.openRollCall();
      expect((await epochReports.latestRollCall()).version).to.equal(before + 1n);
      expect((await nodeSeats.getVersion(before + 1n)).seats).to.equal(3n);
      await refused(answer(world, [0, 1, 2, 3]), world, "RollCallsUnknownSeats", 15n, 3n);
    });

    it("a caller who limits gas opens the roll call of now or none, never one of an older version", async () => {
      const world = await silentWorld(4);
      const { epochReports, nodeSeats, nodeRegistry, operator } = world;
      const rotated = registrationOf(world, operator, 60);
      await nodeRegistry.connect(operator).rotateAttestationKey(100n, rotated.attestationKey, rotated.attestationProof);
      await nodeRegistry.connect(operator).exit(400n);
      await passEpochs(world, 1);
      const now = (await nodeSeats.latestVersion()) + 1n;
      const enough = await epochReports.openRollCall.estimateGas();
      const opened: bigint[] = [];
      // Every limit at which something else could run out, from nothing to more than enough.
      for (let gasLimit = 30_000n; gasLimit <= enough + 60_000n; gasLimit += 5_000n) {
        const snapshot = await world.net.networkHelpers.takeSnapshot();
        const sent = await epochReports.openRollCall({ gasLimit }).catch(() => undefined);
        const { number, version } = await epochReports.latestRollCall();
        expect([
          [0n, 0n],
          [1n, now],
        ]).to.deep.include([number, version], `${gasLimit} gas`);
        if (sent && number === 1n) opened.push(gasLimit);
        await snapshot.restore();
      }
      expect(opened.length).to.be.greaterThan(0);
    });

    it("refuses when there is nobody to call", async () => {
      const world = await silentWorld(1);
      await world.nodeRegistry.connect(world.operator).exit(100n);
      await passEpochs(world, 1);
      await refused(world.epochReports.openRollCall(), world, "RollCallsNobodyToCall");
    });

    it("of two the later is three days after the earlier, closed or lapsed", async () => {
      const world = await silentWorld(3);
      const { epochReports, net } = world;
      await epochReports.openRollCall();
      const openedAt = await net.networkHelpers.time.latest();
      await refused(epochReports.openRollCall(), world, "RollCallsTooEarly");
      await net.networkHelpers.time.increase(DAY);
      await epochReports.closeRollCall();
      await refused(epochReports.openRollCall(), world, "RollCallsTooEarly");
      await net.networkHelpers.time.setNextBlockTimestamp(openedAt + 3 * DAY);
      await expect(epochReports.openRollCall()).to.emit(epochReports, "RollCallOpened");
      expect((await epochReports.latestRollCall()).number).to.equal(2n);
      await net.networkHelpers.time.increase(3 * DAY);
      await refused(epochReports.closeRollCall(), world, "RollCallsNotOpen", 2n);
      await refused(answer(world, [0]), world, "RollCallsNotOpen", 2n);
      await epochReports.openRollCall();
    });
  });

  describe("answerRollCall", () => {
    it("takes answers alone and added up, by anyone, until 24 hours have passed", async () => {
      const world = await silentWorld(5);
      const { epochReports, net } = world;
      await epochReports.openRollCall();
      const openedAt = await net.networkHelpers.time.latest();
      await expect(answer(world, [1]))
        .to.emit(epochReports, "RollCallAnswered")
        .withArgs(1n, 2n);
      await answer(world, [0, 3]);
      await answer(world, [0, 3]);
      expect((await epochReports.latestRollCall()).answered).to.equal(0b1011n);
      await net.networkHelpers.time.setNextBlockTimestamp(openedAt + DAY - 1);
      await answer(world, [2]);
      await net.networkHelpers.time.setNextBlockTimestamp(openedAt + DAY);
      await refused(answer(world, [4]), world, "RollCallsAnsweringOver", openedAt + DAY, openedAt + DAY);
    });

    it("refuses answers of others, for nobody, of another roll call, and before there is one", async () => {
      const world = await silentWorld(3);
      const { epochReports, net } = world;
      await refused(answer(world, [0]), world, "RollCallsNotOpen", 0n);
      await epochReports.openRollCall();
      await refused(answer(world, [0], [1]), world, "RollCallsAnswerInvalid", await epochReports.rollCallDigest(1n));
      await refused(answer(world, [0, 1], [1]), world, "RollCallsAnswerInvalid");
      await refused(answer(world, [], [1]), world, "RollCallsAnswerInvalid");
      await refused(epochReports.answerRollCall(1n, new Uint8Array(96)), world, "RollCallsAnswerInvalid");
      await refused(epochReports.answerRollCall(1n << 96n, new Uint8Array(96)), world, "RollCallsUnknownSeats");
      const old = await rollCallAnswer(world, 1n, [0]);
      await net.networkHelpers.time.increase(3 * DAY);
      await epochReports.openRollCall();
      await refused(epochReports.answerRollCall(1n, old), world, "RollCallsAnswerInvalid");
    });

    it("the key that a node has now answers, also when it was rotated after the version was written", async () => {
      const world = await silentWorld(3);
      const { epochReports, nodeRegistry, operator } = world;
      await epochReports.openRollCall();
      const rotated = registrationOf(world, operator, 60);
      await nodeRegistry.connect(operator).rotateAttestationKey(100n, rotated.attestationKey, rotated.attestationProof);
      await refused(answer(world, [0]), world, "RollCallsAnswerInvalid");
      await answer(world, [0], [60]);
    });
  });

  describe("closeRollCall", () => {
    it("case 33b: jails who did not answer, so that those who did are a quorum, and reports go on", async () => {
      const world = await silentWorld(6);
      const { epochReports, nodeSeats, net } = world;
      const alive = [0, 1, 2, 3];
      // Four of six are exactly two thirds: no report without the others.
      await refused(submit(world, await nextReport(world), alive), world, "AttestationsNoQuorum");
      await epochReports.openRollCall();
      await answer(world, alive);
      const answerUntil = Number((await epochReports.latestRollCall()).openedAt) + DAY;
      await net.networkHelpers.time.setNextBlockTimestamp(answerUntil - 1);
      await refused(epochReports.closeRollCall(), world, "RollCallsAnsweringNotOver", answerUntil, answerUntil - 1);
      await net.networkHelpers.time.setNextBlockTimestamp(answerUntil);
      const closing = epochReports.closeRollCall();
      await expect(closing).to.emit(epochReports, "RollCallClosed").withArgs(1n, [500n, 600n]);
      await expect(closing).to.emit(nodeSeats, "NodeJailed");
      await refused(epochReports.closeRollCall(), world, "RollCallsNotOpen", 1n);
      await passEpochs(world, 1);
      await nodeSeats.rollOver();
      expect(await activeOf(world, 6)).to.deep.equal(alive);
      await passEpochs(world, 1);
      await accepted(world, 4);
    });

    it("case 33c: jails a third at most, the heaviest first", async () => {
      const world = await reportWorld(7);
      const staking = world.nodeStaking.connect(world.operator);
      for (const [id, tokens] of [
        [300n, 5n],
        [600n, 9n],
        [700n, 5n],
      ] as const) {
        await staking.stake(id, tokens * TOKEN);
      }
      await accepted(world, 7);
      await world.net.networkHelpers.time.increase(3 * DAY);
      await world.epochReports.openRollCall();
      await answer(world, [3]);
      await world.net.networkHelpers.time.increase(DAY);
      await expect(world.epochReports.closeRollCall())
        .to.emit(world.epochReports, "RollCallClosed")
        .withArgs(1n, [600n, 300n, 700n, 100n, 200n, 500n]);
      await passEpochs(world, 1);
      expect(await activeOf(world, 7)).to.deep.equal([0, 1, 3, 4, 6]);
    });

    it("a report accepted in the meantime ends it without harm", async () => {
      const world = await silentWorld(3);
      const { epochReports, net } = world;
      await epochReports.openRollCall();
      await accepted(world, 3);
      const acceptedAt = await net.networkHelpers.time.latest();
      await net.networkHelpers.time.increase(DAY);
      await refused(epochReports.closeRollCall(), world, "RollCallsReportAccepted", acceptedAt);
      expect(EPOCH * 2).to.equal(DAY);
    });

    it("jails nobody when all answered", async () => {
      const world = await silentWorld(3);
      await world.epochReports.openRollCall();
      await answer(world, [0, 1, 2]);
      await world.net.networkHelpers.time.increase(DAY);
      await expect(world.epochReports.closeRollCall()).not.to.emit(world.nodeSeats, "NodeJailed");
    });
  });
});
