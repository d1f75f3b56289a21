import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { expect } from "chai";

const DEMO = fileURLToPath(new URL("../../scripts/demo.ts", import.meta.url));

interface Result {
  envelopes: Record<string, { count: number; bytes: number; fees: string }>;
  channels: Record<"deposited" | "used" | "authorised" | "settled", string>[];
  nodes: Record<"share" | "claimed", string>[];
  settle: { gasPerRow: number };
  fault: {
    node: number;
    wasFrozen: boolean;
    isFrozen: boolean;
    hadSeat: boolean;
    hasSeat: boolean;
    reporter: { node: number; paid: string };
    stake: Record<"before" | "slashed" | "after" | "bounty" | "treasury", string>;
  };
  report: {
    report: { epoch: string; parent: string; logsRoot: string; absentSeats: string };
    acceptedAt: string;
    finalAt: string;
    isFinal: boolean;
    seats: { nodeId: number; hasSigned: boolean }[];
    usage: { usagePico: string; isProved: boolean };
    receipt: {
      nodeId: number;
      servedBy: number;
      alsoServe: number[];
      ranges: { count: string }[];
      range: { root: string };
      entry: { count: number; root: string };
      log: { count: number; root: string };
    };
    finding: string;
  };
  audit: { usagePico: string };
  totals: Record<"feesCharged" | "settled" | "treasury" | "bounty" | "claimed" | "streaming" | "dust", string>;
}

describe("demo", function () {
  this.timeout(600_000);

  it("lets real clients talk, pays three nodes, accounts for every unit, reports, and catches a fourth that lies", async () => {
    const directory = mkdtempSync(join(tmpdir(), "pennyblack-test-"));
    try {
      const file = join(directory, "demo.json");
      const options = ["--messages", "24", "--with-fault", "--json", file];
      await promisify(execFile)(process.execPath, ["--import", "tsx", DEMO, ...options]);
      const result = JSON.parse(readFileSync(file, "utf8")) as Result;
      const { totals, envelopes, channels, nodes, settle, fault, report } = result;
      const units = Object.fromEntries(Object.entries(totals).map(([name, amount]) => [name, BigInt(amount)]));
      const sum = (amounts: string[]) => amounts.reduce((total, amount) => total + BigInt(amount), 0n);
      expect(units.feesCharged! > 0n).to.equal(true);
      expect(units.settled).to.equal(units.feesCharged);
      expect(units.settled).to.equal(units.treasury! + units.bounty! + units.claimed! + units.streaming! + units.dust!);
      expect(sum(Object.values(envelopes).map(({ fees }) => fees))).to.equal(units.feesCharged);
      expect(sum(nodes.map(({ claimed }) => claimed))).to.equal(units.claimed);
      expect(channels).to.have.length(1);
      expect(channels[0]).to.include({ used: totals.feesCharged, authorised: totals.settled, settled: totals.settled });
      expect(nodes).to.have.length(3);
      expect(envelopes.message!.count).to.be.at.least(24);
      expect(envelopes.identityUpdate!.count).to.equal(2);
      expect(settle.gasPerRow).to.be.greaterThan(9_710);
      const weight = String(10_000n * 10n ** 18n);
      expect(report.isFinal).to.equal(true);
      expect(Number(report.finalAt) - Number(report.acceptedAt)).to.equal(86_400);
      expect(report.seats).to.deep.equal([100, 200, 300].map((nodeId) => ({ nodeId, weight, hasSigned: true })));
      expect(report.report).to.include({ absentSeats: "0" });
      expect(report.usage).to.include({ isProved: true, usagePico: result.audit.usagePico });
      const { receipt } = report;
      const inLogs = receipt.ranges.reduce((sum, { count }) => sum + Number(count), 0);
      const paidFor = ["keyPackage", "welcome", "message"].reduce((sum, kind) => sum + envelopes[kind]!.count, 0);
      expect(inLogs, "every envelope that was paid for").to.equal(paidFor);
      expect(receipt.entry).to.include({ root: receipt.range.root });
      expect(receipt.log).to.include({ root: report.report.logsRoot, count: receipt.ranges.length });
      expect(receipt.servedBy).not.to.equal(receipt.nodeId);
      expect(receipt.alsoServe).to.have.length(2);
      expect(report.finding).to.equal("included");
      expect(fault).to.include({ node: 400, hadSeat: true, wasFrozen: true, isFrozen: false, hasSeat: false });
      const tokens = (amount: bigint) => String(amount * 10n ** 18n);
      const stake = { before: 10_000n, slashed: 100n, after: 9_900n, bounty: 20n, treasury: 80n };
      expect(fault.stake).to.deep.equal(
        Object.fromEntries(Object.entries(stake).map(([name, amount]) => [name, tokens(amount)])),
      );
      expect([100, 200, 300]).to.include(fault.reporter.node);
      expect(fault.reporter.paid).to.equal(tokens(20n));
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });

  it("says what it takes when asked for what it does not", async () => {
    const run = promisify(execFile)(process.execPath, ["--import", "tsx", DEMO, "--messages", "none"]);
    const error = await run.then(
      () => undefined,
      (problem: { code: number; stderr: string }) => problem,
    );
    expect(error).to.include({ code: 2 });
    expect(error!.stderr).to.include("--messages takes 1 to 20000");
  });
});
