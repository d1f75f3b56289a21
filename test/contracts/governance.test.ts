import { expect } from "chai";
import { Contract, concat, id } from "ethers";

import { create3Address } from "../../src/deployment/create3.ts";
import { readArtifact } from "../../src/deployment/readArtifact.ts";
import type { World } from "./fixtures.ts";
import { DAY, TOKEN, registerNode } from "./fixtures.ts";
import { State, Vote, act, passed, propose, queue, toEnd, toVote, voted, votingWorld } from "./governance.ts";

const FIRST = { messageFee: 100n, storageFee: 200n, congestionFee: 300n, targetRatePerMinute: 6_000n };
const OLD = [100n, 200n, 300n, 6_000n, 0n];

/** The call that schedules rates; they start `ahead` seconds from now. */
async function scheduling({ rateRegistry, net }: World, ahead: number, changes: Partial<typeof FIRST> = {}) {
  const startTime = BigInt((await net.networkHelpers.time.latest()) + ahead);
  const rates = { ...FIRST, ...changes, startTime };
  return {
    rates,
    call: { target: rateRegistry, data: rateRegistry.interface.encodeFunctionData("scheduleRates", [rates]) },
  };
}

describe("governance", () => {
  it("changes the rates: proposed, voted on with held and staked tokens, queued, executed", async () => {
    const world = await votingWorld();
    const { postageGovernor, postageToken, votingPower, rateRegistry, funder, operator, settler, stranger } = world;
    // Neither reaches the quorum of 40 million alone: 15 held, 30 and a minimum staked.
    await postageToken.connect(funder).transfer(settler, 85_000_000n * TOKEN);
    expect(await votingPower.getVotes(operator)).to.equal(30_010_000n * TOKEN);
    await world.net.networkHelpers.time.increase(1);
    const { rates, call } = await scheduling(world, 12 * DAY, { messageFee: 400n });
    const proposal = await propose(world, operator, [call], "Messages at 400");
    expect(await postageGovernor.state(proposal.id)).to.equal(State.pending);
    await toVote(world, proposal);
    await expect(postageGovernor.connect(operator).castVote(proposal.id, Vote.for))
      .to.emit(postageGovernor, "VoteCast")
      .withArgs(operator.address, proposal.id, Vote.for, 30_010_000n * TOKEN, "");
    await expect(postageGovernor.connect(funder).castVote(proposal.id, Vote.abstain))
      .to.emit(postageGovernor, "VoteCast")
      .withArgs(funder.address, proposal.id, Vote.abstain, 15_000_000n * TOKEN, "");
    await toEnd(world, proposal);
    expect(await postageGovernor.state(proposal.id)).to.equal(State.succeeded);
    await act(world, stranger, "queue", proposal);
    const readyAt = await postageGovernor.proposalEta(proposal.id);
    await world.net.networkHelpers.time.setNextBlockTimestamp(readyAt - 1n);
    await expect(act(world, stranger, "execute", proposal)).to.be.revertedWithCustomError(
      world.timelock,
      "TimelockUnexpectedOperationState",
    );
    await world.net.networkHelpers.time.setNextBlockTimestamp(readyAt);
    await expect(act(world, stranger, "execute", proposal)).to.emit(rateRegistry, "RatesScheduled");
    expect(await rateRegistry.getRates(0, 2)).to.deep.equal([OLD, [400n, 200n, 300n, 6_000n, rates.startTime]]);
  });

  it("does nothing without a quorum, or against a majority", async () => {
    const world = await votingWorld();
    const { postageGovernor, operator, funder } = world;
    const { call } = await scheduling(world, 12 * DAY);
    const few = await propose(world, operator, [call], "few");
    const opposed = await propose(world, operator, [call], "opposed");
    await toVote(world, opposed);
    for (const { id } of [few, opposed]) await postageGovernor.connect(operator).castVote(id, Vote.for);
    await postageGovernor.connect(funder).castVote(opposed.id, Vote.against);
    await toEnd(world, opposed);
    for (const { id } of [few, opposed]) expect(await postageGovernor.state(id)).to.equal(State.defeated);
    await expect(act(world, funder, "queue", few)).to.be.revertedWithCustomError(
      postageGovernor,
      "GovernorUnexpectedProposalState",
    );
  });

  it("case 46: rates that a vote schedules too late, too soon or too high are refused, and history stays", async () => {
    const world = await votingWorld();
    const { rateRegistry, stranger } = world;
    for (const [ahead, changes, error] of [
      [60, {}, "RateRegistryStartTooEarly"],
      // A vote and its timelock take 8 days and some seconds.
      [9 * DAY, {}, "RateRegistryStartTooEarly"],
      [20 * DAY, { storageFee: 801n }, "RateRegistryRateOutOfBounds"],
    ] as const) {
      const { call } = await scheduling(world, ahead, changes);
      const proposal = await passed(world, [call], `${ahead}`);
      await expect(act(world, stranger, "execute", proposal)).to.be.revertedWithCustomError(rateRegistry, error);
      expect(await world.postageGovernor.state(proposal.id)).to.equal(State.queued);
    }
    expect(await rateRegistry.getRates(0, 1)).to.deep.equal([OLD]);
    await voted(world, [(await scheduling(world, 12 * DAY, { storageFee: 800n })).call], "as high as it goes");
    expect(await rateRegistry.getRatesCount()).to.equal(2n);
    expect(await rateRegistry.getRates(0, 1)).to.deep.equal([OLD]);
  });

  it("opens admission: approved nodes only, then one more by name, then any", async () => {
    const world = await votingWorld({ admission: "approved" });
    const { nodeSeats, operator } = world;
    await registerNode(world, 1, operator.address);
    await registerNode(world, 2, operator.address);
    const take = (id: bigint) => nodeSeats.connect(operator).takeSeat(id);
    for (const id of [100n, 200n, 300n]) {
      await expect(take(id)).to.be.revertedWithCustomError(nodeSeats, "NodeSeatsNotAdmitted").withArgs(id);
    }
    const admit = (id: bigint) => nodeSeats.interface.encodeFunctionData("setAdmitted", [id, true]);
    await voted(
      world,
      [100n, 200n].map((id) => ({ target: nodeSeats, data: admit(id) })),
      "admit two",
    );
    for (const id of [100n, 200n]) await take(id);
    await expect(take(300n)).to.be.revertedWithCustomError(nodeSeats, "NodeSeatsNotAdmitted").withArgs(300n);
    await voted(world, [{ target: nodeSeats, data: nodeSeats.interface.encodeFunctionData("setAdmission", [1n]) }]);
    expect(await nodeSeats.admission()).to.equal(1n);
    await take(300n);
  });

  it("spends the treasury: what the Timelock is credited leaves by a vote", async () => {
    const world = await votingWorld();
    const { feeDistributor, usdc, postageChannels, funder, settler, timelock } = world;
    await usdc.getFunction("mint")(timelock, 1_000n);
    expect(await feeDistributor.treasury()).to.equal(await timelock.getAddress());
    const target = usdc as unknown as World["rateRegistry"];
    const data = usdc.interface.encodeFunctionData("transfer", [settler.address, 1_000n]);
    await voted(world, [{ target, data }], "a grant");
    expect(await usdc.getFunction("balanceOf")(settler)).to.equal(1_000n);
    await expect(usdc.getFunction("transferFrom")(timelock, funder, 1n)).to.revert(world.ethers);
    expect(await postageChannels.uncollected()).to.equal(0n);
  });

  it("I16: fills an address for a part to come: a vote does, the deploying account cannot", async () => {
    const world = await votingWorld();
    const { ethers, deployer } = world;
    const factory = new Contract(
      world.record.deployer,
      readArtifact("contracts/deployment/Create3Deployer.sol").abi,
      deployer,
    );
    const reserved = create3Address(world.record.deployer, id("pennyblack.Later"));
    const creation = concat([readArtifact("test/support/TestUSDC.sol").bytecode]);
    const filling = [id("pennyblack.Later"), creation] as const;
    const timelock = await world.timelock.getAddress();
    await expect(factory.getFunction("deploy")(...filling))
      .to.be.revertedWithCustomError(factory, "Create3DeployerNotOwner")
      .withArgs(deployer.address, timelock);
    const data = factory.interface.encodeFunctionData("deploy", filling);
    await voted(world, [{ target: factory, data }], "a part to come");
    expect(await ethers.provider.getCode(reserved)).not.to.equal("0x");
  });

  it("counts no votes for what unbonds, and for staked tokens only those of the node's owner", async () => {
    const world = await votingWorld();
    const { nodeStaking, nodeRegistry, votingPower, operator, stranger } = world;
    await nodeStaking.connect(operator).unstake(100n, 10_000_000n * TOKEN);
    expect(await votingPower.getVotes(operator)).to.equal(20_010_000n * TOKEN);
    await nodeRegistry.connect(operator).transferFrom(operator, stranger, 100n);
    expect(await votingPower.getVotes(operator)).to.equal(0n);
    expect(await votingPower.getVotes(stranger)).to.equal(20_010_000n * TOKEN);
  });

  it("lets a proposer cancel while nobody can vote, and not later", async () => {
    const world = await votingWorld();
    const { postageGovernor, funder, stranger } = world;
    const { call } = await scheduling(world, 12 * DAY);
    const [first, second] = [
      await propose(world, funder, [call], "first"),
      await propose(world, funder, [call], "second"),
    ];
    await expect(act(world, stranger, "cancel", first)).to.be.revertedWithCustomError(
      postageGovernor,
      "GovernorUnableToCancel",
    );
    await act(world, funder, "cancel", first);
    await toVote(world, second);
    await expect(act(world, funder, "cancel", second)).to.be.revertedWithCustomError(
      postageGovernor,
      "GovernorUnableToCancel",
    );
    await postageGovernor.connect(funder).castVote(second.id, Vote.for);
    await toEnd(world, second);
    await queue(world, second);
  });
});
