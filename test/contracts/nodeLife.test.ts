import { expect } from "chai";
import { computeAddress, hexlify } from "ethers";

import type { World } from "./fixtures.ts";
import {
  DAY,
  EPOCH,
  TOKEN,
  USD,
  deployedWorld,
  fund,
  impersonated,
  passEpochs,
  postageKey,
  registerNode,
  registrationOf,
  signingKey,
  voucherRow,
} from "./fixtures.ts";

const MINIMUM = 10_000n * TOKEN;
const Phase = { live: 1n, leaving: 2n, left: 3n };
const signerOf = (i: number) => computeAddress(hexlify(signingKey(i)));

const idsOf = async ({ nodeRegistry }: World) => (await nodeRegistry.getAllNodes()).map(({ nodeId }) => nodeId);

describe("NodeRegistry", () => {
  describe("exit", () => {
    it("retires the key, unbonds from and ends the seat where the epoch ends; for good", async () => {
      const world = await deployedWorld();
      const { nodeRegistry, nodeSeats, nodeStaking, operator, net } = world;
      const registry = nodeRegistry.connect(operator);
      await registerNode(world, 0, operator.address);
      await passEpochs(world, 1);
      await nodeStaking.connect(operator).stake(100n, 5n * TOKEN);
      const epoch = await nodeSeats.currentEpoch();
      const retiredAt = (epoch + 1n) * BigInt(EPOCH);
      const exiting = registry.exit(100n);
      await expect(exiting)
        .to.emit(nodeRegistry, "ExitStarted")
        .withArgs(100n, epoch + 1n);
      await expect(exiting).to.emit(nodeRegistry, "SigningKeyRetired").withArgs(100n, signerOf(0), retiredAt);
      await expect(exiting)
        .to.emit(nodeSeats, "SeatLeft")
        .withArgs(100n, epoch + 1n, 0n);
      // It answers for what it signs last: as long as evidence under its key is taken.
      const unbondedAt = retiredAt + 14n * BigInt(DAY);
      await expect(exiting)
        .to.emit(nodeStaking, "UnstakeRequested")
        .withArgs(100n, MINIMUM + 5n * TOKEN, unbondedAt);
      expect(await nodeRegistry.keyOf(100n, signerOf(0))).to.deep.equal([true, retiredAt, unbondedAt]);
      expect(await nodeRegistry.phaseOf(100n)).to.equal(Phase.leaving);
      expect(await nodeRegistry.isLive(100n)).to.equal(false);
      expect(await nodeRegistry.isCanonical(100n)).to.equal(true);
      expect(await nodeRegistry.nodeOf(signerOf(0))).to.equal(100n);
      expect(await nodeStaking.stakeOf(100n)).to.equal(0n);
      expect(await nodeStaking.slashableOf(100n)).to.equal(MINIMUM + 5n * TOKEN);
      expect(await nodeStaking.getVotes(operator)).to.equal(0n);

      await net.networkHelpers.time.increaseTo(retiredAt - 1n);
      expect(await nodeRegistry.phaseOf(100n)).to.equal(Phase.leaving);
      await passEpochs(world, 1);
      expect(await nodeRegistry.phaseOf(100n)).to.equal(Phase.left);
      expect(await nodeRegistry.isCanonical(100n)).to.equal(false);
      expect(await nodeRegistry.nodeOf(signerOf(0))).to.equal(0n);
      expect(await idsOf(world)).to.deep.equal([]);
      // What it signed stays signed.
      expect((await nodeRegistry.getNode(100n)).signer).to.equal(signerOf(0));
      expect(await nodeRegistry.ownerOf(100n)).to.equal(operator.address);
      await net.networkHelpers.time.increaseTo(unbondedAt);
      await expect(nodeStaking.connect(operator).withdrawStake(100n, operator))
        .to.emit(nodeStaking, "StakeWithdrawn")
        .withArgs(100n, operator.address, MINIMUM + 5n * TOKEN);
    });

    it("a node that leaves or left is not live: no second exit, no stake, no seat, no rotation", async () => {
      const world = await deployedWorld();
      const { nodeRegistry, nodeSeats, nodeStaking, operator } = world;
      const registry = nodeRegistry.connect(operator);
      await registerNode(world, 0, operator.address);
      await registry.exit(100n);
      const { signingPublicKey, signingProof, attestationKey, attestationProof } = registrationOf(world, operator, 5);
      for (const phase of [Phase.leaving, Phase.left]) {
        for (const attempt of [
          () => registry.exit(100n),
          () => registry.rotateSigningKey(100n, signingPublicKey, signingProof),
          () => registry.rotateAttestationKey(100n, attestationKey, attestationProof),
        ]) {
          await expect(attempt())
            .to.be.revertedWithCustomError(nodeRegistry, "NodeRegistryNotLive")
            .withArgs(100n, phase);
        }
        await expect(nodeStaking.connect(operator).stake(100n, 1n))
          .to.be.revertedWithCustomError(nodeStaking, "NodeStakingNotLive")
          .withArgs(100n);
        await expect(nodeSeats.connect(operator).takeSeat(100n))
          .to.be.revertedWithCustomError(nodeSeats, "NodeSeatsNotLive")
          .withArgs(100n);
        await passEpochs(world, 1);
      }
    });

    it("works without a seat, after a total slash, and while a case is open, which holds the stake", async () => {
      const world = await deployedWorld({ maxSeats: 1 });
      const { nodeRegistry, nodeSeats, nodeStaking, faultProofs, operator, net } = world;
      const registry = nodeRegistry.connect(operator);
      for (let i = 0; i < 3; i++) await registerNode(world, i, operator.address);
      await expect(registry.exit(200n)).not.to.emit(nodeSeats, "SeatLeft");
      const asFaultProofs = nodeStaking.connect(await impersonated(world, await faultProofs.getAddress()));
      await asFaultProofs.slash(300n, 10_000n, 0n, world.stranger);
      await expect(registry.exit(300n)).not.to.emit(nodeStaking, "UnstakeRequested");
      expect(await nodeRegistry.phaseOf(300n)).to.equal(Phase.leaving);
      await asFaultProofs.freeze(100n);
      await registry.exit(100n);
      await net.networkHelpers.time.increase(15 * DAY);
      await expect(nodeStaking.connect(operator).withdrawStake(100n, operator))
        .to.be.revertedWithCustomError(nodeStaking, "NodeStakingFrozen")
        .withArgs(100n, 1n);
      await asFaultProofs.unfreeze(100n);
      await nodeStaking.connect(operator).withdrawStake(100n, operator);
    });

    it("of a node whose seat has not begun leaves no trace of it", async () => {
      const world = await deployedWorld();
      const { nodeRegistry, nodeSeats, operator } = world;
      await registerNode(world, 0, operator.address);
      await nodeRegistry.connect(operator).exit(100n);
      expect(await idsOf(world)).to.deep.equal([]);
      expect(await nodeSeats.stretchesOf(100n, 0, 10)).to.deep.equal([]);
      expect(await nodeSeats.nextSeatedEpoch(0n)).to.deep.equal([false, 0n, 0n]);
    });
  });

  describe("transfer", () => {
    it("moves stake, votes, earnings not claimed yet and the node itself", async () => {
      const world = await deployedWorld({ settlerBountyBps: 0, settlerBountyCapAmount: 0n });
      const { nodeRegistry, nodeSeats, nodeStaking, feeDistributor, usdc, operator, stranger } = world;
      const key = postageKey(1);
      await fund(world, key, 100n * USD);
      await registerNode(world, 0, operator.address);
      await nodeStaking.connect(operator).stake(100n, 7n * TOKEN);
      await nodeStaking.connect(operator).unstake(100n, 3n * TOKEN);
      await passEpochs(world, 1);
      await world.postageChannels.settle(await voucherRow(world, key, 1_400_000n));
      await feeDistributor.distribute();
      await passEpochs(world, 2);

      const moving = nodeRegistry.connect(operator).transferFrom(operator, stranger, 100n);
      await expect(moving).to.emit(nodeSeats, "PayoutSet").withArgs(100n, stranger.address);
      await expect(moving).to.emit(nodeStaking, "StakedVotesChanged").withArgs(operator.address, 0n);
      await expect(moving)
        .to.emit(nodeStaking, "StakedVotesChanged")
        .withArgs(stranger.address, MINIMUM + 4n * TOKEN);
      expect(await nodeStaking.getVotes(stranger)).to.equal(MINIMUM + 4n * TOKEN);
      expect(await nodeRegistry.isCanonical(100n)).to.equal(true);
      const before = (await usdc.getFunction("balanceOf")(stranger)) as bigint;
      await feeDistributor.claim(100n);
      expect(await usdc.getFunction("balanceOf")(stranger)).to.equal(before + 90_000n);
      await expect(nodeRegistry.connect(operator).exit(100n))
        .to.be.revertedWithCustomError(nodeRegistry, "NodeRegistryNotOwner")
        .withArgs(operator.address, 100n);
      await world.net.networkHelpers.time.increase(15 * DAY);
      await expect(nodeStaking.connect(operator).withdrawStake(100n, operator))
        .to.be.revertedWithCustomError(nodeStaking, "NodeStakingNotOwner")
        .withArgs(operator.address, 100n);
      await expect(nodeStaking.connect(stranger).withdrawStake(100n, stranger))
        .to.emit(nodeStaking, "StakeWithdrawn")
        .withArgs(100n, stranger.address, 3n * TOKEN);
      await nodeRegistry.connect(stranger).exit(100n);
    });

    it("to oneself changes nothing: the payout stays", async () => {
      const world = await deployedWorld();
      const { nodeRegistry, nodeSeats, operator, stranger } = world;
      await registerNode(world, 0, stranger.address);
      await expect(nodeRegistry.connect(operator).transferFrom(operator, operator, 100n)).not.to.emit(
        nodeSeats,
        "PayoutSet",
      );
      expect(await nodeSeats.payoutOf(100n)).to.equal(stranger.address);
    });

    it("is refused while a case is open, to anybody and by anybody, and free again after it", async () => {
      const world = await deployedWorld();
      const { nodeRegistry, nodeStaking, faultProofs, operator, stranger } = world;
      await registerNode(world, 0, operator.address);
      const registry = nodeRegistry.connect(operator);
      await registry.setApprovalForAll(stranger, true);
      const asFaultProofs = nodeStaking.connect(await impersonated(world, await faultProofs.getAddress()));
      await asFaultProofs.freeze(100n);
      await asFaultProofs.freeze(100n);
      await asFaultProofs.unfreeze(100n);
      for (const attempt of [
        () => registry.transferFrom(operator, stranger, 100n),
        () => registry.getFunction("safeTransferFrom(address,address,uint256)")(operator, stranger, 100n),
        () => nodeRegistry.connect(stranger).transferFrom(operator, stranger, 100n),
      ]) {
        await expect(attempt()).to.be.revertedWithCustomError(nodeRegistry, "NodeRegistryFrozen").withArgs(100n);
      }
      await asFaultProofs.unfreeze(100n);
      await registry.transferFrom(operator, stranger, 100n);
      expect(await nodeRegistry.ownerOf(100n)).to.equal(stranger.address);
    });
  });

  it("its peers obey it only", async () => {
    const world = await deployedWorld();
    const { nodeRegistry, nodeSeats, nodeStaking, stranger } = world;
    const registry = await nodeRegistry.getAddress();
    const staking = nodeStaking.connect(stranger);
    const seats = nodeSeats.connect(stranger);
    for (const attempt of [() => staking.post(100n, stranger), () => staking.release(100n, 0n)]) {
      await expect(attempt())
        .to.be.revertedWithCustomError(nodeStaking, "NodeStakingNotRegistry")
        .withArgs(stranger.address, registry);
    }
    for (const attempt of [
      () => seats.enter(100n, stranger),
      () => seats.leave(100n),
      () => seats.setPayout(100n, stranger),
    ]) {
      await expect(attempt())
        .to.be.revertedWithCustomError(nodeSeats, "NodeSeatsNotRegistry")
        .withArgs(stranger.address, registry);
    }
  });
});
