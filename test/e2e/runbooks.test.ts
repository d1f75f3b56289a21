import { readFileSync } from "node:fs";
import { join } from "node:path";

import { expect } from "chai";
import { Wallet } from "ethers";

import type { IRateRegistry } from "#typechain";

import { runStatus } from "../../src/deployment/runStatus.ts";
import { temporary } from "../commands/support.ts";
import type { World } from "../contracts/fixtures.ts";
import { DAY, NEVER, TOKEN, USD, passEpochs } from "../contracts/fixtures.ts";
import { act, propose, voted } from "../contracts/governance.ts";
import { reviewedFiles } from "../deploy/support.ts";
import type { BaseWorld } from "./support/baseWorld.ts";
import {
  baseParameters,
  baseWorld,
  deployedOn,
  does,
  drift,
  newNodes,
  postageKeyFile,
  postageWallet,
  refused,
  twoForOne,
} from "./support/baseWorld.ts";

const RUNBOOKS = readFileSync(new URL("../../docs/runbooks.md", import.meta.url), "utf8");

/** A runbook that is walked through: its title has to be in docs/runbooks.md. */
function runbook(title: string, walk: () => void): void {
  describe(title, () => {
    before("is in docs/runbooks.md", () => expect(RUNBOOKS).to.include(`\n## ${title}\n`));
    walk();
  });
}

/** Each walk begins on the network as it was deployed. */
describe("docs/runbooks.md", () => {
  let base: BaseWorld;
  let fresh: Awaited<ReturnType<BaseWorld["chain"]["net"]["networkHelpers"]["takeSnapshot"]>>;

  before(async () => {
    base = await baseWorld();
    fresh = await base.chain.net.networkHelpers.takeSnapshot();
  });

  afterEach(() => fresh.restore());
  after(() => base.chain.close());

  const usdcOf = async (holder: unknown) => (await base.world.usdc.getFunction("balanceOf")(holder)) as bigint;

  runbook("Stolen postage key", () => {
    const [SAFE, CLEAN] = ["0x00000000000000000000000000000000000000a1", "0x00000000000000000000000000000000000000a2"];
    const stolen = () => base.people.payers[0]!;

    async function fund(): Promise<string> {
      const { world, people } = base;
      await world.usdc.getFunction("mint")(people.company, 100n * USD);
      const channel = stolen().address;
      await does(world, people.company, "channel deposit", { channel, amount: "100 USD" });
      return channel;
    }

    /** What the postage key signs off chain, and anybody may send. */
    async function assign(): Promise<void> {
      const { postageChannels } = base.world;
      const { address, signingKey } = postageWallet(0);
      const owner = base.people.company.address;
      const { r, yParityAndS } = signingKey.sign(await postageChannels.assignOwnerDigest(owner, NEVER));
      await postageChannels.assignOwner(address, owner, NEVER, r, yParityAndS);
    }

    async function thiefSpends(fees: string): Promise<void> {
      const signing = { postageKey: postageKeyFile(0), fees };
      const { row } = await does(base.world, undefined, "channel sign-voucher", signing);
      await does(base.world, stolen(), "channel settle", { vouchers: [row] });
    }

    /** Step 4. */
    async function goOn(old: string): Promise<void> {
      const { world, people } = base;
      await world.usdc.getFunction("mint")(people.company, 100n * USD);
      const next = { postageKey: postageKeyFile(1), amount: "100 USD", owner: people.company.address };
      await does(world, people.company, "channel rotate", { channel: old, ...next });
      const shown = await does(world, undefined, "channel show", { channel: people.payers[1]!.address });
      expect(shown).to.deep.include({ owner: people.company.address.toLowerCase(), unspent: "100000000" });
    }

    it("of a channel with an owner: the thief spends at most, and the rest comes back", async () => {
      const { world, people } = base;
      await assign();
      const channel = await fund();
      expect(await refused(world, stolen(), "channel request-withdrawal", { channel, amount: "all" })).to.equal(
        "not_owner",
      );
      await does(world, people.company, "channel request-withdrawal", { channel, amount: "all" });
      await thiefSpends("30 USD");
      await goOn(channel);
      await world.net.networkHelpers.time.increase(3 * DAY);
      await does(world, people.company, "channel withdraw", { channel, recipient: SAFE });
      expect(await usdcOf(SAFE)).to.equal(70n * USD);
      // What spending 30 USD brought the thief: the bounty of one row.
      expect(await world.postageChannels.creditOf(stolen())).to.equal(USD / 50n);
    });

    it("of a channel that the key owns: given an owner before the thief's withdrawal is ready, it is saved", async () => {
      const { world, people } = base;
      const channel = await fund();
      const { owner } = await does(world, undefined, "channel show", { channel });
      expect(owner).to.equal(channel.toLowerCase());
      await does(world, stolen(), "channel request-withdrawal", { channel, amount: "all" });
      await world.net.networkHelpers.time.increase(2 * DAY);

      const owned = { owner: people.company.address, postageKey: postageKeyFile(0) };
      await does(world, people.company, "channel assign-owner", { channel, ...owned });
      const again = { channel, amount: "all" };
      expect(await refused(world, people.company, "channel request-withdrawal", again)).to.equal("nothing_to_do");
      await goOn(channel);
      await world.net.networkHelpers.time.increase(DAY);
      expect(await refused(world, stolen(), "channel withdraw", { channel, recipient: CLEAN })).to.equal("not_owner");
      await does(world, people.company, "channel withdraw", { channel, recipient: SAFE });
      expect([await usdcOf(SAFE), await usdcOf(CLEAN)]).to.deep.equal([100n * USD, 0n]);
    });

    it("of a channel that the thief gave an owner first: the next one is not the thief's", async () => {
      const { world, people } = base;
      const channel = await fund();
      await world.postageChannels.connect(stolen()).handOn(channel, CLEAN);
      const owned = { channel, owner: SAFE, postageKey: postageKeyFile(0) };
      expect(await refused(world, people.company, "channel assign-owner", owned)).to.equal("not_owner");
      await goOn(channel);
    });

    it("of a channel that the key owns, where the thief asked for a little to be in the way", async () => {
      const { world, people } = base;
      const channel = await fund();
      await does(world, stolen(), "channel request-withdrawal", { channel, amount: "1 USD" });
      // What assign-owner does, by a wallet that has the key.
      await world.postageChannels.connect(stolen()).handOn(channel, people.company);
      await does(world, people.company, "channel cancel-withdrawal", { channel });
      await does(world, people.company, "channel request-withdrawal", { channel, amount: "all" });
      await world.net.networkHelpers.time.increase(3 * DAY);
      await does(world, people.company, "channel withdraw", { channel, recipient: SAFE });
      expect(await usdcOf(SAFE)).to.equal(100n * USD);
    });
  });

  runbook("Stolen node key", () => {
    it("the key is replaced, a case under the old one is dismissed, and nothing is lost", async () => {
      const { world, people } = base;
      const { faultProofs, guardian, nodeRegistry, nodeStaking, ethers } = world;
      const [owner] = people.operators;
      const { directories } = await newNodes(base, 1);
      const keyIn = (directory: string) => readFileSync(join(directory, "settlement.key"), "utf8").trim();
      const old = new Wallet(keyIn(directories[0]!), ethers.provider);
      await people.stranger.sendTransaction({ to: old, value: 10n ** 18n });

      const spare = join(temporary(), "spare");
      const { keys } = await does(world, undefined, "operator keys", { directory: spare });
      const [signingKey, attestationKey] = [join(spare, "signing.key"), join(spare, "attestation.key")];
      await does(world, owner, "operator rotate-key", { node: "100", signingKey, attestationKey });
      await old.sendTransaction({ to: keys.settlement.address as string, value: 9n * 10n ** 17n });
      expect(await ethers.provider.getBalance(keys.settlement.address as string)).to.equal(9n * 10n ** 17n);

      const show = () => does(world, undefined, "operator show", { node: "100" });
      expect((await nodeRegistry.getNode(100n)).signer.toLowerCase()).to.equal(keys.signing.address);
      expect((await show()).keys.signing.toLowerCase()).to.equal(keys.signing.address);

      await world.net.networkHelpers.time.increase(2 * DAY);
      expect((await show()).isFrozen).to.equal(false);
      const { caseId } = await does(world, people.reporter, "fault prove", twoForOne(directories[0]!, 100n));
      expect((await show()).isFrozen).to.equal(true);
      await guardian.connect(people.keyholder).dismiss(caseId);
      await expect(faultProofs.close(caseId)).to.revert(ethers);
      await world.net.networkHelpers.time.increase(14 * DAY);
      await faultProofs.close(caseId);
      expect((await show()).isFrozen).to.equal(false);
      expect(await nodeStaking.stakeOf(100n)).to.equal(10_000n * TOKEN);

      const late = twoForOne(directories[0]!, 100n, 8n);
      expect(await refused(world, people.reporter, "fault prove", late)).to.equal("too_late");
    });
  });

  runbook("Rate proposal", () => {
    /** Up to the execution: proposed by a founder, voted for, queued, and left until it is due. */
    async function proposed(rates: IRateRegistry.RatesStruct) {
      const { world, people } = base;
      const { rateRegistry, postageGovernor, postageToken } = world;
      const [founder] = people.founders;
      await postageToken.connect(founder).delegate(founder);
      await world.net.networkHelpers.time.increase(1);
      const data = rateRegistry.interface.encodeFunctionData("scheduleRates", [rates]);
      const text = `Rates for spring #proposer=${founder.address}`;
      const proposal = await propose(world, founder, [{ target: rateRegistry, data }], text);
      await world.net.networkHelpers.time.increase(DAY + 1);
      await postageGovernor.connect(founder).castVote(proposal.id, 1);
      await world.net.networkHelpers.time.increase(5 * DAY);
      await act(world, people.stranger, "queue", proposal);
      await world.net.networkHelpers.time.increase(2 * DAY);
      return proposal;
    }

    /** Step 4: the execution, asked as the Timelock. */
    const ask = async (rates: IRateRegistry.RatesStruct) => {
      const { rateRegistry, record, net } = base.world;
      const from = record.contracts.timelock.address;
      // The simulated chain takes the price of data for a call, too.
      await net.networkHelpers.setBalance(from, 10n ** 18n);
      return rateRegistry.connect(base.chain.provider).scheduleRates.staticCall(rates, { from });
    };

    const startIn = async (days: number) => (await base.world.net.networkHelpers.time.latest()) + days * DAY;

    it("is announced, asked about, voted, executed, in force, and then reviewed", async () => {
      const { world, people, network, chain } = base;
      const startTime = await startIn(12);
      const rates = { messageFee: 400, storageFee: 200, congestionFee: 300, targetRatePerMinute: 6_000, startTime };
      const { rateRegistry } = world;
      await expect(ask({ ...rates, messageFee: 401 })).to.be.revertedWithCustomError(
        rateRegistry,
        "RateRegistryRateOutOfBounds",
      );
      await ask(rates);
      await act(world, people.stranger, "execute", await proposed(rates));
      const { current, scheduled } = await does(world, undefined, "rates show", {});
      expect([current.messageFeePico, scheduled[0].messageFeePico]).to.deep.equal(["100", "400"]);
      expect(Number(scheduled[0].startAt)).to.equal(startTime);
      await world.net.networkHelpers.time.increaseTo(startTime);

      const status = async (reviewed: typeof network) => {
        const lines: string[] = [];
        const output = { out: (text: string) => void lines.push(text), err: (text: string) => void lines.push(text) };
        const { record } = world;
        const exitCode = await runStatus({ network: reviewed, record, provider: chain.provider, json: false, output });
        return { exitCode, text: lines.join("\n") };
      };
      const before = await status(network);
      expect(before.exitCode).to.equal(1);
      expect(before.text).to.match(/messageFeePico in force +100 +400$/);
      const { firstRates } = reviewedFiles("base").parameters as { firstRates: object };
      const reviewed = baseParameters(people, 1, { firstRates: { ...firstRates, messageFeePico: "400" } });
      expect((await status(reviewed)).exitCode).to.equal(0);
    });

    it("of rates that begin too early is refused by the execution", async () => {
      const { world, people } = base;
      const startTime = await startIn(9);
      const rates = { messageFee: 400, storageFee: 200, congestionFee: 300, targetRatePerMinute: 6_000, startTime };
      await ask(rates);
      const proposal = await proposed(rates);
      await expect(act(world, people.stranger, "execute", proposal)).to.be.revertedWithCustomError(
        world.rateRegistry,
        "RateRegistryStartTooEarly",
      );
    });
  });

  runbook("Guardian pause", () => {
    const WEEK = 7 * DAY;

    async function funded(): Promise<string> {
      const { world, people } = base;
      await world.usdc.getFunction("mint")(people.company, 100n * USD);
      const channel = people.payers[0]!.address;
      await does(world, people.company, "channel deposit", { channel, amount: "50 USD" });
      return channel;
    }

    /** Step 3. */
    const dryDeposit = (channel: string) =>
      refused(base.world, base.people.company, "channel deposit", { channel, amount: "5 USD", dryRun: true });

    it("closes deposits and no withdrawal, is ended early, and cannot be repeated", async () => {
      const { world, people } = base;
      const { guardian, postageChannels } = world;
      const channel = await funded();
      const acting = guardian.connect(people.keyholder);
      await acting.pauseEntries.staticCall(postageChannels, WEEK);
      await acting.pauseEntries(postageChannels, WEEK);
      const until = await postageChannels.entriesPausedUntil();
      expect(until).to.equal(BigInt(await world.net.networkHelpers.time.latest()) + BigInt(WEEK));
      expect(await dryDeposit(channel)).to.equal("PausableEntriesPaused");
      await does(world, people.payers[0], "channel request-withdrawal", { channel, amount: "all" });
      await world.net.networkHelpers.time.increase(3 * DAY);
      await does(world, people.payers[0], "channel withdraw", { channel, recipient: people.company.address });
      expect(await usdcOf(people.company)).to.equal(100n * USD);

      await acting.resumeEntries(postageChannels);
      await does(world, people.company, "channel deposit", { channel, amount: "5 USD" });
      expect(await postageChannels.nextPauseAt()).to.equal(until + BigInt(30 * DAY));
      await expect(acting.pauseEntries(postageChannels, WEEK)).to.be.revertedWithCustomError(
        postageChannels,
        "PausableEntriesTooSoon",
      );
    });

    it("of each other contract closes what the table says, and ends by itself", async () => {
      const { world, people } = base;
      const { guardian, nodeRegistry, nodeStaking, identityRegistry, commitBroadcaster } = world;
      const { ids } = await newNodes(base, 1);
      const acting = guardian.connect(people.keyholder);
      const [owner, second] = people.operators;
      const more = { node: String(ids[0]), amount: "500 PENNY" };
      const directory = join(temporary(), "node");
      await world.postageToken.connect(people.founders[1]).transfer(second!, 10_000n * TOKEN);
      await does(world, undefined, "operator keys", { directory });
      const entering = { directory, httpAddress: "https://node.example.org" };
      for (const contract of [identityRegistry, commitBroadcaster]) {
        await acting.pauseEntries(contract, WEEK);
        expect(await contract.entriesPausedUntil()).not.to.equal(0n);
      }
      const paused = "PausableEntriesPaused";
      await expect(identityRegistry.addIdentityUpdate(`0x${"11".repeat(32)}`, "0x00")).to.be.revertedWithCustomError(
        identityRegistry,
        paused,
      );
      await expect(
        commitBroadcaster.addMessage(`0x${"11".repeat(16)}`, `0x${"00".repeat(200)}`),
      ).to.be.revertedWithCustomError(commitBroadcaster, paused);
      await acting.pauseEntries(nodeRegistry, WEEK);
      expect(await refused(world, second!, "operator register", entering)).to.equal(paused);
      await acting.resumeEntries(nodeRegistry);
      await acting.pauseEntries(nodeStaking, WEEK);
      expect(await refused(world, owner!, "operator stake", more)).to.equal(paused);
      await does(world, second, "operator register", entering);
      await does(world, second, "operator exit", { node: "200" });
      await world.net.networkHelpers.time.increase(WEEK);
      await does(world, owner, "operator stake", more);
    });
  });

  runbook("Moving to a new suite of contracts", () => {
    /** Two nodes with seats, in the first epoch in which they serve. */
    async function serving(world: World) {
      const { nodeSeats } = world;
      const { ids, directories } = await newNodes({ world, people: base.people }, 2);
      const admissions = ids.map((id) => ({
        target: nodeSeats,
        data: nodeSeats.interface.encodeFunctionData("setAdmitted", [id, true]),
      }));
      await voted(world, admissions, "Admit the first two");
      for (const [i, id] of ids.entries()) {
        await does(world, base.people.operators[i], "operator stake", { node: String(id), takeSeat: true });
      }
      await passEpochs(world, 1);
      return { ids, directories };
    }

    it("everybody moves, and the old suite pays what it owes to the last unit", async () => {
      const { world: old, people, chain, network } = base;
      const { feeDistributor, postageChannels, postageToken } = old;
      const [payer] = people.payers;
      const channel = payer!.address;
      const before = await serving(old);
      await old.usdc.getFunction("mint")(people.company, 150n * USD);
      await does(old, people.company, "channel deposit", { channel, amount: "100 USD" });
      const signing = { postageKey: postageKeyFile(0), fees: "40 USD" };
      const { row } = await does(old, undefined, "channel sign-voucher", signing);

      const parameters = baseParameters(people, 2);
      const world = await deployedOn(chain, parameters, people);
      expect(await drift({ ...base, world }, parameters)).to.deep.equal([]);
      expect(await drift(base, network)).to.deep.equal([]);
      const addresses = (of: World) => Object.values(of.record.contracts).map(({ address }) => address);
      expect(new Set([...addresses(old), ...addresses(world)]).size).to.equal(2 * addresses(old).length);

      const next = await serving(world);
      expect(next.ids).to.deep.equal(before.ids);
      for (const id of next.ids) {
        const [was, is] = [await old.nodeRegistry.getNode(id), await world.nodeRegistry.getNode(id)];
        expect(is.signer).not.to.equal(was.signer);
      }
      await does(world, people.company, "channel deposit", { channel, amount: "50 USD" });
      await does(old, people.settler, "channel settle", { vouchers: [row] });
      await does(old, payer, "channel request-withdrawal", { channel, amount: "all" });
      await old.net.networkHelpers.time.increase(3 * DAY);
      await does(old, payer, "channel withdraw", { channel, recipient: people.company.address });
      expect(await usdcOf(people.company)).to.equal(60n * USD);

      await feeDistributor.distribute();
      await passEpochs(old, 15);
      for (const [i, id] of before.ids.entries()) {
        const [node, owner] = [String(id), people.operators[i]!];
        await does(old, owner, "operator claim", { node });
        await does(old, owner, "operator exit", { node });
        const { unbondings } = await does(old, undefined, "operator show", { node });
        await old.net.networkHelpers.time.increaseTo(BigInt(unbondings[0].readyAt as string));
        await does(old, owner, "operator withdraw-stake", { node });
        expect(await postageToken.balanceOf(owner)).to.equal(12_000n * TOKEN);
      }
      const timelock = world.record.contracts.timelock.address;
      const data = feeDistributor.interface.encodeFunctionData("withdrawCredit", [timelock]);
      await voted(old, [{ target: feeDistributor, data }], "The treasury moves");

      // 40 USD, of which 0.02 are the settler's bounty and a tenth of the rest the treasury's.
      const fees = 40n * USD - USD / 50n;
      expect(await usdcOf(timelock)).to.equal(fees / 10n);
      expect(await usdcOf(postageChannels)).to.equal(await postageChannels.creditOf(people.settler));
      const earned = (await usdcOf(people.operators[0])) + (await usdcOf(people.operators[1]));
      const left = await usdcOf(feeDistributor);
      expect(earned + left).to.equal(fees - fees / 10n);
      expect(left < 14n + 2n, `${left} left`).to.equal(true);
      expect(await usdcOf(world.postageChannels)).to.equal(50n * USD);
    });
  });
});
