import { expect } from "chai";
import { Interface } from "ethers";

import type { LogRange } from "../../src/protocol/report/leaves.ts";
import type { Report } from "../../src/protocol/report/report.ts";
import type { World } from "./fixtures.ts";
import { passEpochs } from "./fixtures.ts";
import {
  accepted,
  digestOf,
  logsRootOf,
  nextReport,
  packedRanges,
  passVetoWindow,
  rangeOf,
  reportWorld,
  submit,
} from "./reportWorld.ts";

/** What an unmodified xmtpd calls and listens to: xmtp-wire.md section 3. */
const XMTP = new Interface([
  "function DOMAIN_SEPARATOR() view returns (bytes32)",
  "function getPayerReport(uint32,uint256) view returns (tuple(uint64 start, uint64 end, uint32 endMinute, uint96 feesSettled, uint32 offset, bool isSettled, uint16 protocolFeeRate, bytes32 root, uint32[] nodeIds))",
  "event PayerReportSubmitted(uint32 indexed originatorNodeId, uint256 indexed payerReportIndex, uint64 startSequenceId, uint64 indexed endSequenceId, uint32 endMinuteSinceEpoch, bytes32 payersMerkleRoot, uint32[] nodeIds, uint32[] signingNodeIds)",
  "event PayerReportSubsetSettled(uint32 indexed originatorNodeId, uint256 indexed payerReportIndex, uint32 count, uint32 remaining, uint96 feesSettled)",
]);

const refused = (call: Promise<unknown>, { epochReports }: World, error: string, ...args: unknown[]) => {
  const expected = expect(call).to.be.revertedWithCustomError(epochReports, error);
  return args.length > 0 ? expected.withArgs(...args) : expected;
};

/** A final report with these ranges. */
async function finalWith(world: World, ranges: LogRange[]): Promise<Report> {
  const report = await accepted(world, 3, { logsRoot: logsRootOf(ranges) });
  await passVetoWindow(world);
  return report;
}

async function announced(world: World, ranges: LogRange[], indices: number[]): Promise<Report> {
  const report = await finalWith(world, ranges);
  await world.epochReports.announce(report, packedRanges(ranges, indices));
  return report;
}

describe("PayerReports", function () {
  this.timeout(180_000);

  it("announces every range of a final report with XMTP's events, and getPayerReport knows it as xmtpd reads it", async () => {
    const world = await reportWorld(3);
    const { epochReports, ethers } = world;
    const ranges = [rangeOf(100, 1n, 60n, [3n, 60n]), rangeOf(200, 1n, 9n, [1n]), rangeOf(300, 1n, 5n)];
    const report = await finalWith(world, ranges);
    const sent = await epochReports.announce(report, packedRanges(ranges, [0, 0, 0]));
    const { logs } = (await sent.wait())!;
    const events = logs.flatMap((log) => XMTP.parseLog(log) ?? []);
    const ends = [60n, 9n, 5n];
    const expected = [100n, 200n, 300n].flatMap((id, i) => [
      ["PayerReportSubmitted", [id, 0n, 0n, ends[i], 30_000_700n, report.logsRoot, [], []]],
      ["PayerReportSubsetSettled", [id, 0n, 0n, 0n, 0n]],
    ]);
    expect(
      events.map(({ name, args }) => [name, [...args].map((arg) => (Array.isArray(arg) ? [...arg] : arg))]),
    ).to.deep.equal(expected);
    await expect(sent)
      .to.emit(epochReports, "RangesAnnounced")
      .withArgs(await digestOf(world, report));
    const to = await epochReports.getAddress();
    const call = async (name: string, ...args: unknown[]) => {
      const answer = await ethers.provider.call({ to, data: XMTP.encodeFunctionData(name, args) });
      return [...XMTP.decodeFunctionResult(name, answer)];
    };
    const [payerReport] = await call("getPayerReport", 100, 0);
    expect([...payerReport].slice(0, 8)).to.deep.equal([0n, 60n, 30_000_700n, 0n, 0n, true, 0n, report.logsRoot]);
    expect([...payerReport.nodeIds]).to.deep.equal([]);
    expect(await call("DOMAIN_SEPARATOR")).to.deep.equal([await epochReports.DOMAIN_SEPARATOR()]);
    for (const [id, index] of [
      [100, 1],
      [400, 0],
    ]) {
      await refused(epochReports.getPayerReport(id!, index!), world, "PayerReportIndexOutOfBounds");
    }
  });

  it("ranges of an originator are contiguous: each begins where the last one announced ended", async () => {
    const world = await reportWorld(3);
    const { epochReports } = world;
    const ends = [10n, 25n, 26n, 90n, 91n, 92n, 95n];
    let first = 1n;
    const roots: string[] = [];
    for (const [index, end] of ends.entries()) {
      roots.push((await announced(world, [rangeOf(100, first, end, [end])], [index])).logsRoot);
      first = end + 1n;
      expect(await epochReports.payerReportCount(100)).to.equal(BigInt(index + 1));
    }
    for (const [index, end] of ends.entries()) {
      const found = await epochReports.getPayerReport(100, index);
      expect([found.startSequenceId, found.endSequenceId]).to.deep.equal([ends[index - 1] ?? 0n, end]);
      expect(found.payersMerkleRoot).to.equal(roots[index]);
    }
    expect(await epochReports.payerReportCount(200)).to.equal(0n);
  });

  it("is once per report, and not before it is final", async () => {
    const world = await reportWorld(3);
    const ranges = [rangeOf(100, 1n, 9n, [2n])];
    const report = await nextReport(world, { logsRoot: logsRootOf(ranges) });
    await submit(world, report, [0, 1, 2]);
    const rows = packedRanges(ranges, [0]);
    await refused(world.epochReports.announce(report, rows), world, "EpochReportsNotFinal");
    await passVetoWindow(world);
    await world.epochReports.announce(report, rows);
    await refused(
      world.epochReports.announce(report, rows),
      world,
      "EpochReportsAnnounced",
      await digestOf(world, report),
    );
    expect((await world.epochReports.standingOf(await digestOf(world, report))).isAnnounced).to.equal(true);
  });

  it("passes over empty ranges: an originator that withheld or showed different ranges delays nobody", async () => {
    const world = await reportWorld(3);
    const ranges = [rangeOf(100, 1n, 0n), rangeOf(200, 1n, 9n, [1n])];
    await announced(world, ranges, [0, 0]);
    expect(await world.epochReports.payerReportCount(100)).to.equal(0n);
    expect(await world.epochReports.payerReportCount(200)).to.equal(1n);
    await announced(world, [rangeOf(100, 1n, 4n, [4n]), rangeOf(200, 10n, 9n)], [0, 7]);
    expect((await world.epochReports.getPayerReport(100, 0)).endSequenceId).to.equal(4n);
    // Nothing happened in an epoch.
    await announced(world, [], []);
  });

  it("a later report may go first; what it announced is passed over when the earlier one comes", async () => {
    const world = await reportWorld(3);
    const early = [rangeOf(100, 1n, 9n, [2n]), rangeOf(200, 1n, 5n, [2n])];
    const late = [rangeOf(100, 10n, 19n, [12n])];
    const first = await finalWith(world, early);
    const second = await finalWith(world, late);
    const { epochReports } = world;
    await epochReports.announce(second, packedRanges(late, [0]));
    await epochReports.announce(first, packedRanges(early, [1, 0]));
    expect(await epochReports.payerReportCount(100)).to.equal(1n);
    const found = await epochReports.getPayerReport(100, 0);
    expect([found.startSequenceId, found.endSequenceId, found.payersMerkleRoot]).to.deep.equal([
      0n,
      19n,
      second.logsRoot,
    ]);
    expect((await epochReports.getPayerReport(200, 0)).payersMerkleRoot).to.equal(first.logsRoot);
  });

  it("refuses other rows than the report's leaves, and indices that are not the next", async () => {
    const world = await reportWorld(3);
    const { epochReports } = world;
    const ranges = [rangeOf(100, 1n, 9n, [2n]), rangeOf(200, 1n, 5n, [2n])];
    const report = await finalWith(world, ranges);
    const announce = (rows: Uint8Array) => epochReports.announce(report, rows);
    const good = packedRanges(ranges, [0, 0]);
    for (let at = 0; at < 68; at += 3) {
      const bent = good.slice();
      bent[at]! ^= 1;
      await expect(announce(bent)).to.revert(world.ethers);
    }
    await refused(announce(packedRanges(ranges.slice(0, 1), [0])), world, "PayerReportsNotItsRanges");
    await refused(announce(packedRanges([...ranges].reverse(), [0, 0])), world, "PayerReportsNotItsRanges");
    await refused(announce(new Uint8Array()), world, "PayerReportsNotItsRanges");
    await refused(announce(good.subarray(1)), world, "PayerReportsMalformed", 143n);
    await refused(announce(packedRanges(ranges, [1, 0])), world, "PayerReportsNotNext", 100n, 1n);
    await refused(announce(packedRanges(ranges, [0, 5])), world, "PayerReportsNotNext", 200n, 5n);
    await announce(good);
    await passEpochs(world, 1);
    const next = [rangeOf(100, 10n, 12n, [11n])];
    const nextReportOf = await finalWith(world, next);
    await refused(epochReports.announce(nextReportOf, packedRanges(next, [0])), world, "PayerReportsNotNext", 100n, 0n);
    await refused(epochReports.announce(nextReportOf, packedRanges(next, [2])), world, "PayerReportsNotNext", 100n, 2n);
    await epochReports.announce(nextReportOf, packedRanges(next, [1]));
  });
});
