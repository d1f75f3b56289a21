import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { expect } from "chai";

import { provedLeaves } from "../../src/contracts/stampRows.ts";
import type { Hex } from "../../src/protocol/bytes.ts";
import { toAddress } from "../../src/protocol/bytes.ts";
import { chargesTree, payoutsTree } from "../../src/protocol/report/leaves.ts";
import type { Report } from "../../src/protocol/report/report.ts";
import { proveLeaf } from "../../src/protocol/report/tree.ts";
import type { World } from "../contracts/fixtures.ts";
import { DAY, USD, fund, postageKey, voucherRow } from "../contracts/fixtures.ts";
import { accepted, digestOf, passVetoWindow, reportWorld } from "../contracts/reportWorld.ts";
import { executeUnsigned, fingerprint, run, temporary } from "./support.ts";

const [ALICE, BOB] = ["0xaa", "0xbb"].map((tail) => toAddress(`0x${tail.slice(2).padStart(40, "0")}`)) as [Hex, Hex];
const SAFE = "0x5afe5afe5afe5afe5afe5afe5afe5afe5afe5afe";
const PAYOUTS = [
  { account: ALICE, amount: USD / 2n },
  { account: BOB, amount: USD / 4n },
];
const CHARGES = [{ channel: toAddress(postageKey(1).address), cumulativeAmount: USD }];

/** As a daemon serves it. */
const served = (i: number, changes: object = {}) => ({
  leaf: { ...PAYOUTS[i]!, amount: PAYOUTS[i]!.amount.toString(), ...changes },
  proof: { ...proveLeaf(payoutsTree(PAYOUTS), i), total: (USD * 3n) / 4n + "" },
});

function file(...payouts: unknown[]): string {
  const path = join(temporary(), "payouts.json");
  writeFileSync(path, JSON.stringify(payouts.length === 1 ? payouts[0] : payouts));
  return path;
}

describe("stamps show and claim", function () {
  this.timeout(180_000);
  let world: World;
  let report: Report;
  let digest: Hex;
  let snapshot: Awaited<ReturnType<World["net"]["networkHelpers"]["takeSnapshot"]>>;
  before(async () => {
    world = await reportWorld(3);
    await fund(world, postageKey(1), 5n * USD);
    await world.postageChannels.settle(await voucherRow(world, postageKey(1), 0n, USD));
    const roots = { stampChargesRoot: chargesTree(CHARGES).root, stampPayoutsRoot: payoutsTree(PAYOUTS).root };
    report = await accepted(world, 3, roots);
    digest = await digestOf(world, report);
    snapshot = await world.net.networkHelpers.takeSnapshot();
  });
  afterEach(() => snapshot.restore());
  after(() => world.net.close());

  const charge = async () => {
    await passVetoWindow(world);
    await world.stamps.charge(report, provedLeaves(chargesTree(CHARGES), CHARGES));
  };
  const pass = (days: number) => world.net.networkHelpers.time.increase(days * DAY);
  const show = async () => (await run(world, undefined, "stamps show", { report: digest })).out.replace(/\s+/g, " ");
  const claim = (payouts: string[], raw: object = {}) =>
    run(world, world.stranger, "stamps claim", { report: digest, payouts, ...raw, json: true });

  it("show says how a report's pot stands, from its acceptance to the end, and what to do next", async () => {
    expect(await show())
      .to.include("accepted")
      .and.include("charged when it is final");
    await passVetoWindow(world);
    expect(await show())
      .to.include("final")
      .and.include("nothing was charged")
      .and.include("within 3 days");
    await charge();
    expect(await show())
      .to.include("0.5 USD")
      .and.include("5000 basis points")
      .and.include("until then more");
    await pass(3);
    expect(await show()).to.include(`stamps claim ${digest}`);
    const ran = await run(world, undefined, "stamps show", { report: digest, json: true });
    expect(ran.json).to.deep.include({ digest, status: "accepted", isFinal: true });
    expect(ran.json.pot).to.deep.include({ charged: "1000000", most: "500000", paid: "0", isFixed: false });
    await pass(365);
    expect(await show()).to.include("Stamps.sweep");
    await world.stamps.sweep(digest);
    expect(await show()).to.include("All of it is paid");
    const unknown = await run(world, undefined, "stamps show", { report: `0x${"11".repeat(32)}` });
    expect(unknown.out).to.include("no such report");
  });

  it("claim pays everybody the same part of a pot that is short, whoever signs, and nothing twice", async () => {
    await charge();
    await pass(3);
    const before = await fingerprint(world);
    const dry = await claim([file(served(0), served(1))], { dryRun: true });
    expect([dry.exitCode, await fingerprint(world)]).to.deep.equal([0, before]);
    // 0.5 USD for 0.75.
    expect(dry.json.amount).to.equal("499999");
    const one = await claim([file(served(1))]);
    expect(one.exitCode, one.out).to.equal(0);
    expect(one.json).to.deep.include({ amount: "166666", credited: [] });
    const both = await claim([file(served(0)), file(served(1))]);
    expect(both.json.amount).to.equal("333333");
    const balanceOf = world.usdc.getFunction("balanceOf");
    expect([await balanceOf(ALICE), await balanceOf(BOB)]).to.deep.equal([333_333n, 166_666n]);
    expect((await claim([file(served(0))])).json.error.code).to.equal("nothing_to_do");
  });

  it("claim works unsigned, for a Safe", async () => {
    await charge();
    await pass(3);
    const payouts = [file(served(0), served(1))];
    const raw = { report: digest, payouts, from: SAFE, unsigned: true, json: true };
    await executeUnsigned(world, await run(world, undefined, "stamps claim", raw));
    expect(await world.stamps.isClaimed(digest, 0)).to.equal(true);
    expect(await world.stamps.isClaimed(digest, 1)).to.equal(true);
  });

  it("claim sends nothing too early, too late, for another report, or for what is no payout", async () => {
    const code = async (payouts: string[], raw: object = {}) => (await claim(payouts, raw)).json.error.code as string;
    const good = file(served(0));
    expect(await code([good])).to.equal("wrong_state");
    await charge();
    expect(await code([good])).to.equal("too_early");
    await pass(3);
    expect(await code([file(served(0, { amount: "1" }))])).to.equal("bad_file");
    expect(await code([file(served(0, { account: SAFE }))])).to.equal("bad_file");
    expect(await code([file({ leaf: {} })])).to.equal("bad_file");
    expect(await code([join(temporary(), "none.json")])).to.equal("bad_file");
    expect(await code([])).to.equal("bad_file");
    expect(await code([good], { report: "0x12" })).to.equal("bad_identifier");
    await pass(362);
    expect(await code([good])).to.equal("too_late");
    expect(await world.stamps.isClaimed(digest, 0)).to.equal(false);
  });
});
