import { expect } from "chai";
import { AbiCoder, ZeroHash, hexlify, keccak256 } from "ethers";

import { decodeRevert } from "../../src/contracts/decodeRevert.ts";
import { deployedWorld } from "./fixtures.ts";

const payload = (fill: number, length = 100) => hexlify(new Uint8Array(length).fill(fill));
const [inboxA, inboxB] = [`0x${"aa".repeat(32)}`, `0x${"bb".repeat(32)}`];
const [groupA, groupB] = [`0x${"aa".repeat(16)}`, `0x${"bb".repeat(16)}`];

describe("IdentityRegistry", () => {
  describe("addIdentityUpdate", () => {
    it("numbers updates over all inboxes from 1 and folds each inbox's log", async () => {
      const { identityRegistry } = await deployedWorld();
      const updates = [
        [inboxA, payload(1)],
        [inboxB, payload(2)],
        [inboxA, payload(3)],
      ] as const;
      let head = ZeroHash;
      let count = 0n;
      for (const [i, [inbox, update]] of updates.entries()) {
        await expect(identityRegistry.addIdentityUpdate(inbox, update))
          .to.emit(identityRegistry, "IdentityUpdateCreated")
          .withArgs(inbox, update, BigInt(i + 1));
        if (inbox !== inboxA) continue;
        const fields = [head, ++count, keccak256(update)];
        head = keccak256(AbiCoder.defaultAbiCoder().encode(["bytes32", "uint64", "bytes32"], fields));
      }
      expect(await identityRegistry.logOf(inboxA)).to.deep.equal([2n, head]);
      expect(await identityRegistry.lastSequenceId()).to.equal(3n);
    });

    it("refuses the same update again with the sequence id it has, for this inbox only", async () => {
      const { identityRegistry } = await deployedWorld();
      await identityRegistry.addIdentityUpdate(inboxB, payload(9));
      await identityRegistry.addIdentityUpdate(inboxA, payload(1));
      const error: unknown = await identityRegistry
        .addIdentityUpdate(inboxA, payload(1))
        .catch((caught: unknown) => caught);
      expect(decodeRevert(error)).to.deep.equal({
        contract: "identityRegistry",
        name: "IdentityRegistryAlreadySequenced",
        args: { sequenceId: 2n },
      });
      expect(await identityRegistry.sequenceIdOf(inboxA, keccak256(payload(1)))).to.equal(2n);
      await identityRegistry.addIdentityUpdate(inboxB, payload(1));
    });

    it("takes 78 to 262,144 bytes", async () => {
      const { identityRegistry } = await deployedWorld();
      for (const size of [77, 262_145]) {
        await expect(identityRegistry.addIdentityUpdate.staticCall(inboxA, payload(1, size)))
          .to.be.revertedWithCustomError(identityRegistry, "IdentityRegistryPayloadSizeOutOfBounds")
          .withArgs(size, 78n, 262_144n);
      }
      for (const size of [78, 262_144]) await identityRegistry.addIdentityUpdate.staticCall(inboxA, payload(1, size));
    });
  });
});

describe("CommitBroadcaster", () => {
  describe("addMessage", () => {
    it("numbers messages over all groups from 1", async () => {
      const { commitBroadcaster } = await deployedWorld();
      await expect(commitBroadcaster.addMessage(groupA, payload(1)))
        .to.emit(commitBroadcaster, "MessageSent")
        .withArgs(groupA, payload(1), 1n);
      await expect(commitBroadcaster.addMessage(groupB, payload(1)))
        .to.emit(commitBroadcaster, "MessageSent")
        .withArgs(groupB, payload(1), 2n);
    });

    it("refuses the same message again with the sequence id it has", async () => {
      const { commitBroadcaster } = await deployedWorld();
      await commitBroadcaster.addMessage(groupA, payload(1));
      await expect(commitBroadcaster.addMessage(groupA, payload(1)))
        .to.be.revertedWithCustomError(commitBroadcaster, "CommitBroadcasterAlreadySequenced")
        .withArgs(1n);
      expect(await commitBroadcaster.sequenceIdOf(groupA, keccak256(payload(1)))).to.equal(1n);
      expect(await commitBroadcaster.lastSequenceId()).to.equal(1n);
    });

    it("takes 78 to 262,144 bytes", async () => {
      const { commitBroadcaster } = await deployedWorld();
      for (const size of [77, 262_145]) {
        await expect(commitBroadcaster.addMessage.staticCall(groupA, payload(1, size)))
          .to.be.revertedWithCustomError(commitBroadcaster, "CommitBroadcasterPayloadSizeOutOfBounds")
          .withArgs(size, 78n, 262_144n);
      }
    });
  });
});
