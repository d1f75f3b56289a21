import type { HardhatEthersSigner } from "@nomicfoundation/hardhat-ethers/types";
import { expect } from "chai";
import { computeAddress, hexlify } from "ethers";

import type { World } from "./fixtures.ts";
import { DAY, EPOCH, deployedWorld, passEpochs, register, registrationOf, signingKey } from "./fixtures.ts";

/** For how long evidence under a retired key is taken. */
const TERM = BigInt(14 * DAY);

const signerOf = (i: number) => computeAddress(hexlify(signingKey(i)));

/** Gives a node the keys of the i-th. */
async function rotateSigning(world: World, who: HardhatEthersSigner, nodeId: bigint, i: number) {
  const { signingPublicKey, signingProof } = registrationOf(world, who, i);
  return world.nodeRegistry.connect(who).rotateSigningKey(nodeId, signingPublicKey, signingProof);
}

async function rotateAttestation(world: World, who: HardhatEthersSigner, nodeId: bigint, i: number) {
  const { attestationKey, attestationProof } = registrationOf(world, who, i);
  return world.nodeRegistry.connect(who).rotateAttestationKey(nodeId, attestationKey, attestationProof);
}

const keyOfNode = (world: World, i: number) => registrationOf(world, world.operator, i).attestationKey as string;
const now = async ({ net }: World) => BigInt(await net.networkHelpers.time.latest());

/** Nodes 100 of the operator and 200 of the stranger, with the keys 0 and 1. */
async function twoNodes(): Promise<World> {
  const world = await deployedWorld();
  await register(world, world.operator, 0);
  await register(world, world.stranger, 1);
  await passEpochs(world, 1);
  return world;
}

describe("NodeKeys", () => {
  describe("I12: one live node per key", () => {
    it("refuses a signing key or an attestation key that a live node has, at registration and rotation", async () => {
      const world = await twoNodes();
      const { nodeRegistry, operator, stranger } = world;
      const mixed = (i: number, j: number) => {
        const { attestationKey, attestationProof } = registrationOf(world, stranger, j);
        return { ...registrationOf(world, stranger, i), attestationKey, attestationProof };
      };
      const registry = nodeRegistry.connect(stranger);
      for (const attempt of [() => registry.register(mixed(0, 5)), () => rotateSigning(world, stranger, 200n, 0)]) {
        await expect(attempt())
          .to.be.revertedWithCustomError(nodeRegistry, "NodeKeysSignerTaken")
          .withArgs(signerOf(0), 100n);
      }
      for (const attempt of [() => registry.register(mixed(5, 0)), () => rotateAttestation(world, stranger, 200n, 0)]) {
        await expect(attempt())
          .to.be.revertedWithCustomError(nodeRegistry, "NodeKeysAttestationKeyTaken")
          .withArgs(100n);
      }
      // Its own key is a key that a live node has.
      await expect(rotateSigning(world, operator, 100n, 0))
        .to.be.revertedWithCustomError(nodeRegistry, "NodeKeysSignerTaken")
        .withArgs(signerOf(0), 100n);
      await expect(rotateAttestation(world, operator, 100n, 0))
        .to.be.revertedWithCustomError(nodeRegistry, "NodeKeysAttestationKeyTaken")
        .withArgs(100n);
    });

    it("frees both keys in the second in which the node has left, and not before", async () => {
      const world = await twoNodes();
      const { nodeRegistry, nodeSeats, operator, stranger, net } = world;
      await nodeRegistry.connect(operator).exit(100n);
      const end = (await nodeSeats.currentEpoch()) * BigInt(EPOCH) + BigInt(EPOCH);
      await net.networkHelpers.time.setNextBlockTimestamp(end - 2n);
      await expect(register(world, stranger, 0))
        .to.be.revertedWithCustomError(nodeRegistry, "NodeKeysSignerTaken")
        .withArgs(signerOf(0), 100n);
      await net.networkHelpers.time.setNextBlockTimestamp(end - 1n);
      await expect(rotateAttestation(world, stranger, 200n, 0))
        .to.be.revertedWithCustomError(nodeRegistry, "NodeKeysAttestationKeyTaken")
        .withArgs(100n);
      await net.networkHelpers.time.setNextBlockTimestamp(end);
      await register(world, stranger, 0);
      expect(await nodeRegistry.nodeOf(signerOf(0))).to.equal(300n);
      // The node that left keeps what it was: who signed what must not change afterwards.
      expect(await nodeRegistry.keyOf(100n, signerOf(0))).to.deep.equal([true, end, end + TERM]);
      expect(await nodeRegistry.keyOf(300n, signerOf(0))).to.deep.equal([true, 0n, 0n]);
      expect((await nodeRegistry.getNode(100n)).signer).to.equal(signerOf(0));
      expect(await nodeRegistry.attestationKeyOf(100n)).to.equal(keyOfNode(world, 0));
      await expect(register(world, operator, 0))
        .to.be.revertedWithCustomError(nodeRegistry, "NodeKeysSignerTaken")
        .withArgs(signerOf(0), 300n);
    });

    it("frees a key that was rotated away at once, for another node too; each keeps its own history", async () => {
      const world = await twoNodes();
      const { nodeRegistry, operator, stranger } = world;
      await rotateSigning(world, operator, 100n, 5);
      const retiredAt = await now(world);
      await rotateAttestation(world, operator, 100n, 5);
      await rotateSigning(world, stranger, 200n, 0);
      await rotateAttestation(world, stranger, 200n, 0);
      expect(await nodeRegistry.nodeOf(signerOf(0))).to.equal(200n);
      expect(await nodeRegistry.nodeOf(signerOf(1))).to.equal(0n);
      expect(await nodeRegistry.keyOf(100n, signerOf(0))).to.deep.equal([true, retiredAt, retiredAt + TERM]);
      expect(await nodeRegistry.keyOf(200n, signerOf(0))).to.deep.equal([true, 0n, 0n]);
      await expect(rotateSigning(world, operator, 100n, 0)).to.be.revertedWithCustomError(
        nodeRegistry,
        "NodeKeysSignerTaken",
      );
    });

    it("a node's later exit does not free what another node has since", async () => {
      const world = await twoNodes();
      const { nodeRegistry, operator, stranger } = world;
      await rotateSigning(world, operator, 100n, 5);
      await rotateAttestation(world, operator, 100n, 5);
      await rotateSigning(world, stranger, 200n, 0);
      await rotateAttestation(world, stranger, 200n, 0);
      await nodeRegistry.connect(operator).exit(100n);
      await passEpochs(world, 1);
      for (const [key, error] of [
        [signerOf(0), "NodeKeysSignerTaken"],
        [keyOfNode(world, 0), "NodeKeysAttestationKeyTaken"],
      ] as const) {
        const fresh = registrationOf(world, operator, 6);
        const { signingPublicKey, signingProof, attestationKey, attestationProof } = registrationOf(world, operator, 0);
        const theirs =
          error === "NodeKeysSignerTaken" ? { signingPublicKey, signingProof } : { attestationKey, attestationProof };
        await expect(nodeRegistry.connect(operator).register({ ...fresh, ...theirs }))
          .to.be.revertedWithCustomError(nodeRegistry, error)
          .withArgs(...(error === "NodeKeysSignerTaken" ? [key, 200n] : [200n]));
      }
    });
  });

  describe("rotateSigningKey", () => {
    it("case 36: changes the key at once and keeps the history", async () => {
      const world = await twoNodes();
      const { nodeRegistry, operator } = world;
      const rotating = await rotateSigning(world, operator, 100n, 5);
      await expect(rotating)
        .to.emit(nodeRegistry, "SigningKeyRetired")
        .withArgs(100n, signerOf(0), await now(world));
      const publicKey = registrationOf(world, operator, 5).signingPublicKey;
      await expect(rotating).to.emit(nodeRegistry, "SigningKeySet").withArgs(100n, signerOf(5), publicKey);
      const retiredAt = await now(world);
      expect(await nodeRegistry.keyOf(100n, signerOf(0))).to.deep.equal([true, retiredAt, retiredAt + TERM]);
      expect(await nodeRegistry.keyOf(100n, signerOf(5))).to.deep.equal([true, 0n, 0n]);
      expect(await nodeRegistry.keyOf(100n, signerOf(1))).to.deep.equal([false, 0n, 0n]);
      expect(await nodeRegistry.keyOf(200n, signerOf(5))).to.deep.equal([false, 0n, 0n]);
      const { signer, signingPublicKey } = await nodeRegistry.getNode(100n);
      expect([signer, signingPublicKey]).to.deep.equal([signerOf(5), publicKey]);
      expect(await nodeRegistry.nodeOf(signerOf(0))).to.equal(0n);
      expect(await nodeRegistry.nodeOf(signerOf(5))).to.equal(100n);
    });

    it("takes an old key back, which is then in use again, while the one in between is retired", async () => {
      const world = await twoNodes();
      const { nodeRegistry, operator } = world;
      await rotateSigning(world, operator, 100n, 5);
      await rotateSigning(world, operator, 100n, 0);
      const retiredAt = await now(world);
      expect(await nodeRegistry.keyOf(100n, signerOf(0))).to.deep.equal([true, 0n, 0n]);
      expect(await nodeRegistry.keyOf(100n, signerOf(5))).to.deep.equal([true, retiredAt, retiredAt + TERM]);
      expect((await nodeRegistry.getNode(100n)).signer).to.equal(signerOf(0));
      await rotateSigning(world, operator, 100n, 5);
      expect(await nodeRegistry.keyOf(100n, signerOf(0))).to.deep.equal([
        true,
        await now(world),
        (await now(world)) + TERM,
      ]);
    });

    it("is the owner's: not another's, not with another owner's proof, nor the one before a transfer", async () => {
      const world = await twoNodes();
      const { nodeRegistry, operator, stranger } = world;
      await expect(rotateSigning(world, stranger, 100n, 5))
        .to.be.revertedWithCustomError(nodeRegistry, "NodeRegistryNotOwner")
        .withArgs(stranger.address, 100n);
      await expect(rotateSigning(world, stranger, 999n, 5))
        .to.be.revertedWithCustomError(nodeRegistry, "NodeRegistryNotOwner")
        .withArgs(stranger.address, 999n);
      const { signingPublicKey, signingProof, attestationKey, attestationProof } = registrationOf(world, stranger, 5);
      const registry = nodeRegistry.connect(operator);
      await expect(registry.rotateSigningKey(100n, signingPublicKey, signingProof))
        .to.be.revertedWithCustomError(nodeRegistry, "NodeKeysSigningProofInvalid")
        .withArgs(signerOf(5), operator.address);
      await expect(registry.rotateAttestationKey(100n, attestationKey, attestationProof))
        .to.be.revertedWithCustomError(nodeRegistry, "NodeKeysAttestationProofInvalid")
        .withArgs(operator.address);
      await registry.transferFrom(operator, stranger, 100n);
      await expect(rotateSigning(world, operator, 100n, 5)).to.be.revertedWithCustomError(
        nodeRegistry,
        "NodeRegistryNotOwner",
      );
      await rotateSigning(world, stranger, 100n, 5);
      await rotateAttestation(world, stranger, 100n, 5);
    });

    it("while the node leaves is refused, so that the retirement in its history stays", async () => {
      const world = await twoNodes();
      const { nodeRegistry, operator } = world;
      await nodeRegistry.connect(operator).exit(100n);
      await expect(rotateSigning(world, operator, 100n, 5))
        .to.be.revertedWithCustomError(nodeRegistry, "NodeRegistryNotLive")
        .withArgs(100n, 2n);
    });
  });

  describe("rotateAttestationKey", () => {
    it("I12, case 26: counts from the next registry version on, and an old key can come back", async () => {
      const world = await twoNodes();
      const { nodeRegistry, nodeSeats, operator } = world;
      await nodeSeats.rollOver();
      const blob = await nodeSeats.blobOf(1n);
      const rotating = rotateAttestation(world, operator, 100n, 5);
      await expect(rotating).to.emit(nodeRegistry, "AttestationKeySet").withArgs(100n, keyOfNode(world, 5));
      expect(await nodeRegistry.attestationKeyOf(100n)).to.equal(keyOfNode(world, 5));
      await nodeSeats.rollOver();
      expect(await nodeSeats.latestVersion()).to.equal(1n);
      expect(await nodeSeats.blobOf(1n)).to.equal(blob);
      await passEpochs(world, 1);
      await nodeSeats.rollOver();
      expect(await nodeSeats.latestVersion()).to.equal(2n);
      expect(await nodeSeats.blobOf(2n)).to.contain(keyOfNode(world, 5).slice(2));
      expect(await nodeSeats.blobOf(2n)).not.to.contain(keyOfNode(world, 0).slice(2));
      await rotateAttestation(world, operator, 100n, 0);
      await passEpochs(world, 1);
      await nodeSeats.rollOver();
      expect(await nodeSeats.blobOf(3n)).to.equal(blob);
    });
  });
});
