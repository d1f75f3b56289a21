import { expect } from "chai";
import { hexlify } from "ethers";
import fc from "fast-check";

import type { Report } from "../../src/protocol/report/report.ts";
import { reportDigest } from "../../src/protocol/report/report.ts";
import type { Hex } from "../../src/protocol/bytes.ts";
import { toHex } from "../../src/protocol/bytes.ts";
import { outsideG1, packSignature, rogueKey } from "../support/bls.ts";
import type { World } from "./fixtures.ts";
import { DAY, EPOCH, HOUR, TOKEN, passEpochs, registrationOf } from "./fixtures.ts";
import {
  accepted,
  attestedBy,
  bitmap,
  currentEpoch,
  digestOf,
  domainOf,
  firstSeats,
  nextReport,
  passVetoWindow,
  reportWorld,
  submit,
} from "./reportWorld.ts";

const Status = { none: 0n, accepted: 1n, vetoed: 2n, voided: 3n };
const SOME: Hex = `0x${"5a".repeat(32)}`;

const refused = (call: Promise<unknown>, { epochReports }: World, error: string, ...args: unknown[]) => {
  const expected = expect(call).to.be.revertedWithCustomError(epochReports, error);
  return args.length > 0 ? expected.withArgs(...args) : expected;
};
const startOf = (epoch: bigint) => Number(epoch) * EPOCH;
/** The next transaction's block has this time. */
const at = (world: World, seconds: number) => world.net.networkHelpers.time.setNextBlockTimestamp(seconds);

describe("EpochReports", function () {
  this.timeout(180_000);

  describe("digestOf", () => {
    it("agrees with TypeScript on random reports", async () => {
      const world = await reportWorld(1);
      const uint = (bits: bigint) => fc.bigInt({ min: 0n, max: 2n ** bits - 1n });
      const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(toHex);
      const reports: fc.Arbitrary<Report> = fc.record({
        shard: uint(32n).map(Number),
        epoch: uint(64n),
        round: uint(32n).map(Number),
        parent: bytes32,
        registryVersion: uint(64n),
        logsRoot: bytes32,
        usageRoot: bytes32,
        stampChargesRoot: bytes32,
        stampPayoutsRoot: bytes32,
        debitsHash: bytes32,
        absentSeats: uint(128n),
      });
      const property = fc.asyncProperty(reports, async (report) => {
        expect(await world.epochReports.digestOf(report)).to.equal(await digestOf(world, report));
      });
      await fc.assert(property, { numRuns: 50 });
      const { chainId, epochReports } = await domainOf(world);
      expect((await world.epochReports.eip712Domain()).slice(1, 5)).to.deep.equal([
        "Pennyblack Reports",
        "1",
        chainId,
        await world.epochReports.getAddress(),
      ]);
      expect(epochReports).to.equal((await world.epochReports.getAddress()).toLowerCase());
    });
  });

  describe("submit", () => {
    it("takes what a quorum signed, says so, and it is final when the veto window has passed", async () => {
      const world = await reportWorld(4);
      const { epochReports } = world;
      const report = await nextReport(world, { usageRoot: SOME });
      const digest = await digestOf(world, report);
      expect(await epochReports.headOf(0)).to.deep.equal([`0x${"00".repeat(32)}`, 0n, 0n, 0n]);
      const now = (await world.net.networkHelpers.time.latest()) + 5;
      await at(world, now);
      await expect(submit(world, report, [0, 1, 2]))
        .to.emit(epochReports, "ReportAccepted")
        .withArgs(digest, 0n, report.epoch, Object.values(report), 7n, now + DAY);
      expect(await epochReports.headOf(0)).to.deep.equal([digest, 1n, 0n, report.epoch]);
      const standing = await epochReports.standingOf(digest);
      expect(standing).to.deep.equal(
        [Status.accepted, 0n, 0n, report.epoch, 0n, now + DAY, 7n, false, false].map((v) =>
          typeof v === "number" ? BigInt(v) : v,
        ),
      );
      expect(await epochReports.isFinal(digest)).to.equal(false);
      expect(await epochReports.latestFinal(0)).to.equal(`0x${"00".repeat(32)}`);
      await world.net.networkHelpers.time.increaseTo(now + DAY - 1);
      await refused(epochReports.requireFinal(report), world, "EpochReportsNotFinal");
      await world.net.networkHelpers.time.increaseTo(now + DAY);
      expect(await epochReports.isFinal(digest)).to.equal(true);
      expect(await epochReports.requireFinal(report)).to.equal(digest);
      expect(await epochReports.latestFinal(0)).to.equal(digest);
    });

    it("case 30: takes more than two thirds of the stake, and not two thirds", async () => {
      // Equal stakes: of six seats four hold exactly two thirds.
      const world = await reportWorld(6);
      const report = await nextReport(world);
      const stake = 10_000n * TOKEN;
      const four = [0, 2, 4, 5];
      await refused(submit(world, report, four), world, "AttestationsNoQuorum", 4n, 6n, 4n * stake, 6n * stake);
      await submit(world, report, [0, 1, 2, 4, 5]);
    });

    it("case 30: two thirds of the stake and one unit more is enough", async () => {
      const world = await reportWorld(6);
      await world.nodeStaking.connect(world.operator).stake(300n, 1n);
      await world.nodeSeats.rollOver();
      await passEpochs(world, 1);
      const report = await nextReport(world);
      // 40,000 and one unit of 60,000 and one.
      await refused(submit(world, report, [0, 1, 3, 4]), world, "AttestationsNoQuorum");
      await submit(world, report, [0, 1, 2, 3]);
    });

    it("case 30: takes more than half of the seats, and not half, whatever they hold", async () => {
      const world = await reportWorld(4);
      const staking = world.nodeStaking.connect(world.operator);
      for (const id of [100n, 200n]) await staking.stake(id, 1_000_000n * TOKEN);
      await world.nodeSeats.rollOver();
      await passEpochs(world, 1);
      const report = await nextReport(world);
      await refused(
        submit(world, report, [0, 1]),
        world,
        "AttestationsNoQuorum",
        2n,
        4n,
        2_020_000n * TOKEN,
        2_040_000n * TOKEN,
      );
      await submit(world, report, [0, 1, 3]);
    });

    it("case 30: a seat is a bit and counts once; bits beyond the seats are refused", async () => {
      const world = await reportWorld(4);
      const report = await nextReport(world);
      const signature = attestedBy(reportDigest(await domainOf(world), report), [0, 1, 2]);
      const { epochReports } = world;
      for (const bits of [bitmap([0, 1, 2, 4]), bitmap([0, 1, 2, 255]), 2n ** 256n - 1n]) {
        await refused(epochReports.submit(report, bits, signature), world, "AttestationsUnknownSeats", bits, 4n);
      }
      // One that signed twice instead of a third seat.
      const twice = attestedBy(reportDigest(await domainOf(world), report), [0, 1, 1]);
      await refused(epochReports.submit(report, bitmap([0, 1, 2]), twice), world, "AttestationsInvalid");
      await refused(epochReports.submit(report, bitmap([0, 1]), twice), world, "AttestationsNoQuorum");
      await refused(epochReports.submit(report, 0n, signature), world, "AttestationsNoQuorum");
    });

    it("refuses a signature of others, of another report, of no point, off the curve or the subgroup, and infinity", async () => {
      const world = await reportWorld(4);
      const { epochReports, blsVerifier } = world;
      const report = await nextReport(world);
      const digest = await digestOf(world, report);
      const bits = bitmap([0, 1, 2]);
      await refused(submit(world, report, [0, 1, 2], [0, 1, 3]), world, "AttestationsInvalid", digest);
      await refused(submit(world, report, [0, 1, 2], [0, 1, 2, 3]), world, "AttestationsInvalid", digest);
      const other = attestedBy(reportDigest(await domainOf(world), { ...report, usageRoot: SOME }), [0, 1, 2]);
      await refused(epochReports.submit(report, bits, other), world, "AttestationsInvalid", digest);
      await refused(epochReports.submit(report, bits, new Uint8Array(96)), world, "AttestationsInvalid", digest);
      const good = attestedBy(reportDigest(await domainOf(world), report), [0, 1, 2]);
      const bent = good.slice();
      bent[95]! ^= 1;
      for (const bad of [bent, packSignature(outsideG1())]) {
        await expect(epochReports.submit(report, bits, bad)).to.be.revertedWithCustomError(
          blsVerifier,
          "Bls12381PrecompileFailed",
        );
      }
      for (const bad of ["0x", toHex(good.subarray(1)), `${toHex(good)}00`]) {
        await expect(epochReports.submit(report, bits, bad)).to.be.revertedWithCustomError(
          blsVerifier,
          "Bls12381SignatureLength",
        );
      }
      await epochReports.submit(report, bits, good);
    });

    it("is open from the end of the epoch to before the end of the second one after it", async () => {
      const world = await reportWorld(3);
      const epoch = await currentEpoch(world);
      const version = await world.nodeSeats.latestVersion();
      const report = await nextReport(world, { epoch, registryVersion: version });
      const ends = startOf(epoch + 1n);
      await at(world, ends - 1);
      await refused(submit(world, report, [0, 1, 2]), world, "EpochReportsEpochNotOver", epoch, ends, ends - 1);
      const snapshot = await world.net.networkHelpers.takeSnapshot();
      await at(world, ends);
      await submit(world, report, [0, 1, 2]);
      await snapshot.restore();
      await at(world, ends + 2 * EPOCH);
      const until = ends + 2 * EPOCH;
      await refused(submit(world, report, [0, 1, 2]), world, "EpochReportsTooLate", epoch, until, until);
      await snapshot.restore();
      await at(world, ends + 2 * EPOCH - 1);
      await submit(world, report, [0, 1, 2]);
      const far = { ...report, epoch: 2n ** 64n - 1n };
      await refused(submit(world, far, [0, 1, 2]), world, "EpochReportsEpochNotOver");
    });

    it("case 30: the parent has to be the head, pending or final; epochs ascend and may be skipped", async () => {
      const world = await reportWorld(3);
      const { epochReports } = world;
      const wrongGenesis = await nextReport(world, { parent: SOME });
      const none = `0x${"00".repeat(32)}`;
      await refused(submit(world, wrongGenesis, [0, 1, 2]), world, "EpochReportsNotOnHead", SOME, none);
      const first = await accepted(world, 3);
      const firstDigest = await digestOf(world, first);
      // A second one for the same parent, for the same epoch and for a later one.
      const rival = { ...first, usageRoot: SOME };
      await refused(submit(world, rival, [0, 1, 2]), world, "EpochReportsNotOnHead", none, firstDigest);
      const again = { ...first, parent: firstDigest };
      await refused(
        submit(world, again, [0, 1, 2]),
        world,
        "EpochReportsEpochNotAfterParent",
        first.epoch,
        first.epoch,
      );
      await passEpochs(world, 3);
      const second = await accepted(world, 3);
      expect(second.epoch).to.equal(first.epoch + 3n);
      expect(second.parent).to.equal(firstDigest);
      await passVetoWindow(world);
      await passVetoWindow(world);
      const third = await accepted(world, 3);
      expect(third.parent).to.equal(await digestOf(world, second));
      expect((await epochReports.headOf(0)).count).to.equal(3n);
      await refused(submit(world, third, [0, 1, 2]), world, "EpochReportsNotOnHead");
    });

    it("case 30, case 33b: the version is that of the end of its epoch, whatever changes while signatures are collected", async () => {
      const world = await reportWorld(4);
      const { nodeRegistry, nodeSeats, operator } = world;
      const old = await nextReport(world);
      // In the epoch under way a seat goes, another rotates its key, and a version is written.
      await nodeRegistry.connect(operator).exit(400n);
      const rotated = registrationOf(world, operator, 50);
      await nodeRegistry.connect(operator).rotateAttestationKey(100n, rotated.attestationKey, rotated.attestationProof);
      await nodeSeats.rollOver();
      const latest = await nodeSeats.latestVersion();
      expect(latest).to.equal(old.registryVersion + 1n);
      const wrong = { ...old, registryVersion: latest };
      await refused(submit(world, wrong, [0, 1, 2, 3]), world, "EpochReportsWrongVersion", latest, old.registryVersion);
      // Whoever signed with the keys of then is counted as then.
      await submit(world, old, [0, 1, 2, 3]);
      await passEpochs(world, 1);
      const next = await nextReport(world);
      expect(next.registryVersion).to.equal(latest);
      await refused(
        submit(world, { ...next, registryVersion: latest - 1n }, [0, 1, 2]),
        world,
        "EpochReportsWrongVersion",
        latest - 1n,
        latest,
      );
      await refused(submit(world, next, [0, 1, 2, 3]), world, "AttestationsInvalid");
      await submit(world, next, [0, 1, 2, 3], [50, 1, 2, 3]);
    });

    it("case 33b: a third of the stake in the dark, and reports go on", async () => {
      const world = await reportWorld(4);
      for (let i = 0; i < 3; i++) {
        await submit(world, await nextReport(world), [1, 2, 3]);
        await passEpochs(world, 1);
      }
    });

    it("refuses before there is any version, and one without seats or weight", async () => {
      const world = await reportWorld(0);
      // The version of nobody is the first.
      const report = await nextReport(world);
      expect(report.registryVersion).to.equal(1n);
      await refused(submit(world, report, [0]), world, "AttestationsUnknownSeats");
      await refused(
        world.epochReports.submit(report, 0n, new Uint8Array(96)),
        world,
        "AttestationsNoQuorum",
        0n,
        0n,
        0n,
        0n,
      );
      const early = await nextReport(world, { epoch: report.epoch - 1n });
      expect(early.registryVersion).to.equal(0n);
      await expect(submit(world, early, [0])).to.be.revertedWithCustomError(world.nodeSeats, "RegistryVersionsUnknown");
    });

    it("refuses shards that there are not; each shard has a chain of its own", async () => {
      const world = await reportWorld(3);
      const { epochReports, governance } = world;
      const report = await nextReport(world, { shard: 1 });
      await refused(submit(world, report, [0, 1, 2]), world, "EpochReportsUnknownShard", 1n, 1n);
      await epochReports.connect(governance).setShards(2);
      await submit(world, report, [0, 1, 2]);
      await submit(world, { ...report, shard: 0 }, [0, 1, 2]);
      expect((await epochReports.headOf(0)).digest).to.equal(await digestOf(world, { ...report, shard: 0 }));
      expect((await epochReports.headOf(1)).digest).to.equal(await digestOf(world, report));
    });

    it("case 33c: refuses absences of seats that are not there, and of more than a tenth, one at least", async () => {
      const world = await reportWorld(10);
      const absent = (...positions: number[]) => nextReport(world, { absentSeats: bitmap(positions) });
      const all = firstSeats(10);
      await refused(submit(world, await absent(10), all), world, "EpochReportsUnknownSeats", 1024n, 10n);
      await refused(submit(world, await absent(1, 2), all), world, "EpochReportsTooManyHit", 2n, 1n);
      await submit(world, await absent(1), all);
    });
  });

  describe("rogue keys", () => {
    it("I12: a key made to cancel others' cannot be registered, so that no sum is ever one's own", async () => {
      const world = await reportWorld(3);
      const { nodeRegistry, operator } = world;
      const victims = registrationOf(world, operator, 0);
      const rogue = registrationOf(world, operator, 70);
      // The victim's key with its sign turned and one's own added would need the victim's secret to prove possession.
      const stolen = { ...rogue, attestationKey: victims.attestationKey };
      await expect(nodeRegistry.connect(operator).register(stolen)).to.be.revertedWithCustomError(
        nodeRegistry,
        "NodeKeysAttestationKeyTaken",
      );
      const cancelling = {
        ...rogue,
        attestationKey: rogueKey(hexlify(victims.attestationKey), 0x3000n + 70n),
      };
      await expect(nodeRegistry.connect(operator).register(cancelling)).to.be.revertedWithCustomError(
        nodeRegistry,
        "NodeKeysAttestationProofInvalid",
      );
    });
  });

  describe("veto", () => {
    async function vetoWorld() {
      const world = await reportWorld(3);
      const report = await accepted(world, 3);
      return {
        world,
        report,
        digest: await digestOf(world, report),
        guardian: world.epochReports.connect(world.pauser),
      };
    }

    it("case 30: is taken in the last second of the window and not after, and only once", async () => {
      const { world, digest, guardian } = await vetoWorld();
      const { finalAt } = await world.epochReports.standingOf(digest);
      const snapshot = await world.net.networkHelpers.takeSnapshot();
      await at(world, Number(finalAt));
      await refused(guardian.veto(digest), world, "EpochReportsVetoOver", finalAt, finalAt);
      await snapshot.restore();
      await at(world, Number(finalAt) - 1);
      await expect(guardian.veto(digest)).to.emit(world.epochReports, "ReportVetoed").withArgs(digest);
      await refused(guardian.veto(digest), world, "EpochReportsNotAccepted", digest, Status.vetoed);
      await world.net.networkHelpers.time.increase(DAY);
      expect(await world.epochReports.isFinal(digest)).to.equal(false);
    });

    it("is the guardian's only, through whose budget the keyholder spends it", async () => {
      const { world, digest } = await vetoWorld();
      const { epochReports, stranger, guardian, deployer } = world;
      const by = await guardian.getAddress();
      await refused(
        epochReports.connect(stranger).veto(digest),
        world,
        "EpochReportsNotGuardian",
        stranger.address,
        by,
      );
      await expect(guardian.connect(deployer).veto(digest)).to.emit(epochReports, "ReportVetoed").withArgs(digest);
      expect(await guardian.vetoesLeft()).to.equal(2n);
      await expect(guardian.connect(deployer).veto(SOME)).to.be.revertedWithCustomError(
        epochReports,
        "EpochReportsNotAccepted",
      );
    });

    it("a vetoed digest never comes back: its round is over, and the next round is another digest", async () => {
      const { world, report, digest, guardian } = await vetoWorld();
      await guardian.veto(digest);
      await refused(submit(world, report, [0, 1, 2]), world, "EpochReportsWrongRound", 0n, 1n);
      const next = await nextReport(world);
      expect(next).to.deep.equal({ ...report, round: 1 });
      await submit(world, next, [0, 1, 2]);
      await guardian.veto(await digestOf(world, next));
      const third = await nextReport(world);
      expect(third.round).to.equal(2);
      await refused(submit(world, { ...third, round: 3 }, [0, 1, 2]), world, "EpochReportsWrongRound", 3n, 2n);
      await submit(world, third, [0, 1, 2]);
      await passVetoWindow(world);
      expect(await world.epochReports.isFinal(await digestOf(world, third))).to.equal(true);
      for (const old of [digest, await digestOf(world, next)]) {
        expect(await world.epochReports.isFinal(old)).to.equal(false);
      }
      expect((await nextReport(world)).round).to.equal(0);
    });

    it("voids all that was built on it; the chain goes on from its parent", async () => {
      const { world, report, digest, guardian } = await vetoWorld();
      const { epochReports } = world;
      await passVetoWindow(world);
      const reports: Report[] = [];
      for (let i = 0; i < 3; i++) {
        await passEpochs(world, 1);
        reports.push(await accepted(world, 3));
      }
      await world.net.networkHelpers.time.increase(EPOCH - HOUR);
      const digests = await Promise.all(reports.map((one) => digestOf(world, one)));
      // The first of them is final by now.
      const vetoing = guardian.veto(digests[1]!);
      await expect(vetoing).to.emit(epochReports, "ReportVoided").withArgs(digests[2]);
      expect(await epochReports.headOf(0)).to.deep.equal([digests[0], 2n, 1n, reports[0]!.epoch]);
      await passVetoWindow(world);
      const standings = await Promise.all([digest, ...digests].map((one) => epochReports.standingOf(one)));
      expect(standings.map(({ status }) => status)).to.deep.equal([1n, 1n, 2n, 3n]);
      expect(await epochReports.latestFinal(0)).to.equal(digests[0]);
      await refused(
        epochReports.requireFinal(reports[2]!),
        world,
        "EpochReportsNotAccepted",
        digests[2],
        Status.voided,
      );
      await refused(guardian.veto(digests[2]!), world, "EpochReportsNotAccepted", digests[2], Status.voided);
      // Its parent is no head any more.
      await refused(submit(world, { ...reports[2]! }, [0, 1, 2]), world, "EpochReportsTooLate");
      const next = await accepted(world, 3);
      expect([next.parent, next.round]).to.deep.equal([digests[0], 1]);
      expect(report.epoch < next.epoch).to.equal(true);
    });

    it("what was built on a vetoed report cannot be submitted after it", async () => {
      const { world, digest, guardian } = await vetoWorld();
      await passEpochs(world, 1);
      const child = await nextReport(world);
      await guardian.veto(digest);
      await refused(submit(world, child, [0, 1, 2]), world, "EpochReportsNotOnHead", digest, `0x${"00".repeat(32)}`);
    });
  });

  describe("setVetoWindow", () => {
    it("I7: a shorter window is for later reports, and none of them is final before its parent", async () => {
      const world = await reportWorld(3);
      const { epochReports, governance } = world;
      const first = await digestOf(world, await accepted(world, 3));
      const { finalAt } = await epochReports.standingOf(first);
      await expect(epochReports.connect(governance).setVetoWindow(HOUR))
        .to.emit(epochReports, "VetoWindowSet")
        .withArgs(HOUR);
      await passEpochs(world, 1);
      const second = await digestOf(world, await accepted(world, 3));
      expect((await epochReports.standingOf(first)).finalAt).to.equal(finalAt);
      expect((await epochReports.standingOf(second)).finalAt).to.equal(finalAt);
      await world.net.networkHelpers.time.increase(3 * EPOCH);
      const third = await digestOf(world, await accepted(world, 3));
      const now = await world.net.networkHelpers.time.latest();
      expect((await epochReports.standingOf(third)).finalAt).to.equal(BigInt(now + HOUR));
    });

    it("case 45: takes an hour to what the deployment began with, from a vote", async () => {
      const world = await reportWorld(1);
      const { epochReports, governance, stranger } = world;
      const acting = epochReports.connect(governance);
      for (const good of [HOUR, DAY]) await acting.setVetoWindow(good);
      for (const bad of [0, HOUR - 1, DAY + 1, 2n ** 32n - 1n]) {
        await refused(acting.setVetoWindow(bad), world, "EpochReportsVetoWindowOutOfBounds", bad, HOUR, DAY);
      }
      await refused(epochReports.connect(stranger).setVetoWindow(HOUR), world, "AccessManagedUnauthorized");
      expect(await epochReports.mostVetoWindowSeconds()).to.equal(BigInt(DAY));
    });
  });

  describe("setShards", () => {
    it("case 45: takes no fewer than there are, 8 at most, from a vote", async () => {
      const world = await reportWorld(1);
      const { epochReports, governance, stranger } = world;
      const acting = epochReports.connect(governance);
      await refused(acting.setShards(0), world, "EpochReportsShardsOutOfBounds", 0n, 1n, 8n);
      await refused(acting.setShards(9), world, "EpochReportsShardsOutOfBounds", 9n, 1n, 8n);
      await expect(acting.setShards(8)).to.emit(epochReports, "ShardsSet").withArgs(8n);
      await refused(acting.setShards(7), world, "EpochReportsShardsOutOfBounds", 7n, 8n, 8n);
      await refused(epochReports.connect(stranger).setShards(8), world, "AccessManagedUnauthorized");
    });
  });
});
