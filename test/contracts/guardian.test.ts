import { expect } from "chai";

import { PAUSABLE_KEYS } from "../../src/deployment/handOver.ts";
import { faultEvidence } from "../../src/contracts/faultEvidence.ts";
import { toAddress } from "../../src/protocol/bytes.ts";
import { envelopeOf } from "../daemon/faults/support.ts";
import type { World } from "./fixtures.ts";
import { DAY, signingKey } from "./fixtures.ts";
import type { Call } from "./governance.ts";
import {
  State,
  Vote,
  act,
  cancelAsKeyholder,
  passed,
  propose,
  queue,
  toEnd,
  toVote,
  voted,
  votingWorld,
} from "./governance.ts";

const SALT = `0x${"01".repeat(32)}` as const;

/** Has the stranger prove that node 100 gave a sequence id twice: a case that is open for 7 days. */
async function openCase({ faultProofs, stranger, net }: World, sequenceId: bigint): Promise<bigint> {
  const pair = [5n, 6n].map((ns) => envelopeOf(100, sequenceId, { ns, key: signingKey(0) })) as [
    Uint8Array,
    Uint8Array,
  ];
  const found = faultEvidence(pair, { reporter: toAddress(stranger.address), salt: SALT })!;
  const to = await faultProofs.getAddress();
  await stranger.sendTransaction({ to, data: found.commitData });
  await net.networkHelpers.time.increase(60);
  await stranger.sendTransaction({ to, data: found.revealData() });
  return faultProofs.caseOf(100, sequenceId);
}

const appointing = ({ guardian }: World, keyholder: string): Call => ({
  target: guardian,
  data: guardian.interface.encodeFunctionData("appoint", [keyholder]),
});

describe("Guardian", () => {
  it("I17: closes the entries of every contract that has some, and opens them, and has no power over another", async () => {
    const world = await votingWorld();
    const { guardian, deployer, feeDistributor, faultProofs } = world;
    const acting = guardian.connect(deployer);
    expect(PAUSABLE_KEYS.toSorted()).to.deep.equal([
      "commitBroadcaster",
      "identityRegistry",
      "nodeRegistry",
      "nodeStaking",
      "postageChannels",
    ]);
    for (const key of PAUSABLE_KEYS) {
      const contract = world[key as "nodeStaking"];
      await expect(acting.pauseEntries(contract, DAY)).to.emit(contract, "EntriesPaused");
      await expect(acting.resumeEntries(contract)).to.emit(contract, "EntriesResumed");
      await expect(acting.pauseEntries(contract, DAY)).to.be.revertedWithCustomError(
        contract,
        "PausableEntriesTooSoon",
      );
    }
    for (const contract of [feeDistributor, faultProofs]) {
      await expect(acting.pauseEntries(contract, DAY)).to.revert(world.ethers);
    }
  });

  it("I16: its role pauses and nothing else, and the vote can take it away", async () => {
    const world = await votingWorld();
    const { accessManager, guardian, deployer, pauser, postageChannels, nodeStaking } = world;
    await expect(postageChannels.connect(pauser).setMinimumDeposit(1n))
      .to.be.revertedWithCustomError(postageChannels, "AccessManagedUnauthorized")
      .withArgs(pauser.address);
    const data = accessManager.interface.encodeFunctionData("revokeRole", [1n, await guardian.getAddress()]);
    await voted(world, [{ target: accessManager, data }], "no pauses");
    await expect(guardian.connect(deployer).pauseEntries(nodeStaking, DAY))
      .to.be.revertedWithCustomError(nodeStaking, "AccessManagedUnauthorized")
      .withArgs(pauser.address);
  });

  it("dismisses 3 cases in 90 days, and the fourth in the second in which the first is 90 days old", async () => {
    const world = await votingWorld();
    const { guardian, faultProofs, deployer } = world;
    const { time } = world.net.networkHelpers;
    const acting = guardian.connect(deployer);
    for (const sequenceId of [1n, 2n, 3n, 4n]) await openCase(world, sequenceId);
    const first = BigInt((await time.latest()) + 10);
    await time.setNextBlockTimestamp(first);
    for (const caseId of [1n, 2n, 3n]) {
      await expect(acting.dismiss(caseId)).to.emit(faultProofs, "CaseDismissed");
    }
    expect(await guardian.dismissalsLeft()).to.equal(0n);
    const freeAt = first + BigInt(90 * DAY);
    await expect(acting.dismiss(4n)).to.be.revertedWithCustomError(guardian, "GuardianBudgetSpent");
    // That one executes: nobody may let the node off any more.
    await time.increaseTo(freeAt - BigInt(DAY));
    await faultProofs.execute(4n);
    const later = await openCase(world, 5n);
    const last = await openCase(world, 6n);
    await time.setNextBlockTimestamp(freeAt - 1n);
    await expect(acting.dismiss(later))
      .to.be.revertedWithCustomError(guardian, "GuardianBudgetSpent")
      .withArgs(freeAt, freeAt - 1n);
    await time.setNextBlockTimestamp(freeAt);
    await expect(acting.dismiss(later)).to.emit(guardian, "DismissalSpent").withArgs(later);
    // The second was spent a second after the first.
    await time.setNextBlockTimestamp(freeAt + 1n);
    await acting.dismiss(last);
  });

  it("spends nothing on what is refused: a case that is not open, and reports, which are not there yet", async () => {
    const world = await votingWorld();
    const { guardian, faultProofs, deployer } = world;
    const acting = guardian.connect(deployer);
    await expect(acting.dismiss(9n)).to.be.revertedWithCustomError(faultProofs, "FaultProofsCaseNotOpen");
    await expect(acting.veto(SALT)).to.revert(world.ethers);
    expect(await guardian.dismissalsLeft()).to.equal(3n);
    expect(await guardian.vetoesLeft()).to.equal(3n);
  });

  it("a dismissal does not stand against the vote, which reopens the case once", async () => {
    const world = await votingWorld();
    const { guardian, faultProofs, nodeStaking, deployer } = world;
    await openCase(world, 1n);
    await guardian.connect(deployer).dismiss(1n);
    await voted(world, [{ target: faultProofs, data: faultProofs.interface.encodeFunctionData("reopen", [1n]) }]);
    await expect(guardian.connect(deployer).dismiss(1n)).to.be.revertedWithCustomError(
      faultProofs,
      "FaultProofsDismissalFinal",
    );
    expect(await guardian.dismissalsLeft()).to.equal(2n);
    await world.net.networkHelpers.time.increase(7 * DAY);
    await expect(faultProofs.execute(1n)).to.emit(nodeStaking, "StakeSlashed");
  });

  it("is replaced by a vote that it cannot cancel, alone; with a second call it can", async () => {
    const world = await votingWorld();
    const { guardian, postageGovernor, nodeSeats, nodeStaking, funder, deployer, stranger } = world;
    const call = appointing(world, stranger.address);
    const refused = () =>
      expect(cancelAsKeyholder(world, alone))
        .to.be.revertedWithCustomError(postageGovernor, "PostageGovernorReplacesGuardian")
        .withArgs(alone.id);
    const alone = await propose(world, funder, [call], "another guardian");
    const more = { target: nodeSeats, data: nodeSeats.interface.encodeFunctionData("setMaxSeats", [30n]) };
    const both = await propose(world, funder, [call, more], "another guardian, and seats");
    await refused();
    await expect(cancelAsKeyholder(world, both)).to.emit(postageGovernor, "ProposalCanceled").withArgs(both.id);
    await toVote(world, alone);
    await refused();
    await postageGovernor.connect(funder).castVote(alone.id, Vote.for);
    await toEnd(world, alone);
    await refused();
    await queue(world, alone);
    await refused();
    await expect(act(world, stranger, "execute", alone)).to.emit(guardian, "KeyholderAppointed");
    expect(await postageGovernor.state(both.id)).to.equal(State.canceled);
    await expect(guardian.connect(deployer).pauseEntries(nodeStaking, 1n))
      .to.be.revertedWithCustomError(guardian, "GuardianNotKeyholder")
      .withArgs(deployer.address, stranger.address);
    await guardian.connect(stranger).pauseEntries(nodeStaking, 1n);
  });

  it("cancels whatever else was not executed, in each state", async () => {
    const world = await votingWorld();
    const { postageGovernor, nodeSeats, funder, stranger } = world;
    const call = { target: nodeSeats, data: nodeSeats.interface.encodeFunctionData("setMaxSeats", [30n]) };
    const proposals = [];
    for (const name of ["pending", "active", "succeeded"]) proposals.push(await propose(world, funder, [call], name));
    const [pending, active, succeeded] = proposals as [
      (typeof proposals)[0],
      (typeof proposals)[0],
      (typeof proposals)[0],
    ];
    await cancelAsKeyholder(world, pending);
    await toVote(world, succeeded);
    await cancelAsKeyholder(world, active);
    await postageGovernor.connect(funder).castVote(succeeded.id, Vote.for);
    await toEnd(world, succeeded);
    await cancelAsKeyholder(world, succeeded);
    const queued = await passed(world, [call], "queued");
    await cancelAsKeyholder(world, queued);
    for (const proposal of [pending, active, succeeded, queued]) {
      expect(await postageGovernor.state(proposal.id)).to.equal(State.canceled);
      await expect(act(world, stranger, "execute", proposal)).to.be.revertedWithCustomError(
        postageGovernor,
        "GovernorUnexpectedProposalState",
      );
    }
    expect(await nodeSeats.maxSeats()).to.equal(24n);
  });

  it("loses every power when its year is over, and has them again when a vote renews it", async () => {
    const world = await votingWorld();
    const { guardian, nodeStaking, funder, deployer } = world;
    const end = await guardian.termEndsAt();
    const { time } = world.net.networkHelpers;
    const acting = guardian.connect(deployer);
    await time.setNextBlockTimestamp(end - 1n);
    await acting.pauseEntries(nodeStaking, 1n);
    await time.setNextBlockTimestamp(end);
    await expect(acting.resumeEntries(nodeStaking))
      .to.be.revertedWithCustomError(guardian, "GuardianTermOver")
      .withArgs(end, end);
    const renewal = appointing(world, deployer.address);
    const proposal = await propose(world, funder, [renewal], "another year");
    await expect(cancelAsKeyholder(world, proposal)).to.be.revertedWithCustomError(guardian, "GuardianTermOver");
    await voted(world, [renewal], "another year, again");
    expect(await guardian.termEndsAt()).to.equal(BigInt(await time.latest()) + BigInt(365 * DAY));
    await time.increase(30 * DAY);
    await acting.pauseEntries(nodeStaking, 1n);
  });
});
