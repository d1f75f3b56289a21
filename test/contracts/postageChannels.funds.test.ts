import { expect } from "chai";
import { Signature, ZeroAddress } from "ethers";

import { decodeRevert } from "../../src/contracts/decodeRevert.ts";
import type { World } from "./fixtures.ts";
import { DAY, HOUR, USD, deployedWorld, fund, postageKey, voucherRow } from "./fixtures.ts";

const alice = postageKey(1);

/** A channel of 10 USD whose owner is an account of the test chain. */
async function ownedWorld(): Promise<World> {
  const world = await deployedWorld();
  await fund(world, alice, 10n * USD);
  await assign(world, world.operator.address);
  return world;
}

async function signedAssignment({ postageChannels, chainId }: World, owner: string, deadline: bigint) {
  const domain = {
    name: "Pennyblack Postage",
    version: "1",
    chainId,
    verifyingContract: await postageChannels.getAddress(),
  };
  const types = {
    AssignOwner: [
      { name: "owner", type: "address" },
      { name: "deadline", type: "uint256" },
    ],
  };
  const { r, yParityAndS } = Signature.from(await alice.signTypedData(domain, types, { owner, deadline }));
  return [r, yParityAndS] as const;
}

async function assign(world: World, owner: string, deadline = 2n ** 40n) {
  const [r, vs] = await signedAssignment(world, owner, deadline);
  return world.postageChannels.assignOwner(alice.address, owner, deadline, r, vs);
}

describe("PostageChannels", () => {
  describe("deposit", () => {
    it("credits what arrived and says so in XMTP's event", async () => {
      const world = await deployedWorld();
      const { postageChannels, funder } = world;
      await expect(postageChannels.connect(funder).deposit(alice.address, 5n * USD))
        .to.emit(postageChannels, "Deposit")
        .withArgs(alice.address, 5n * USD);
      expect((await postageChannels.getChannel(alice.address)).deposited).to.equal(5n * USD);
    });

    it("asks the minimum of the first deposit only", async () => {
      const world = await deployedWorld();
      const { postageChannels, funder } = world;
      await expect(postageChannels.connect(funder).deposit(alice.address, USD - 1n))
        .to.be.revertedWithCustomError(postageChannels, "PostageChannelsDepositBelowMinimum")
        .withArgs(USD - 1n, USD);
      await fund(world, alice, USD);
      await fund(world, alice, 1n);
      expect((await postageChannels.getChannel(alice.address)).deposited).to.equal(USD + 1n);
    });

    it("case 9: nothing, the zero address, the contract itself and the token as payer are refused", async () => {
      const world = await deployedWorld();
      const { postageChannels, usdc } = world;
      const asFunder = postageChannels.connect(world.funder);
      await expect(asFunder.deposit(alice.address, 0n))
        .to.be.revertedWithCustomError(postageChannels, "PostageChannelsNothingArrived")
        .withArgs(alice.address);
      for (const payer of [ZeroAddress, await postageChannels.getAddress(), await usdc.getAddress()]) {
        await expect(asFunder.deposit(payer, USD))
          .to.be.revertedWithCustomError(postageChannels, "PostageChannelsPayerNotAllowed")
          .withArgs(payer);
      }
    });

    it("case 9: a contract as payer is funded and can only withdraw", async () => {
      const world = await deployedWorld();
      const address = await world.nodeRegistry.getAddress();
      await fund(world, { address }, USD);
      expect(await world.postageChannels.ownerOf(address)).to.equal(address);
    });

    it("names what the token refused", async () => {
      const world = await deployedWorld();
      const error: unknown = await world.postageChannels
        .connect(world.settler)
        .deposit(alice.address, USD)
        .catch((caught: unknown) => caught);
      expect(decodeRevert(error)).to.deep.include({ contract: "token", name: "ERC20InsufficientAllowance" });
    });
  });

  describe("assignOwner and handOn", () => {
    it("lets the key name an owner once, and the owner hand on", async () => {
      const world = await deployedWorld();
      const { postageChannels, operator, stranger } = world;
      await expect(assign(world, operator.address))
        .to.emit(postageChannels, "OwnerAssigned")
        .withArgs(alice.address, operator.address);
      await expect(assign(world, stranger.address))
        .to.be.revertedWithCustomError(postageChannels, "PostageChannelsOwnerAlreadyAssigned")
        .withArgs(operator.address);
      await expect(postageChannels.connect(stranger).handOn(alice.address, stranger))
        .to.be.revertedWithCustomError(postageChannels, "PostageChannelsNotOwner")
        .withArgs(stranger.address, operator.address);
      await postageChannels.connect(operator).handOn(alice.address, stranger);
      expect(await postageChannels.ownerOf(alice.address)).to.equal(stranger.address);
      await expect(postageChannels.connect(stranger).handOn(alice.address, ZeroAddress))
        .to.be.revertedWithCustomError(postageChannels, "PostageChannelsOwnerNotAllowed")
        .withArgs(ZeroAddress);
    });

    it("refuses a late, foreign or altered assignment", async () => {
      const world = await deployedWorld();
      const { postageChannels, operator, stranger } = world;
      const now = BigInt(await world.net.networkHelpers.time.latest());
      await expect(assign(world, operator.address, now - 1n)).to.be.revertedWithCustomError(
        postageChannels,
        "PostageChannelsAssignmentExpired",
      );
      const [r, vs] = await signedAssignment(world, operator.address, 2n ** 40n);
      await expect(
        postageChannels.assignOwner(alice.address, stranger, 2n ** 40n, r, vs),
      ).to.be.revertedWithCustomError(postageChannels, "PostageChannelsAssignmentNotSignedByKey");
    });
  });

  describe("withdrawals", () => {
    it("pay what is free after the delay, to any recipient", async () => {
      const world = await ownedWorld();
      const { postageChannels, operator, stranger, usdc } = world;
      const { time } = world.net.networkHelpers;
      const channels = postageChannels.connect(operator);
      await time.setNextBlockTimestamp((await time.latest()) + 100);
      const readyAt = BigInt(await time.latest()) + 100n + BigInt(72 * HOUR);
      await expect(channels.requestWithdrawal(alice.address, 4n * USD))
        .to.emit(postageChannels, "WithdrawalRequested")
        .withArgs(alice.address, 4n * USD, readyAt, 1n);
      await time.increaseTo(readyAt - 2n);
      await expect(channels.withdraw(alice.address, stranger))
        .to.be.revertedWithCustomError(postageChannels, "PostageChannelsWithdrawalNotReady")
        .withArgs(readyAt, readyAt - 1n);
      await time.increaseTo(readyAt - 1n);
      const before = (await usdc.getFunction("balanceOf")(stranger)) as bigint;
      await expect(channels.withdraw(alice.address, stranger))
        .to.emit(postageChannels, "Withdrawn")
        .withArgs(alice.address, stranger.address, 4n * USD, 0n, 1n);
      expect(await usdc.getFunction("balanceOf")(stranger)).to.equal(before + 4n * USD);
      const channel = await postageChannels.getChannel(alice.address);
      expect([channel.deposited, channel.pendingWithdrawal, channel.readyAt]).to.deep.equal([6n * USD, 0n, 0n]);
      await expect(channels.withdraw(alice.address, stranger))
        .to.be.revertedWithCustomError(postageChannels, "PostageChannelsNoWithdrawal")
        .withArgs(alice.address);
    });

    it("are the owner's only, of something, and at most what is unspent", async () => {
      const world = await ownedWorld();
      const { postageChannels, operator, stranger } = world;
      await postageChannels.settle(await voucherRow(world, alice, 3n * USD));
      const unspent = 7n * USD;
      await expect(postageChannels.connect(stranger).requestWithdrawal(alice.address, 1n))
        .to.be.revertedWithCustomError(postageChannels, "PostageChannelsNotOwner")
        .withArgs(stranger.address, operator.address);
      await expect(postageChannels.connect(operator).requestWithdrawal(alice.address, 0n))
        .to.be.revertedWithCustomError(postageChannels, "PostageChannelsWithdrawalOfNothing")
        .withArgs(alice.address);
      await expect(postageChannels.connect(operator).requestWithdrawal(alice.address, unspent + 1n))
        .to.be.revertedWithCustomError(postageChannels, "PostageChannelsWithdrawalAboveUnspent")
        .withArgs(unspent + 1n, unspent);
    });

    it("case 13: settled at the last second, at the deadline and after, in both orders: never above the deposit", async () => {
      for (const [offset, settleFirst] of [
        [-1, true],
        [0, true],
        [0, false],
        [1, true],
        [1, false],
      ] as const) {
        const world = await ownedWorld();
        const { postageChannels, operator, ethers } = world;
        const { time } = world.net.networkHelpers;
        await postageChannels.connect(operator).requestWithdrawal(alice.address, 8n * USD);
        const { readyAt } = await postageChannels.getChannel(alice.address);
        const row = await voucherRow(world, alice, 5n * USD);
        await ethers.provider.send("evm_setAutomine", [false]);
        await time.setNextBlockTimestamp(readyAt + BigInt(offset));
        const withdraw = () =>
          postageChannels.connect(operator).withdraw(alice.address, operator, { gasLimit: 300_000 });
        const settle = () => postageChannels.connect(world.settler).settle(row, { gasLimit: 300_000 });
        const sent = settleFirst ? [await settle(), await withdraw()] : [await withdraw(), await settle()];
        await ethers.provider.send("evm_mine", []);
        await ethers.provider.send("evm_setAutomine", [true]);
        const statuses = await Promise.all(
          sent.map(async ({ hash }) => (await ethers.provider.getTransactionReceipt(hash))!.status),
        );
        const { deposited, feesSpent } = await postageChannels.getChannel(alice.address);
        if (offset < 0) {
          expect(statuses).to.deep.equal([1, 0]);
          expect([deposited, feesSpent]).to.deep.equal([10n * USD, 5n * USD]);
        } else {
          expect(statuses).to.deep.equal([1, 1]);
          // Whoever is first in the block is served in full, the other with the rest.
          expect(feesSpent).to.equal(settleFirst ? 5n * USD : 2n * USD);
          expect(deposited).to.equal(feesSpent);
        }
      }
    });

    it("case 14: asked twice, cancelled, asked again: the window is never shortened", async () => {
      const world = await ownedWorld();
      const { postageChannels, operator } = world;
      const { time } = world.net.networkHelpers;
      const channels = postageChannels.connect(operator);
      await channels.requestWithdrawal(alice.address, USD);
      const first = (await postageChannels.getChannel(alice.address)).readyAt;
      await expect(channels.requestWithdrawal(alice.address, 2n * USD))
        .to.be.revertedWithCustomError(postageChannels, "PostageChannelsWithdrawalPending")
        .withArgs(USD, first);
      await time.increase(71 * HOUR);
      await expect(channels.cancelWithdrawal(alice.address))
        .to.emit(postageChannels, "WithdrawalCancelled")
        .withArgs(alice.address, 1n);
      await expect(channels.cancelWithdrawal(alice.address))
        .to.be.revertedWithCustomError(postageChannels, "PostageChannelsNoWithdrawal")
        .withArgs(alice.address);
      await channels.requestWithdrawal(alice.address, 2n * USD);
      const second = await postageChannels.getChannel(alice.address);
      expect(second.readyAt).to.equal(BigInt(await time.latest()) + BigInt(72 * HOUR));
      expect(second.withdrawalNonce).to.equal(2n);
    });

    it("keep signed stamps backed until the hold of 10 days ends, then pay the rest and drop it", async () => {
      const world = await ownedWorld();
      const { postageChannels, operator } = world;
      const { time } = world.net.networkHelpers;
      const channels = postageChannels.connect(operator);
      await channels.requestWithdrawal(alice.address, 10n * USD);
      await postageChannels.settle(await voucherRow(world, alice, 1n * USD, 4n * USD));
      await time.increase(3 * DAY);
      expect(await postageChannels.freeAmount(alice.address)).to.equal(5n * USD);
      await expect(channels.withdraw(alice.address, operator))
        .to.emit(postageChannels, "Withdrawn")
        .withArgs(alice.address, operator.address, 5n * USD, 5n * USD, 1n);
      await expect(channels.withdraw(alice.address, operator)).to.be.revertedWithCustomError(
        postageChannels,
        "PostageChannelsWithdrawalHeldByStamps",
      );
      await time.increase(7 * DAY);
      await expect(channels.withdraw(alice.address, operator))
        .to.emit(postageChannels, "Withdrawn")
        .withArgs(alice.address, operator.address, 4n * USD, 0n, 1n);
      const channel = await postageChannels.getChannel(alice.address);
      expect([channel.deposited, channel.pendingWithdrawal]).to.deep.equal([USD, 0n]);
    });

    it("end with nothing when everything was spent by the end of the hold", async () => {
      const world = await ownedWorld();
      const { postageChannels, operator } = world;
      await postageChannels.connect(operator).requestWithdrawal(alice.address, USD);
      await postageChannels.settle(await voucherRow(world, alice, 10n * USD));
      await world.net.networkHelpers.time.increase(10 * DAY);
      await expect(postageChannels.connect(operator).withdraw(alice.address, operator))
        .to.emit(postageChannels, "Withdrawn")
        .withArgs(alice.address, operator.address, 0n, 0n, 1n);
    });

    it("refuse the contract itself as recipient", async () => {
      const world = await ownedWorld();
      const self = await world.postageChannels.getAddress();
      await expect(world.postageChannels.connect(world.operator).withdraw(alice.address, self))
        .to.be.revertedWithCustomError(world.postageChannels, "PostageChannelsRecipientNotAllowed")
        .withArgs(self);
    });
  });

  describe("getChannels", () => {
    it("answers for many channels at once, unknown ones included", async () => {
      const world = await ownedWorld();
      const channels = await world.postageChannels.getChannels([alice.address, postageKey(9).address]);
      expect(channels.map(({ deposited }) => deposited)).to.deep.equal([10n * USD, 0n]);
      expect(channels[0]!.owner).to.equal(world.operator.address);
    });
  });
});
