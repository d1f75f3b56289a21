import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { expect } from "chai";

const DEMO = fileURLToPath(new URL("../../scripts/demo.ts", import.meta.url));
const NODE_IDS = [100, 200, 300];

interface Result {
  channels: Record<"channel" | "used" | "authorised" | "settled", string>[];
  totals: Record<"feesCharged" | "settled" | "treasury" | "bounty" | "claimed" | "streaming" | "dust", string>;
  report: { isFinal: boolean; seats: { hasSigned: boolean }[] };
  stamps: {
    price: string;
    read: string[];
    apps: { who: string; channel: string; signed: string; used: string[]; charged: string }[];
    pot: Record<"charged" | "amount" | "paid", string>;
    received: string;
    treasury: string;
    held: string;
    supply: string;
    found: string;
    claims: { state: string; amount: string }[];
    standings: string[][];
    refused: {
      isInvited: boolean;
      conversations: { before: number[]; after: number[] };
      byGateway: string;
      byNodes: { nodeId: number; code: string }[];
      usage: { before: string; after: string };
    };
  };
}

describe("demo with stamps", function () {
  this.timeout(600_000);

  it("charges the stranger who was reported and nobody else, pays whom he bothered, and keeps him out (37, 38, I14)", async () => {
    const directory = mkdtempSync(join(tmpdir(), "pennyblack-test-"));
    try {
      const file = join(directory, "demo.json");
      const options = ["--messages", "2", "--with-stamps", "--json", file];
      await promisify(execFile)(process.execPath, ["--import", "tsx", DEMO, ...options]);
      const { channels, totals, report, stamps } = JSON.parse(readFileSync(file, "utf8")) as Result;
      expect(stamps.price).to.equal("10000");
      expect(stamps.read, "three texts on each of two devices").to.have.length(6);
      const paid = stamps.apps.map(({ who, signed, used, charged }) => [who, signed, ...used, charged]);
      expect(paid, "signed for, used as three nodes say, charged").to.deep.equal([
        ["rita", "0", "0", "0", "0", "0"],
        ["fred", "0", "0", "0", "0", "0"],
        ["sam", "10000", "10000", "10000", "10000", "10000"],
        ["nora", "10000", "0", "0", "0", "0"],
      ]);
      for (const one of stamps.standings) expect(one).to.deep.equal(["nora accepted", "sam spam"]);
      expect(stamps.pot).to.deep.equal({ charged: "10000", amount: "5000", paid: "5000" });
      expect(stamps).to.include({ received: "5000", treasury: "5000", held: "5000", found: stamps.supply });
      expect(stamps.claims.map(({ state, amount }) => [state, amount])).to.deep.equal([["claimed", "5000"]]);
      expect(report.isFinal).to.equal(true);
      expect(report.seats.map(({ hasSigned }) => hasSigned)).to.deep.equal([true, true, true]);

      expect(channels).to.have.length(4);
      for (const { used, authorised, settled } of channels) expect([authorised, settled]).to.deep.equal([used, used]);
      const units = Object.fromEntries(Object.entries(totals).map(([name, amount]) => [name, BigInt(amount)]));
      expect(units.settled).to.equal(units.feesCharged);
      expect(units.settled).to.equal(units.treasury! + units.bounty! + units.claimed! + units.streaming! + units.dust!);

      const { refused } = stamps;
      expect(refused.isInvited).to.equal(false);
      expect(refused.byGateway).to.include("the recipient blocks this sender");
      expect(refused.byNodes.map(({ nodeId, code }) => `${nodeId} ${code}`)).to.deep.equal(
        NODE_IDS.flatMap((nodeId) => [`${nodeId} sender_blocked`, `${nodeId} sender_blocked`]),
      );
      expect(refused.conversations.after).to.deep.equal(refused.conversations.before);
      expect(refused.usage.after).to.equal(refused.usage.before);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
