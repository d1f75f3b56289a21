import { expect } from "chai";

import { groupMessage } from "../support/envelopes.ts";
import { identityEnvelope, identityUpdate, inboxOf, wallet } from "../support/identityActors.ts";
import {
  DAY,
  HOUR,
  USD,
  deployedWorld,
  fund,
  passEpochs,
  postageKey,
  registerNode,
  registrationOf,
  voucherRow,
} from "./fixtures.ts";
import type { World } from "./fixtures.ts";

const alice = postageKey(1);
const WEEK = 7 * DAY;
const BYTES32 = `0x${"11".repeat(32)}`;
const COMMIT = groupMessage(1, { contentType: 3, group: 0x11 });
const INBOX = inboxOf(wallet(1));
const REGISTRATION = identityEnvelope(identityUpdate(INBOX, [{ do: "create", owner: wallet(1) }]));

const CONTRACTS = ["postageChannels", "nodeRegistry", "nodeStaking", "identityRegistry", "commitBroadcaster"] as const;

/** Every entry of every contract that has some, ready to be sent. */
function entriesOf(world: World): Record<(typeof CONTRACTS)[number], (() => Promise<unknown>)[]> {
  const { postageChannels, nodeRegistry, nodeStaking, identityRegistry, commitBroadcaster, funder, operator } = world;
  const channels = postageChannels.connect(funder);
  const authorization = {
    payer: alice.address,
    from: funder.address,
    amount: USD,
    validAfter: 0n,
    validBefore: 1n,
    salt: BYTES32,
  };
  return {
    postageChannels: [
      () => channels.deposit(alice.address, USD),
      () => channels.depositWithPermit(alice.address, USD, 0n, 27, BYTES32, BYTES32),
      () => channels.depositMany([{ payer: alice.address, amount: USD }]),
      () => channels.getFunction(FORM_VRS)(authorization, 27, BYTES32, BYTES32),
      () => channels.getFunction(FORM_BYTES)(authorization, "0x"),
    ],
    nodeRegistry: [() => nodeRegistry.connect(operator).register(registrationOf(world, operator, 7))],
    nodeStaking: [() => nodeStaking.connect(operator).stake(100n, 1n)],
    identityRegistry: [
      () => identityRegistry.addIdentityUpdate(`0x${INBOX}`, REGISTRATION),
      () => identityRegistry.addIdentityUpdates([], []),
    ],
    commitBroadcaster: [
      () => commitBroadcaster.addMessage(`0x${"11".repeat(16)}`, COMMIT),
      () => commitBroadcaster.addMessages([], []),
    ],
  };
}
const FORM_VRS = "depositWithAuthorization((address,address,uint96,uint256,uint256,bytes32),uint8,bytes32,bytes32)";
const FORM_BYTES = "depositWithAuthorization((address,address,uint96,uint256,uint256,bytes32),bytes)";

/** Node 100 is the operator's, so that there is somebody to stake for. */
async function worldWithANode(): Promise<World> {
  const world = await deployedWorld();
  await registerNode(world, 0, world.operator.address);
  return world;
}

for (const name of CONTRACTS) {
  describe(`${name}: pause of entries`, () => {
    it("I17: closes every entry, says until when, and ends by itself to the second", async () => {
      const world = await worldWithANode();
      const contract = world[name].connect(world.pauser);
      const { time } = world.net.networkHelpers;
      const at = BigInt((await time.latest()) + 10);
      await time.setNextBlockTimestamp(at);
      await expect(contract.pauseEntries(WEEK))
        .to.emit(contract, "EntriesPaused")
        .withArgs(at + BigInt(WEEK), at + BigInt(WEEK + 30 * DAY));
      for (const enter of entriesOf(world)[name]) {
        await expect(enter()).to.be.revertedWithCustomError(contract, "PausableEntriesPaused");
      }
      await time.setNextBlockTimestamp(at + BigInt(WEEK) - 1n);
      await expect(entriesOf(world)[name][0]!())
        .to.be.revertedWithCustomError(contract, "PausableEntriesPaused")
        .withArgs(at + BigInt(WEEK), at + BigInt(WEEK) - 1n);
      await time.setNextBlockTimestamp(at + BigInt(WEEK));
      await entriesOf(world)[name][0]!();
    });

    it("I17: cannot be repeated for 30 days after the end it was given, also when it was ended early", async () => {
      const world = await worldWithANode();
      const contract = world[name].connect(world.pauser);
      const { time } = world.net.networkHelpers;
      await contract.pauseEntries(DAY);
      const until = await contract.entriesPausedUntil();
      await expect(contract.resumeEntries()).to.emit(contract, "EntriesResumed");
      await entriesOf(world)[name][0]!();
      await expect(contract.resumeEntries()).to.be.revertedWithCustomError(contract, "PausableEntriesNotPaused");
      const next = until + BigInt(30 * DAY);
      expect(await contract.nextPauseAt()).to.equal(next);
      await time.setNextBlockTimestamp(next - 1n);
      await expect(contract.pauseEntries(1))
        .to.be.revertedWithCustomError(contract, "PausableEntriesTooSoon")
        .withArgs(next, next - 1n);
      await time.setNextBlockTimestamp(next);
      await contract.pauseEntries(1);
    });

    it("lasts 1 second to 7 days, and is not for strangers", async () => {
      const world = await worldWithANode();
      const contract = world[name].connect(world.pauser);
      for (const duration of [0, WEEK + 1]) {
        await expect(contract.pauseEntries(duration))
          .to.be.revertedWithCustomError(contract, "PausableEntriesDurationOutOfBounds")
          .withArgs(duration, 1n, BigInt(WEEK));
      }
      const asStranger = contract.connect(world.stranger);
      for (const attempt of [() => asStranger.pauseEntries(1), () => asStranger.resumeEntries()]) {
        await expect(attempt())
          .to.be.revertedWithCustomError(contract, "AccessManagedUnauthorized")
          .withArgs(world.stranger.address);
      }
    });
  });
}

describe("PostageChannels and FeeDistributor while entries are closed", () => {
  /** A channel of the operator's, a node, money on its way, and everything paused that can be. */
  async function pausedWorld() {
    const world = await deployedWorld();
    const { postageChannels, feeDistributor, operator } = world;
    const nodeId = await registerNode(world, 0, world.stranger.address);
    await passEpochs(world, 1);
    await fund(world, { address: operator.address }, 10n * USD);
    await fund(world, alice, 10n * USD);
    await postageChannels.connect(world.settler).settle(await voucherRow(world, alice, 2n * USD));
    await feeDistributor.distribute();
    const channels = postageChannels.connect(operator);
    await channels.requestWithdrawal(operator.address, 10n * USD);
    const { readyAt } = await postageChannels.getChannel(operator.address);
    return { world, channels, readyAt, nodeId };
  }

  async function pauseAll(world: World) {
    for (const name of CONTRACTS) await world[name].connect(world.pauser).pauseEntries(WEEK);
  }

  it("case 16, I8: a pause just before the deadline leaves every exit open", async () => {
    const { world, channels, readyAt, nodeId } = await pausedWorld();
    const { postageChannels, feeDistributor, operator, usdc } = world;
    await world.net.networkHelpers.time.increaseTo(readyAt - BigInt(HOUR));
    await pauseAll(world);
    // The payee first: a voucher in time, its bounty, the distribution and the claim.
    const rows = await voucherRow(world, alice, 3n * USD);
    await expect(postageChannels.connect(world.settler).settle(rows)).to.emit(postageChannels, "Settled");
    await expect(postageChannels.connect(world.settler).withdrawCredit(world.settler)).to.emit(
      postageChannels,
      "CreditWithdrawn",
    );
    await expect(feeDistributor.distribute()).to.emit(feeDistributor, "Distributed");
    await expect(feeDistributor.claim(nodeId)).to.emit(feeDistributor, "Claimed");
    await expect(feeDistributor.connect(world.governance).withdrawCredit(world.stranger)).to.emit(
      feeDistributor,
      "CreditWithdrawn",
    );
    // The payer to the second.
    const before = (await usdc.getFunction("balanceOf")(operator)) as bigint;
    await world.net.networkHelpers.time.setNextBlockTimestamp(readyAt);
    await channels.withdraw(operator.address, operator);
    expect(await usdc.getFunction("balanceOf")(operator)).to.equal(before + 10n * USD);
  });

  it("case 16, I8: withdrawals are asked for, cancelled and handed on during a pause; nodes leave", async () => {
    const { world, channels, nodeId } = await pausedWorld();
    const { operator, nodeRegistry } = world;
    await pauseAll(world);
    await channels.cancelWithdrawal(operator.address);
    await channels.requestWithdrawal(operator.address, USD);
    await channels.handOn(operator.address, world.stranger);
    const registry = nodeRegistry.connect(operator);
    await registry.exit(nodeId);
    await world.net.networkHelpers.time.increase(15 * DAY);
    await expect(world.nodeStaking.connect(operator).withdrawStake(nodeId, operator)).to.emit(
      world.nodeStaking,
      "StakeWithdrawn",
    );
  });

  it("I16: what the AccessManager closes for good are setters and pauses, never an exit", async () => {
    const { world, channels, readyAt } = await pausedWorld();
    const { postageChannels, feeDistributor, operator, governance } = world;
    const accessManager = world.accessManager.connect(governance);
    for (const target of [postageChannels, feeDistributor]) await accessManager.setTargetClosed(target, true);
    await expect(postageChannels.connect(governance).setMinimumDeposit(1n)).to.be.revertedWithCustomError(
      postageChannels,
      "AccessManagedUnauthorized",
    );
    await world.net.networkHelpers.time.increaseTo(readyAt);
    await channels.withdraw(operator.address, operator);
    await postageChannels.settle(await voucherRow(world, alice, 3n * USD));
    await feeDistributor.distribute();
  });
});
