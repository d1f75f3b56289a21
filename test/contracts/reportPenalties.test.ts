import { expect } from "chai";

import { toHex } from "../../src/protocol/bytes.ts";
import type { Debit } from "../../src/protocol/report/debits.ts";
import { DEBIT_CAP_AMOUNT, debitsHash, packDebits } from "../../src/protocol/report/debits.ts";
import type { Report } from "../../src/protocol/report/report.ts";
import type { World } from "./fixtures.ts";
import { DAY, passEpochs } from "./fixtures.ts";
import {
  accepted,
  bitmap,
  digestOf,
  firstSeats,
  nextReport,
  passVetoWindow,
  reportWorld,
  submit,
} from "./reportWorld.ts";

const debit = (nodeId: number, amount = 1_000_000n): Debit => ({ nodeId, amount });

const refused = (call: Promise<unknown>, { epochReports }: World, error: string, ...args: unknown[]) => {
  const expected = expect(call).to.be.revertedWithCustomError(epochReports, error);
  return args.length > 0 ? expected.withArgs(...args) : expected;
};

/** A final report that all but the absent seats signed. */
async function finalReport(world: World, seats: number, changes: Partial<Report>): Promise<Report> {
  const report = await nextReport(world, changes);
  const absent = report.absentSeats;
  await submit(
    world,
    report,
    firstSeats(seats).filter((i) => ((absent >> BigInt(i)) & 1n) === 0n),
  );
  await passVetoWindow(world);
  return report;
}

describe("EpochReports", function () {
  this.timeout(180_000);

  describe("applyPenalties", () => {
    it("records debits and jails who was absent, once, when the report is final", async () => {
      const world = await reportWorld(20);
      const { epochReports, feeDistributor, nodeSeats } = world;
      const debits = [debit(700)];
      const report = await nextReport(world, { absentSeats: bitmap([3]), debitsHash: debitsHash(debits) });
      await submit(
        world,
        report,
        firstSeats(20).filter((i) => i !== 3),
      );
      const rows = packDebits(debits);
      await refused(epochReports.applyPenalties(report, rows), world, "EpochReportsNotFinal");
      await passVetoWindow(world);
      const digest = await digestOf(world, report);
      const applying = epochReports.applyPenalties(report, rows);
      await expect(applying).to.emit(epochReports, "PenaltiesApplied").withArgs(digest, [400n], toHex(rows));
      await expect(applying).to.emit(feeDistributor, "DebitRecorded").withArgs(700n, 1_000_000n, 1_000_000n);
      await expect(applying).to.emit(nodeSeats, "NodeJailed");
      expect(await nodeSeats.jailedUntil(400n)).to.be.greaterThan(0n);
      expect((await epochReports.standingOf(digest)).hasPenaltiesApplied).to.equal(true);
      await refused(epochReports.applyPenalties(report, rows), world, "EpochReportsPenaltiesApplied", digest);
    });

    it("a seat that signed the report is not absent in it", async () => {
      const world = await reportWorld(10);
      const report = await accepted(world, 10, { absentSeats: bitmap([3]) });
      await passVetoWindow(world);
      const applying = world.epochReports.applyPenalties(report, "0x");
      await expect(applying)
        .to.emit(world.epochReports, "PenaltiesApplied")
        .withArgs(await digestOf(world, report), [], "0x");
      await expect(applying).not.to.emit(world.nodeSeats, "NodeJailed");
    });

    it("case 33c: debits and absences hit a tenth of the seats together, and then neither is applied", async () => {
      const world = await reportWorld(20);
      const { epochReports } = world;
      for (const [absent, count] of [
        [[3], 2],
        [[], 3],
      ] as const) {
        const debits = firstSeats(count).map((i) => debit(100 * (i + 1)));
        const changes = { absentSeats: bitmap([...absent]), debitsHash: debitsHash(debits) };
        const report = await finalReport(world, 20, changes);
        await refused(epochReports.applyPenalties(report, packDebits(debits)), world, "EpochReportsTooManyHit", 3n, 2n);
        await passEpochs(world, 1);
      }
      expect(await world.nodeSeats.jailedUntil(400n)).to.equal(0n);
      const debits = [debit(100), debit(200)];
      const report = await finalReport(world, 20, { debitsHash: debitsHash(debits) });
      await epochReports.applyPenalties(report, packDebits(debits));
    });

    it("case 33c: refuses other debits than the report's, more than the cap, twice one node, and what are no rows", async () => {
      const world = await reportWorld(20);
      const { epochReports } = world;
      const attempt = async (rows: Uint8Array, hashOf: Uint8Array = rows) => {
        const { keccak256 } = await import("ethers");
        const report = await finalReport(world, 20, { debitsHash: keccak256(hashOf) as `0x${string}` });
        await passEpochs(world, 1);
        return epochReports.applyPenalties(report, rows);
      };
      const one = packDebits([debit(100)]);
      await refused(attempt(new Uint8Array(), one), world, "EpochReportsNotItsDebits");
      await refused(attempt(packDebits([debit(200)]), one), world, "EpochReportsNotItsDebits");
      await refused(attempt(one.subarray(1)), world, "EpochReportsDebitsMalformed", 11n);
      const twice = new Uint8Array([...one, ...one]);
      await refused(attempt(twice), world, "EpochReportsDebitsNotAscending", 100n, 100n);
      const nobody = packDebits([debit(0)]);
      await refused(attempt(nobody), world, "EpochReportsDebitsNotAscending", 0n, 0n);
      const large = packDebits([debit(100, DEBIT_CAP_AMOUNT + 1n)]);
      await refused(attempt(large), world, "EpochReportsDebitTooLarge", 100n, DEBIT_CAP_AMOUNT + 1n, DEBIT_CAP_AMOUNT);
      await expect(attempt(packDebits([debit(100, DEBIT_CAP_AMOUNT)]))).to.emit(epochReports, "PenaltiesApplied");
    });

    it("case 33c: a cartel that keeps absences back loses them; debits stay owed", async () => {
      const world = await reportWorld(20);
      const { epochReports, nodeSeats, feeDistributor } = world;
      const debits = [debit(700)];
      const report = await finalReport(world, 20, { absentSeats: bitmap([3]), debitsHash: debitsHash(debits) });
      const { finalAt } = await epochReports.standingOf(await digestOf(world, report));
      const { time } = world.net.networkHelpers;
      const snapshot = await world.net.networkHelpers.takeSnapshot();
      await time.setNextBlockTimestamp(finalAt + BigInt(3 * DAY) - 1n);
      await epochReports.applyPenalties(report, packDebits(debits));
      expect(await nodeSeats.jailedUntil(400n)).to.be.greaterThan(0n);
      await snapshot.restore();
      await time.setNextBlockTimestamp(finalAt + BigInt(3 * DAY));
      await epochReports.applyPenalties(report, packDebits(debits));
      expect(await nodeSeats.jailedUntil(400n)).to.equal(0n);
      expect(await feeDistributor.debitOf(700n)).to.equal(1_000_000n);
    });

    it("case 33c: a cartel jails a third of the seats at most, report by report", async () => {
      const world = await reportWorld(9);
      const cartel = firstSeats(9);
      for (let i = 8; i >= 0; i--) {
        const { registryVersion } = await nextReport(world);
        const { seats } = await world.nodeSeats.getVersion(registryVersion);
        const report = await nextReport(world, { absentSeats: 1n << (seats - 1n) });
        const active = await nodesAt(world, registryVersion);
        const positions = firstSeats(Number(seats) - 1);
        await submit(
          world,
          report,
          positions,
          positions.map((at) => active[at]! / 100 - 1),
        );
        await passVetoWindow(world);
        await world.epochReports.applyPenalties(report, "0x");
        await world.nodeSeats.rollOver();
        await passEpochs(world, 1);
        await world.nodeSeats.rollOver();
        await passEpochs(world, 1);
      }
      const jailed = await Promise.all(cartel.map((i) => world.nodeSeats.isActive(BigInt(i + 1) * 100n)));
      expect(jailed.filter((isActive) => !isActive).length).to.be.at.most(3);
    });

    it("of a vetoed report nothing is applied", async () => {
      const world = await reportWorld(3);
      const report = await accepted(world, 3, { absentSeats: 1n });
      await world.epochReports.connect(world.pauser).veto(await digestOf(world, report));
      await passVetoWindow(world);
      await refused(world.epochReports.applyPenalties(report, "0x"), world, "EpochReportsNotAccepted");
      await refused(world.epochReports.announce(report, "0x"), world, "EpochReportsNotAccepted");
    });
  });
});

/** Node ids by position. */
async function nodesAt({ nodeSeats }: World, version: bigint): Promise<number[]> {
  const blob = await nodeSeats.blobOf(version);
  const { seats } = await nodeSeats.getVersion(version);
  return firstSeats(Number(seats)).map((i) => {
    const at = 2 + 2 * (192 + 208 * i);
    return Number(`0x${blob.slice(at, at + 8)}`);
  });
}
