import { expect } from "chai";
import { AbiCoder, ZeroHash, hexlify, keccak256 } from "ethers";

import { decodeRevert } from "../../src/contracts/decodeRevert.ts";
import { groupMessage } from "../support/envelopes.ts";
import { deployedWorld } from "./fixtures.ts";

const payload = (fill: number, length = 100) => hexlify(new Uint8Array(length).fill(fill));
const [inboxA, inboxB] = [`0x${"aa".repeat(32)}`, `0x${"bb".repeat(32)}`];

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
  const [groupA, groupB] = [0xaa, 0xbb];
  const idOf = (group: number) => `0x${group.toString(16).repeat(16)}`;
  const commit = (n: number, group = groupA) => hexlify(groupMessage(n, { contentType: 3, group }));

  describe("addMessage", () => {
    it("numbers commits and proposals over all groups from 1", async () => {
      const { commitBroadcaster } = await deployedWorld();
      await expect(commitBroadcaster.addMessage(idOf(groupA), commit(1)))
        .to.emit(commitBroadcaster, "MessageSent")
        .withArgs(idOf(groupA), commit(1), 1n);
      const proposal = hexlify(groupMessage(1, { contentType: 2, group: groupB }));
      await expect(commitBroadcaster.addMessage(idOf(groupB), proposal))
        .to.emit(commitBroadcaster, "MessageSent")
        .withArgs(idOf(groupB), proposal, 2n);
    });

    it("refuses the same message again with the sequence id it has", async () => {
      const { commitBroadcaster } = await deployedWorld();
      await commitBroadcaster.addMessage(idOf(groupA), commit(1));
      await expect(commitBroadcaster.addMessage(idOf(groupA), commit(1)))
        .to.be.revertedWithCustomError(commitBroadcaster, "CommitBroadcasterAlreadySequenced")
        .withArgs(1n);
      expect(await commitBroadcaster.sequenceIdOf(idOf(groupA), keccak256(commit(1)))).to.equal(1n);
      expect(await commitBroadcaster.lastSequenceId()).to.equal(1n);
    });

    it("says what is wrong, in words that decodeRevert has", async () => {
      const { commitBroadcaster } = await deployedWorld();
      const refusals: [string, string, string, Record<string, unknown>][] = [
        [idOf(groupA), hexlify(groupMessage(1, { group: groupA })), "CommitBroadcasterNotOrdered", { contentType: 1n }],
        [
          idOf(groupB),
          commit(1),
          "CommitBroadcasterOtherTopic",
          { groupId: idOf(groupB), targetTopic: `0x00${idOf(groupA).slice(2)}` },
        ],
        [idOf(groupA), payload(0xff), "GroupMessageReaderMalformed", { reason: 1n }],
        [
          idOf(groupA),
          payload(1, 77),
          "CommitBroadcasterPayloadSizeOutOfBounds",
          { size: 77n, least: 78n, most: 262_144n },
        ],
      ];
      for (const [group, envelope, name, args] of refusals) {
        const error: unknown = await commitBroadcaster.addMessage(group, envelope).catch((caught: unknown) => caught);
        expect(decodeRevert(error)).to.deep.equal({ contract: "commitBroadcaster", name, args });
      }
    });
  });

  describe("addMessages", () => {
    it("sequences what it can, and tells what it refuses and why", async () => {
      const { commitBroadcaster } = await deployedWorld();
      await commitBroadcaster.addMessage(idOf(groupA), commit(9));
      const groups = [idOf(groupA), idOf(groupA), idOf(groupA), idOf(groupB)];
      const envelopes = [commit(1), hexlify(groupMessage(2, { group: groupA })), commit(9), commit(3, groupB)];
      expect(await commitBroadcaster.addMessages.staticCall(groups, envelopes)).to.deep.equal([2n, 0n, 1n, 3n]);
      const reason = commitBroadcaster.interface.encodeErrorResult("CommitBroadcasterNotOrdered", [1n]);
      const sent = commitBroadcaster.addMessages(groups, envelopes);
      await expect(sent).to.emit(commitBroadcaster, "MessageRefused").withArgs(idOf(groupA), 1n, reason);
      await expect(sent).to.emit(commitBroadcaster, "MessageSent").withArgs(idOf(groupB), commit(3, groupB), 3n);
      expect(await commitBroadcaster.lastSequenceId()).to.equal(3n);
    });
  });
});
