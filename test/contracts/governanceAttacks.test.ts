import { expect } from "chai";
import { Contract, ContractFactory, getBytes, hexlify, toBeHex, zeroPadBytes } from "ethers";

import { readArtifact } from "../../src/deployment/readArtifact.ts";
import type { World } from "./fixtures.ts";
import { DAY, TOKEN } from "./fixtures.ts";
import type { Call, Proposal } from "./governance.ts";
import {
  State,
  Vote,
  act,
  cancelAsKeyholder,
  passed,
  proposalOf,
  propose,
  queue,
  toEnd,
  toVote,
  votingWorld,
} from "./governance.ts";

/** Something that a vote can do and everybody can see. */
const raise = ({ nodeSeats }: World, seats = 25n): Call => ({
  target: nodeSeats,
  data: nodeSeats.interface.encodeFunctionData("setMaxSeats", [seats]),
});

/** Mines what `send` sends in one block, one second after the last. */
async function inOneBlock({ net, ethers }: World, send: () => Promise<{ wait(): Promise<unknown> }[]>) {
  await ethers.provider.send("evm_setAutomine", [false]);
  const sent = await send();
  await net.networkHelpers.mine();
  await ethers.provider.send("evm_setAutomine", [true]);
  return Promise.all(sent.map((transaction) => transaction.wait().catch((error: unknown) => error)));
}

describe("case 44: governance under attack", () => {
  it("flash-loaned votes: borrowed for a block, they neither propose nor vote", async () => {
    const world = await votingWorld();
    const { postageGovernor, postageToken, votingPower, funder, stranger, settler } = world;
    const gasLimit = 500_000n;
    const proposal = await propose(world, funder, [raise(world)]);
    const snapshot = await postageGovernor.proposalSnapshot(proposal.id);
    // In the very second that counts: the funder's go to the settler, who votes with them, and come back.
    await postageToken.connect(settler).delegate(settler);
    await world.net.networkHelpers.time.setNextBlockTimestamp(snapshot);
    const { targets, values, calldatas } = await proposalOf(world, [raise(world)], "by loan");
    const results = await inOneBlock(world, async () => [
      await postageToken.connect(funder).transfer(settler, 90_000_000n * TOKEN, { gasLimit }),
      await postageGovernor.connect(settler).propose(targets, values, calldatas, "by loan", { gasLimit }),
      await postageToken.connect(settler).transfer(funder, 90_000_000n * TOKEN, { gasLimit }),
    ]);
    expect(results[1]).to.be.instanceOf(Error);
    await toVote(world, proposal);
    expect(await votingPower.getPastVotes(settler, snapshot)).to.equal(0n);
    expect(await votingPower.getPastVotes(funder, snapshot)).to.equal(100_000_000n * TOKEN);
    // Bought after the snapshot: too late.
    await postageToken.connect(funder).transfer(stranger, 90_000_000n * TOKEN);
    await postageToken.connect(stranger).delegate(stranger);
    await world.net.networkHelpers.time.increase(1);
    await expect(postageGovernor.connect(stranger).castVote(proposal.id, Vote.against))
      .to.emit(postageGovernor, "VoteCast")
      .withArgs(stranger.address, proposal.id, Vote.against, 0n, "");
  });

  it("stake that comes and goes votes once: what is staked for a vote was the token's vote before", async () => {
    const world = await votingWorld();
    const { postageGovernor, nodeStaking, funder, operator, votingPower, postageToken } = world;
    const proposal = await propose(world, funder, [raise(world)]);
    await toVote(world, proposal);
    const weigh = async () => (await votingPower.getVotes(operator)) + (await votingPower.getVotes(funder));
    const before = await weigh();
    await postageToken.connect(funder).transfer(operator, 20_000_000n * TOKEN);
    await nodeStaking.connect(operator).stake(100n, 20_000_000n * TOKEN);
    expect(await weigh()).to.equal(before);
    await expect(postageGovernor.connect(operator).castVote(proposal.id, Vote.for))
      .to.emit(postageGovernor, "VoteCast")
      .withArgs(operator.address, proposal.id, Vote.for, 30_010_000n * TOKEN, "");
  });

  it("copied proposal: with the proposer's suffix nobody else can make it, and so nobody else can cancel it", async () => {
    const world = await votingWorld();
    const { postageGovernor, funder, operator } = world;
    const description = `more seats #proposer=${funder.address}`;
    const { id, targets, values, calldatas } = await proposalOf(world, [raise(world)], description);
    await expect(postageGovernor.connect(operator).propose(targets, values, calldatas, description))
      .to.be.revertedWithCustomError(postageGovernor, "GovernorRestrictedProposer")
      .withArgs(operator.address);
    await propose(world, funder, [raise(world)], description);
    expect(await postageGovernor.proposalProposer(id)).to.equal(funder.address);
    await expect(
      postageGovernor.connect(funder).propose(targets, values, calldatas, description),
    ).to.be.revertedWithCustomError(postageGovernor, "GovernorUnexpectedProposalState");
  });

  it("last-block flip: who reaches the quorum in the last second gives everybody two days to answer", async () => {
    const world = await votingWorld();
    const { postageGovernor, funder, operator, settler, postageToken, net } = world;
    await postageToken.connect(settler).delegate(settler);
    await postageToken.connect(funder).transfer(settler, 59_000_000n * TOKEN);
    await net.networkHelpers.time.increase(1);
    const proposal = await propose(world, funder, [raise(world)]);
    const deadline = await postageGovernor.proposalDeadline(proposal.id);
    await net.networkHelpers.time.setNextBlockTimestamp(deadline);
    await expect(postageGovernor.connect(funder).castVote(proposal.id, Vote.for))
      .to.emit(postageGovernor, "ProposalExtended")
      .withArgs(proposal.id, deadline + BigInt(2 * DAY));
    // The others answer in the last second of the extension, which is not extended again.
    await net.networkHelpers.time.setNextBlockTimestamp(deadline + BigInt(2 * DAY));
    await postageGovernor.connect(settler).castVote(proposal.id, Vote.against);
    await expect(postageGovernor.connect(operator).castVote(proposal.id, Vote.for)).to.be.revertedWithCustomError(
      postageGovernor,
      "GovernorUnexpectedProposalState",
    );
    await toEnd(world, proposal);
    expect(await postageGovernor.state(proposal.id)).to.equal(State.defeated);
  });

  it("spam: proposing takes 0.1 % of the supply, held or staked before", async () => {
    const world = await votingWorld();
    const { postageGovernor, postageToken, operator, funder, stranger, settler } = world;
    const { targets, values, calldatas } = await proposalOf(world, [raise(world)], "spam");
    const spam = () => postageGovernor.connect(settler).propose(targets, values, calldatas, "spam");
    const refused = async (votes: bigint) =>
      expect(spam())
        .to.be.revertedWithCustomError(postageGovernor, "GovernorInsufficientProposerVotes")
        .withArgs(settler.address, votes, 1_000_000n * TOKEN);
    await refused(0n);
    await postageToken.connect(settler).delegate(settler);
    await postageToken.connect(funder).transfer(settler, 1_000_000n * TOKEN - 1n);
    await world.net.networkHelpers.time.increase(1);
    await refused(1_000_000n * TOKEN - 1n);
    await postageToken.connect(stranger).transfer(settler, 1n);
    await world.net.networkHelpers.time.increase(1);
    await spam();
    await propose(world, operator, [raise(world)], "staked");
  });

  describe("executor reentrancy", () => {
    /** A target that calls back, and the proposal that calls it, ready to be executed. */
    async function trap(): Promise<{ world: World; target: Contract; proposal: Proposal }> {
      const world = await votingWorld();
      const { abi, bytecode } = readArtifact("test/support/ReentrantTarget.sol");
      const deployed = await new ContractFactory(abi, bytecode, world.deployer).deploy();
      const target = new Contract(await deployed.getAddress(), abi, world.deployer);
      const data = target.interface.encodeFunctionData("poke");
      const proposal = await passed(world, [{ target, data }]);
      return { world, target, proposal };
    }
    const callback = (target: Contract, to: unknown, data: string) => target.getFunction("setCallback")(to, data);

    it("through the Governor: the proposal is executed once", async () => {
      const { world, target, proposal } = await trap();
      const { postageGovernor, stranger } = world;
      const { targets, values, calldatas, descriptionHash } = proposal;
      const again = postageGovernor.interface.encodeFunctionData("execute", [
        targets,
        values,
        calldatas,
        descriptionHash,
      ]);
      await callback(target, postageGovernor, again);
      await act(world, stranger, "execute", proposal);
      expect(await target.getFunction("calls")()).to.equal(1n);
      expect(await target.getFunction("inner")()).to.equal(false);
      expect(postageGovernor.interface.parseError((await target.getFunction("answer")()) as string)?.name).to.equal(
        "GovernorUnexpectedProposalState",
      );
    });

    it("through the open Timelock: nothing is executed twice, all of it is undone", async () => {
      const { world, target, proposal } = await trap();
      const { postageGovernor, timelock, stranger } = world;
      const { targets, values, calldatas, descriptionHash } = proposal;
      const salt = saltOf(await postageGovernor.getAddress(), descriptionHash);
      const batch = [targets, values, calldatas, `0x${"00".repeat(32)}`, salt] as const;
      const data = timelock.interface.encodeFunctionData("executeBatch", [...batch]);
      await callback(target, timelock, data);
      for (const attempt of [
        () => act(world, stranger, "execute", proposal),
        () => timelock.connect(stranger).executeBatch(...batch),
      ]) {
        await expect(attempt()).to.be.revertedWithCustomError(timelock, "TimelockUnexpectedOperationState");
      }
      expect(await target.getFunction("calls")()).to.equal(0n);
      // Without the callback anybody may execute there, past the Governor, which knows of it.
      await callback(target, target, "0x");
      await timelock.connect(stranger).executeBatch(...batch);
      expect(await target.getFunction("calls")()).to.equal(1n);
      expect(await postageGovernor.state(proposal.id)).to.equal(State.executed);
      await expect(act(world, stranger, "execute", proposal)).to.be.revertedWithCustomError(
        postageGovernor,
        "GovernorUnexpectedProposalState",
      );
    });

    it("past the Governor its own setters stay closed: the Timelock alone is not a proposal", async () => {
      const world = await votingWorld();
      const { postageGovernor, timelock, stranger, governance } = world;
      const data = postageGovernor.interface.encodeFunctionData("setVotingDelay", [2 * DAY]);
      const { targets, values, calldatas, descriptionHash, id } = await passed(world, [
        { target: postageGovernor, data },
      ]);
      const salt = saltOf(await postageGovernor.getAddress(), descriptionHash);
      await expect(
        timelock.connect(stranger).executeBatch(targets, values, calldatas, `0x${"00".repeat(32)}`, salt),
      ).to.revert(world.ethers);
      await expect(postageGovernor.connect(governance).setVotingDelay(2 * DAY)).to.revert(world.ethers);
      await postageGovernor.execute(targets, values, calldatas, descriptionHash);
      expect(await postageGovernor.votingDelay()).to.equal(BigInt(2 * DAY));
      expect(await postageGovernor.state(id)).to.equal(State.executed);
    });
  });

  it("cancelled too late: not what was executed, through the Governor or past it", async () => {
    const world = await votingWorld();
    const { postageGovernor, timelock, nodeSeats, stranger } = world;
    const first = await passed(world, [raise(world, 30n)], "first");
    await act(world, stranger, "execute", first);
    const second = await passed(world, [raise(world, 31n)], "second");
    const salt = saltOf(await postageGovernor.getAddress(), second.descriptionHash);
    await timelock.executeBatch(second.targets, second.values, second.calldatas, `0x${"00".repeat(32)}`, salt);
    for (const proposal of [first, second]) {
      await expect(cancelAsKeyholder(world, proposal)).to.be.revertedWithCustomError(
        postageGovernor,
        "GovernorUnexpectedProposalState",
      );
    }
    expect(await nodeSeats.maxSeats()).to.equal(31n);
    // In time: also in the Timelock, for good.
    const third = await passed(world, [raise(world, 32n)], "third");
    await expect(cancelAsKeyholder(world, third)).to.emit(timelock, "Cancelled");
    expect(await postageGovernor.state(third.id)).to.equal(State.canceled);
    const salted = saltOf(await postageGovernor.getAddress(), third.descriptionHash);
    await expect(
      timelock.executeBatch(third.targets, third.values, third.calldatas, `0x${"00".repeat(32)}`, salted),
    ).to.be.revertedWithCustomError(timelock, "TimelockUnexpectedOperationState");
    await expect(queue(world, third)).to.be.revertedWithCustomError(postageGovernor, "GovernorUnexpectedProposalState");
  });
});

/** Of the operation that a proposal is in the Timelock: OpenZeppelin's `bytes20(governor) ^ descriptionHash`. */
function saltOf(governor: string, descriptionHash: string): string {
  const padded = BigInt(zeroPadBytes(hexlify(getBytes(governor)), 32));
  return toBeHex(padded ^ BigInt(descriptionHash), 32);
}
