import { expect } from "chai";
import type { Wallet } from "ethers";

import { ethersStampsChain } from "../../../src/client/adapters/ethersStampsChain.ts";
import { claimPayouts } from "../../../src/client/stamps/claimPayouts.ts";
import type { ClaimingOptions } from "../../../src/client/stamps/claimPayouts.ts";
import { StampsError } from "../../../src/client/stamps/errors.ts";
import type { ProvedPayout } from "../../../src/client/stamps/ports.ts";
import { ReportLibrary } from "../../../src/client/receipts/reportLibrary.ts";
import { ethersReportsChain } from "../../../src/client/adapters/ethersReportsChain.ts";
import { provedLeaves } from "../../../src/contracts/stampRows.ts";
import type { Hex } from "../../../src/protocol/bytes.ts";
import { toAddress } from "../../../src/protocol/bytes.ts";
import type { PayoutLeaf } from "../../../src/protocol/report/leaves.ts";
import { chargesTree, payoutsTree } from "../../../src/protocol/report/leaves.ts";
import type { Report } from "../../../src/protocol/report/report.ts";
import { proveLeaf } from "../../../src/protocol/report/tree.ts";
import { DAY, USD, fund, postageKey, voucherRow } from "../../contracts/fixtures.ts";
import type { World } from "../../contracts/fixtures.ts";
import { accepted, digestOf, domainOf, passVetoWindow, reportWorld } from "../../contracts/reportWorld.ts";
import { ManualClock } from "../../support/manualClock.ts";

const NEVER = new AbortController().signal;
const CENT = USD / 100n;
const ME = toAddress(`0x${"00".repeat(17)}0acc01`);
const OTHER = toAddress(`0x${"00".repeat(17)}0acc02`);

// The real contract, over reports that seats attested; daemons are what a test makes of them.
describe("client/stamps/claimPayouts", function () {
  this.timeout(240_000);
  let world: World;
  const payer = postageKey(1) as Wallet;
  const reports = new Map<Hex, { report: Report; payouts: PayoutLeaf[] }>();
  let snapshot: Awaited<ReturnType<World["net"]["networkHelpers"]["takeSnapshot"]>>;
  before(async () => {
    world = await reportWorld(3);
    snapshot = await world.net.networkHelpers.takeSnapshot();
  });
  afterEach(() => snapshot.restore());
  after(() => world.net.close());

  let charged = 0n;
  beforeEach(async () => {
    reports.clear();
    charged = 0n;
    await fund(world, payer, 10n * USD);
    await world.postageChannels.connect(world.settler).settle(await voucherRow(world, payer, 0n, USD));
  });

  /** A final report that charges so much and pays out to some, charged at once. */
  async function file(amount: bigint, payouts: PayoutLeaf[]): Promise<Hex> {
    charged += amount;
    const charges = [{ channel: toAddress(payer.address), cumulativeAmount: charged }];
    const roots = { stampChargesRoot: chargesTree(charges).root, stampPayoutsRoot: payoutsTree(payouts).root };
    const report = await accepted(world, 3, roots);
    await passVetoWindow(world);
    await world.stamps.connect(world.settler).charge(report, provedLeaves(chargesTree(charges), charges));
    const digest = await digestOf(world, report);
    reports.set(digest, { report, payouts });
    return digest;
  }

  const proofOf = (digest: Hex, account: Hex): ProvedPayout | undefined => {
    const payouts = reports.get(digest)?.payouts ?? [];
    const index = payouts.findIndex((leaf) => leaf.account === account);
    return index < 0 ? undefined : { leaf: payouts[index]!, proof: proveLeaf(payoutsTree(payouts), index) };
  };

  async function options(changes: Partial<ClaimingOptions["daemons"]> = {}): Promise<ClaimingOptions> {
    const { provider } = world.net.ethers;
    const shared = {
      ...{ clock: new ManualClock(), random: () => 0 },
      ...{ chainTimeoutMs: 60_000, nodeTimeoutMs: 60_000, mostServers: 6 },
    };
    const servers = {
      report: async (_: string, digest: Hex) => ({ report: reports.get(digest)!.report, ranges: [] }),
      entry: async () => {
        throw new Error("not asked for here");
      },
    };
    const onChain = ethersReportsChain({ contracts: world, provider, domain: await domainOf(world) });
    return {
      ...shared,
      chain: ethersStampsChain({ contracts: world, provider, chainId: world.chainId }),
      daemons: { payout: async (_, digest, account) => proofOf(digest, account), ...changes },
      library: new ReportLibrary({ ...shared, chain: onChain, servers }),
    };
  }
  const claim = async (
    changes: Partial<ClaimingOptions["daemons"]> = {},
    request: { least?: bigint; reports?: Hex[] } = {},
  ) => claimPayouts(await options(changes), { account: ME, sender: world.settler, ...request }, NEVER);
  const passDays = (days: number) => world.net.networkHelpers.time.increase(days * DAY);
  const mine = () => world.usdc.getFunction("balanceOf")(ME) as Promise<bigint>;
  const sent = () => world.net.ethers.provider.getTransactionCount(world.settler);

  it("finds what final reports owe to the account, pays it, and sends nothing twice", async () => {
    const first = await file(20n * CENT, [
      { account: ME, amount: 4n * CENT },
      { account: OTHER, amount: CENT },
    ]);
    const second = await file(10n * CENT, [{ account: ME, amount: CENT }]);
    const early = await claim();
    expect(early.map(({ report, state }) => [report, state])).to.deep.equal([
      [second, "notYet"],
      [first, "notYet"],
    ]);
    await passDays(4);
    const paid = await claim();
    expect(paid.map(({ report, state }) => [report, state])).to.deep.equal([
      [second, "claimed"],
      [first, "claimed"],
    ]);
    expect(paid[1]).to.include({ amount: 4n * CENT, isCredited: false });
    expect(await mine()).to.equal(5n * CENT);
    const count = await sent();
    expect((await claim()).map(({ state }) => state)).to.deep.equal(["claimedBefore", "claimedBefore"]);
    expect(await sent()).to.equal(count);
    expect(await mine()).to.equal(5n * CENT);
  });

  it("sends nothing for a proof of another account, another amount, another report or another tree", async () => {
    const digest = await file(20n * CENT, [
      { account: ME, amount: 4n * CENT },
      { account: OTHER, amount: 5n * CENT },
    ]);
    const other = await file(10n * CENT, [{ account: ME, amount: 2n * CENT }]);
    await passDays(4);
    const count = await sent();
    const good = proofOf(digest, ME)!;
    const lies: ProvedPayout[] = [
      proofOf(digest, OTHER)!,
      proofOf(other, ME)!,
      { ...good, leaf: { ...good.leaf, amount: 5n * CENT } },
      { ...good, proof: { ...good.proof, index: 1 } },
      { ...good, proof: { ...good.proof, total: good.proof.total - 1n } },
      { ...good, proof: { ...good.proof, siblings: [] } },
    ];
    for (const lie of lies) {
      const [outcome] = await claim({ payout: async () => lie }, { reports: [digest] });
      expect(outcome).to.include({ state: "notShown" });
      expect((outcome as { problems: string }).problems).to.include("not in the report");
    }
    const [silent] = await claim({ payout: async () => undefined }, { reports: [digest] });
    expect(silent).to.deep.equal({ report: digest, state: "notShown", problems: "" });
    expect(await sent()).to.equal(count);
    // One honest daemon among liars is enough.
    let asked = 0;
    const mixed = async () => (asked++ === 1 ? good : lies[0]);
    expect((await claim({ payout: mixed }, { reports: [digest] }))[0]).to.include({ state: "claimed" });
  });

  it("says when there is nothing to pay, too little, or it is over", async () => {
    const digest = await file(20n * CENT, [{ account: ME, amount: CENT }]);
    const unknown: Hex = `0x${"17".repeat(32)}`;
    await passDays(4);
    expect(await claim({}, { reports: [unknown] })).to.deep.equal([{ report: unknown, state: "noPot" }]);
    expect(await claim({}, { least: CENT + 1n })).to.deep.equal([{ report: digest, state: "tooSmall", amount: CENT }]);
    await passDays(366);
    expect(await claim()).to.deep.equal([{ report: digest, state: "over" }]);
    const wrong = await claim({}, { reports: ["0x12"] }).catch((error: unknown) => error);
    expect(wrong).to.be.instanceOf(StampsError).with.property("code", "bad_input");
  });

  it("takes it as paid when somebody else claims in between", async () => {
    const digest = await file(20n * CENT, [{ account: ME, amount: CENT }]);
    await passDays(4);
    const asked = await options();
    const faster: ClaimingOptions["chain"] = {
      ...asked.chain,
      async claim(sender, report, payout) {
        await world.stamps.connect(world.operator).claim(report, ME, CENT, payout.proof);
        return asked.chain.claim(sender, report, payout);
      },
    };
    const outcome = await claimPayouts({ ...asked, chain: faster }, { account: ME, sender: world.settler }, NEVER);
    expect(outcome).to.deep.equal([{ report: digest, state: "claimedBefore" }]);
    expect(await mine()).to.equal(CENT);
  });

  it("ends with its caller before anything is sent", async () => {
    await file(20n * CENT, [{ account: ME, amount: CENT }]);
    await passDays(4);
    const stop = new AbortController();
    const daemons = {
      payout: async (_: string, digest: Hex, account: Hex) => (stop.abort(), proofOf(digest, account)),
    };
    const asked = await options(daemons);
    const outcome = await claimPayouts(asked, { account: ME, sender: world.settler }, stop.signal).catch(
      (error: unknown) => error,
    );
    expect(outcome).to.be.instanceOf(StampsError).with.property("code", "aborted");
    expect(await mine()).to.equal(0n);
  });
});
