import { expect } from "chai";
import { Contract } from "ethers";

import { CREATE3_DEPLOYER_INTERFACE } from "../../src/deployment/suite.ts";
import { verifyDeployment } from "../../src/deployment/verifyDeployment.ts";
import { baseFeePico } from "../../src/protocol/fees.ts";
import { DAY, TOKEN, USD, passEpochs } from "../contracts/fixtures.ts";
import { State, Vote, act, propose, queue, toEnd, toVote, voted } from "../contracts/governance.ts";
import type { BaseWorld } from "./support/baseWorld.ts";
import {
  baseParameters,
  baseWorld,
  does,
  drift,
  newNodes,
  postageKeyFile,
  refused,
  twoForOne,
} from "./support/baseWorld.ts";

const MINIMUM = 10_000n * TOKEN;
const SUPPLY = 10n ** 27n;
const MESSAGE = 512;
const PICO_PER_UNIT = 1_000_000n;

/** A life from beginning to end: each chapter goes on where the one before stopped, and the books add up after each. */
describe("the whole life of a network on Base", () => {
  let base: BaseWorld;
  let ids: bigint[] = [];
  let directories: string[] = [];
  /** What each payer has used since the beginning, in base units: what its vouchers say. */
  const used = [0n, 0n];
  let postageKeys: string[];

  before(async () => {
    base = await baseWorld();
    postageKeys = base.people.payers.map((_, i) => postageKeyFile(i));
  });

  after(() => base.chain.close());

  const usdcOf = async (holder: unknown) => (await base.world.usdc.getFunction("balanceOf")(holder)) as bigint;
  const sum = (amounts: bigint[]) => amounts.reduce((total, amount) => total + amount, 0n);
  const deposits = async () => {
    const keys = base.people.payers.map(({ address }) => address);
    return base.world.postageChannels.getChannels(keys);
  };

  /** Where every unit that was used is now. */
  async function books() {
    const { world, people } = base;
    const { postageChannels, feeDistributor, timelock } = world;
    const claimable = sum(await Promise.all(ids.map((id) => feeDistributor.claimable(id))));
    const paid = await feeDistributor.paid();
    return {
      bounty: (await postageChannels.creditOf(people.settler)) + (await usdcOf(people.settler)),
      uncollected: await postageChannels.uncollected(),
      treasury: (await feeDistributor.creditOf(timelock)) + (await usdcOf(people.grantee)),
      claims: sum(await Promise.all(people.operators.map(usdcOf))),
      claimable,
      streaming: await feeDistributor.streaming(),
      remainder: await feeDistributor.remainder(),
      dust: (await feeDistributor.released()) - paid - claimable,
    };
  }

  afterEach("the books add up to the unit", async () => {
    const { world, people } = base;
    const { postageChannels, feeDistributor, postageToken, nodeStaking } = world;
    const at = await books();
    const channels = await deposits();
    expect(sum(channels.map(({ feesSpent }) => feesSpent)), "settled = used").to.equal(sum(used));
    expect(sum(Object.values(at)), "where it is = used").to.equal(sum(used));
    expect(at.claims, "claims").to.equal(await feeDistributor.paid());
    expect(at.dust >= 0n && at.dust <= BigInt(ids.length), `dust ${at.dust}`).to.equal(true);

    const unspent = sum(channels.map(({ deposited, feesSpent }) => deposited - feesSpent));
    const credit = await postageChannels.creditOf(people.settler);
    expect(await usdcOf(postageChannels), "PostageChannels").to.equal(unspent + at.uncollected + credit);
    const treasury = await feeDistributor.creditOf(await feeDistributor.treasury());
    const ofSeats = at.claimable + at.streaming + at.remainder + at.dust;
    expect(await usdcOf(feeDistributor), "FeeDistributor").to.equal(treasury + ofSeats);

    const parts = [nodeStaking.totalStaked(), nodeStaking.totalUnbonding(), nodeStaking.totalCredited()];
    expect(await postageToken.balanceOf(nodeStaking), "NodeStaking").to.equal(sum(await Promise.all(parts)));
    const holders = [nodeStaking, ...people.founders, ...people.operators, people.reporter, people.grantee];
    const held = await Promise.all(holders.map((holder) => postageToken.balanceOf(holder)));
    expect(sum(held), "all PENNY that there is").to.equal(SUPPLY);
  });

  /** What messages cost by the rates that are in force, rounded up as a node does. */
  async function priceOf(messages: bigint): Promise<bigint> {
    const { current } = await does(base.world, undefined, "rates show", {});
    const rates = {
      messageFeePico: BigInt(current.messageFeePico as string),
      storageFeePico: BigInt(current.storageFeePico as string),
      congestionFeePico: 0n,
      targetRatePerMinute: 6_000n,
      startAt: 0n,
    };
    return (messages * baseFeePico(rates, MESSAGE, 60) + PICO_PER_UNIT - 1n) / PICO_PER_UNIT;
  }

  /** Payers send messages and sign for them; what they signed is settled and distributed. */
  async function publish(messages: [bigint, bigint]): Promise<void> {
    const { world, people } = base;
    const rows: string[] = [];
    for (const [i, count] of messages.entries()) {
      if (count === 0n) continue;
      used[i]! += await priceOf(count);
      const signing = { postageKey: postageKeys[i]!, fees: `${used[i]} units` };
      const { row } = await does(world, undefined, "channel sign-voucher", signing);
      rows.push(row as string);
    }
    await does(world, people.settler, "channel settle", { vouchers: rows });
    await world.feeDistributor.distribute();
  }

  const deposit = (payer: number, amount: string) => ({ channel: base.people.payers[payer]!.address, amount });

  async function claimAll(): Promise<void> {
    for (const id of ids) {
      if ((await base.world.feeDistributor.claimable(id)) === 0n) continue;
      await does(base.world, base.people.stranger, "operator claim", { node: String(id) });
    }
  }

  const activeIds = async () => {
    const { nodeIds, active } = await base.world.nodeSeats.seatedNodes();
    return nodeIds.filter((_, i) => active[i]);
  };

  it("is deployed and handed over: everything is as the reviewed files say, and the deployer is nobody", async () => {
    const { chain, network, world, people } = base;
    expect([network.chain.chainId, network.parameters.admission]).to.deep.equal([8453, "approved"]);
    expect(await drift(base, network)).to.deep.equal([]);
    const { timelockDelaySeconds } = network.parameters;
    await verifyDeployment(world.record, chain.provider, {
      keyholder: people.keyholder.address,
      timelockDelaySeconds,
    });
  });

  it("five operators join: they register, a vote admits them, they take seats and serve", async () => {
    const { world, people } = base;
    const { nodeSeats } = world;
    ({ ids, directories } = await newNodes(base));
    expect(ids).to.deep.equal([100n, 200n, 300n, 400n, 500n]);
    const seat = (id: bigint) => ({ node: String(id), takeSeat: true });
    expect(await refused(world, people.operators[0]!, "operator stake", seat(100n))).to.equal("NodeSeatsNotAdmitted");
    const admissions = ids.map((id) => ({
      target: nodeSeats,
      data: nodeSeats.interface.encodeFunctionData("setAdmitted", [id, true]),
    }));
    await voted(world, admissions, "Admit the first five");
    for (const [i, id] of ids.entries()) {
      const { hasSeat } = await does(world, people.operators[i], "operator stake", seat(id));
      expect(hasSeat).to.equal(true);
    }
    expect(await activeIds()).to.deep.equal([]);
    await passEpochs(world, 1);
    expect(await activeIds()).to.deep.equal(ids);
  });

  it("payers deposit, use, and the nodes are paid", async () => {
    const { world, people } = base;
    const { feeDistributor } = world;
    await world.usdc.getFunction("mint")(people.company, 1_000n * USD);
    await does(world, people.company, "channel deposit", deposit(0, "300 USD"));
    await does(world, people.company, "channel deposit", deposit(1, "100 USD"));
    await publish([1_234_567n, 765_433n]);
    // 512 bytes for 60 days: 6.1441 units a message.
    expect(used).to.deep.equal([7_585_304n, 4_702_897n]);
    await passEpochs(world, 4);
    await claimAll();
    const at = await books();
    expect(at.bounty).to.equal(40_000n);
    expect(at.treasury).to.equal((12_288_201n - 40_000n) / 10n);
    expect(at.claims > 0n && at.streaming > at.claims).to.equal(true);
    const earned = await Promise.all(people.operators.map(usdcOf));
    expect(new Set(earned).size, "equal seats earn the same").to.equal(1);
    expect(await feeDistributor.claimable(100n)).to.equal(0n);
  });

  it("a vote changes the rates: what is sent later costs more, and status names exactly that", async () => {
    const { world, network, people } = base;
    const { rateRegistry, postageGovernor } = world;
    const before = await priceOf(1_000_000n);
    const startTime = BigInt((await world.net.networkHelpers.time.latest()) + 12 * DAY);
    const rates = { messageFee: 400n, storageFee: 250n, congestionFee: 300n, targetRatePerMinute: 6_000n, startTime };
    const data = rateRegistry.interface.encodeFunctionData("scheduleRates", [rates]);
    const proposal = await propose(world, people.founders[0], [{ target: rateRegistry, data }], "Rates for 2027");
    await toVote(world, proposal);
    const governor = (voter: (typeof people)["stranger"]) => postageGovernor.connect(voter);
    await governor(people.founders[0]).castVote(proposal.id, Vote.for);
    await governor(people.founders[1]).castVote(proposal.id, Vote.abstain);
    // What is staked votes, too.
    for (const operator of people.operators) await governor(operator).castVote(proposal.id, Vote.for);
    const { forVotes, abstainVotes } = await postageGovernor.proposalVotes(proposal.id);
    expect([forVotes, abstainVotes]).to.deep.equal([SUPPLY / 2n + 5n * MINIMUM, SUPPLY / 2n - 60_000n * TOKEN]);
    await toEnd(world, proposal);
    await queue(world, proposal);
    await act(world, people.stranger, "execute", proposal);
    expect(await postageGovernor.state(proposal.id)).to.equal(State.executed);

    expect(await priceOf(1_000_000n), "announced only").to.equal(before);
    expect(await drift(base, network)).to.deep.equal([]);
    await world.net.networkHelpers.time.increaseTo(startTime);
    expect([before, await priceOf(1_000_000n)]).to.deep.equal([6_144_100n, 7_680_400n]);
    await publish([500_000n, 0n]);
    expect(await drift(base, network)).to.deep.equal([
      ["messageFeePico in force", "400", "100"],
      ["storageFeePicoPerByteDay in force", "250", "200"],
    ]);
  });

  it("a guardian's pause closes the ways in and nothing else, and ends by itself", async () => {
    const { world, people } = base;
    const { guardian, postageChannels } = world;
    const pause = guardian.connect(people.keyholder).pauseEntries(postageChannels, 7 * DAY);
    await expect(pause).to.emit(postageChannels, "EntriesPaused");
    const until = await postageChannels.entriesPausedUntil();
    const more = deposit(0, "5 USD");
    expect(await refused(world, people.company, "channel deposit", more)).to.equal("PausableEntriesPaused");
    await publish([100_000n, 100_000n]);
    await passEpochs(world, 3);
    await claimAll();
    const [, second] = people.payers;
    await does(world, second, "channel request-withdrawal", { channel: second!.address, amount: "10 USD" });
    await world.net.networkHelpers.time.increase(3 * DAY);
    await does(world, second, "channel withdraw", { channel: second!.address, recipient: people.company.address });
    expect(await refused(world, people.company, "channel deposit", more)).to.equal("PausableEntriesPaused");

    await world.net.networkHelpers.time.increaseTo(until);
    await does(world, people.company, "channel deposit", more);
    // And the guardian cannot go on with it.
    await expect(guardian.connect(people.keyholder).pauseEntries(postageChannels, DAY)).to.be.revertedWithCustomError(
      postageChannels,
      "PausableEntriesTooSoon",
    );
  });

  it("a fault is proved and punished: a part of the stake, the seat, a bounty", async () => {
    const { world, people } = base;
    const { faultProofs, nodeStaking, nodeSeats, postageToken, timelock } = world;
    const { caseId } = await does(world, people.reporter, "fault prove", twoForOne(directories[2]!, 300n));
    expect(await nodeStaking.isFrozen(300n)).to.equal(true);
    await expect(faultProofs.execute(caseId)).to.be.revertedWithCustomError(faultProofs, "FaultProofsAppealNotOver");
    await world.net.networkHelpers.time.increase(7 * DAY);
    await faultProofs.execute(caseId);
    expect(await nodeStaking.stakeOf(300n)).to.equal((MINIMUM * 99n) / 100n);
    expect(await nodeStaking.creditOf(timelock)).to.equal(80n * TOKEN);
    await nodeStaking.connect(people.reporter).withdrawCredit(people.reporter);
    expect(await postageToken.balanceOf(people.reporter)).to.equal(20n * TOKEN);
    expect(await nodeSeats.seatMinimumOf(300n)).to.equal(0n);
    await passEpochs(world, 1);
    expect(await activeIds()).to.deep.equal([100n, 200n, 400n, 500n]);

    // The seats that are left share what comes now.
    await claimAll();
    const before = await usdcOf(people.operators[2]);
    await publish([200_000n, 0n]);
    await passEpochs(world, 3);
    await claimAll();
    expect(await usdcOf(people.operators[2]), "earns nothing more").to.equal(before);
  });

  it("an operator leaves with its whole stake and what it earned", async () => {
    const { world, people } = base;
    const { postageToken, nodeRegistry } = world;
    const leaver = people.operators[4]!;
    await does(world, leaver, "operator exit", { node: "500" });
    expect(await nodeRegistry.isLive(500n)).to.equal(false);
    await passEpochs(world, 1);
    expect(await activeIds()).to.deep.equal([100n, 200n, 400n]);
    expect(await refused(world, leaver, "operator withdraw-stake", { node: "500" })).to.equal("too_early");
    const { unbondings } = await does(world, undefined, "operator show", { node: "500" });
    await world.net.networkHelpers.time.increaseTo(BigInt(unbondings[0].readyAt as string));
    await does(world, leaver, "operator withdraw-stake", { node: "500" });
    expect(await postageToken.balanceOf(leaver)).to.equal(12_000n * TOKEN);
    await claimAll();
    const earned = await usdcOf(leaver);
    await publish([200_000n, 50_000n]);
    await passEpochs(world, 3);
    await claimAll();
    expect(await usdcOf(leaver), "earns nothing more").to.equal(earned);
  });

  it("everybody takes what is theirs: the treasury by a vote, payers and settler by themselves", async () => {
    const { world, people } = base;
    const { feeDistributor, nodeStaking, postageChannels, postageToken } = world;
    const to: [string] = [people.grantee.address];
    const grants = [
      { target: feeDistributor, data: feeDistributor.interface.encodeFunctionData("withdrawCredit", to) },
      { target: nodeStaking, data: nodeStaking.interface.encodeFunctionData("withdrawCredit", to) },
    ];
    await voted(world, grants, "A grant of all there is");
    expect(await postageToken.balanceOf(people.grantee)).to.equal(80n * TOKEN);
    await postageChannels.connect(people.settler).withdrawCredit(people.settler);
    for (const payer of people.payers) {
      const channel = payer.address;
      await does(world, payer, "channel request-withdrawal", { channel, amount: "all" });
      await world.net.networkHelpers.time.increase(3 * DAY);
      await does(world, payer, "channel withdraw", { channel, recipient: people.company.address });
    }
    await passEpochs(world, 15);
    await claimAll();
    const at = await books();
    expect([at.uncollected, at.claimable, at.streaming]).to.deep.equal([0n, 0n, 0n]);
    expect(await usdcOf(postageChannels)).to.equal(0n);
    expect(await usdcOf(feeDistributor), "what no seat can be paid").to.equal(at.remainder + at.dust);
    expect(at.remainder < 14n).to.equal(true);
    // The payers paid for what they used and got the rest.
    expect(await usdcOf(people.company)).to.equal(1_000n * USD - sum(used));
  });

  it("at the end the deployment is proved again, and nothing is the deployer's", async () => {
    const { chain, network, world, people } = base;
    const { record, accessManager, timelock, guardian, nodeSeats, postageToken, nodeRegistry } = world;
    const { timelockDelaySeconds } = network.parameters;
    await verifyDeployment(record, chain.provider, { keyholder: people.keyholder.address, timelockDelaySeconds });
    expect(await drift(base, network)).to.deep.equal([
      ["messageFeePico in force", "400", "100"],
      ["storageFeePicoPerByteDay in force", "250", "200"],
    ]);
    // The reviewed file follows the vote.
    const firstRates = {
      messageFeePico: "400",
      storageFeePicoPerByteDay: "250",
      congestionFeePicoPerUnit: "300",
      targetRatePerMinute: 6_000,
    };
    expect(await drift(base, baseParameters(people, 1, { firstRates }))).to.deep.equal([]);

    const deployer = people.deployer;
    const create3 = new Contract(record.deployer, CREATE3_DEPLOYER_INTERFACE, deployer);
    expect(await create3.getFunction("owner")()).to.equal(record.contracts.timelock.address);
    for (const role of [0n, 1n]) expect((await accessManager.hasRole(role, deployer)).isMember).to.equal(false);
    const roles = [timelock.DEFAULT_ADMIN_ROLE(), timelock.PROPOSER_ROLE(), timelock.CANCELLER_ROLE()];
    for (const role of await Promise.all(roles)) expect(await timelock.hasRole(role, deployer)).to.equal(false);
    expect(await usdcOf(deployer)).to.equal(0n);
    expect([await postageToken.balanceOf(deployer), await nodeRegistry.balanceOf(deployer)]).to.deep.equal([0n, 0n]);
    for (const attempt of [
      () => nodeSeats.connect(deployer).setMaxSeats(30n),
      () => accessManager.connect(deployer).grantRole(0n, deployer, 0),
      () => guardian.connect(deployer).pauseEntries(nodeRegistry, DAY),
      () => create3.getFunction("handOver")(deployer.address) as Promise<unknown>,
    ]) {
      await expect(attempt()).to.revert(world.ethers);
    }
  });
});
