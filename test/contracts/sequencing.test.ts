import { expect } from "chai";
import { AbiCoder, ZeroHash, hexlify, id, keccak256 } from "ethers";

import { decodeRevert } from "../../src/contracts/decodeRevert.ts";
import { personalMessageDigest } from "../../src/protocol/identity/signature.ts";
import { identityText } from "../../src/protocol/identity/text.ts";
import { groupMessage } from "../support/envelopes.ts";
import type { ActionPlan } from "../support/identityActors.ts";
import { identityEnvelope, identityUpdate, inboxOf, installation, wallet } from "../support/identityActors.ts";
import { deployedWorld } from "./fixtures.ts";

const payload = (fill: number, length = 100) => hexlify(new Uint8Array(length).fill(fill));
const inboxA = `0x${"aa".repeat(32)}`;

/** Creates the inbox of a wallet. */
function registration(n: number): { inboxId: string; update: string; textHash: string } {
  const inboxId = inboxOf(wallet(n));
  const update = identityUpdate(inboxId, [{ do: "create", owner: wallet(n) }]);
  const textHash = hexlify(personalMessageDigest(identityText(update)));
  return { inboxId: `0x${inboxId}`, update: hexlify(identityEnvelope(update)), textHash };
}

/** Adds an installation to it. */
function addition(n: number, app: number): string {
  const plan: ActionPlan = { do: "add", member: installation(app), signer: wallet(n) };
  return hexlify(identityEnvelope(identityUpdate(inboxOf(wallet(n)), [plan])));
}

describe("IdentityRegistry", () => {
  describe("addIdentityUpdate", () => {
    it("numbers updates over all inboxes from 1 and folds each inbox's log", async () => {
      const { identityRegistry } = await deployedWorld();
      const [a, b] = [registration(1), registration(2)];
      const updates = [
        [a.inboxId, a.update],
        [b.inboxId, b.update],
        [a.inboxId, addition(1, 1)],
      ] as const;
      let head = ZeroHash;
      let count = 0n;
      for (const [i, [inbox, update]] of updates.entries()) {
        await expect(identityRegistry.addIdentityUpdate(inbox, update))
          .to.emit(identityRegistry, "IdentityUpdateCreated")
          .withArgs(inbox, update, BigInt(i + 1));
        if (inbox !== a.inboxId) continue;
        const fields = [head, ++count, keccak256(update)];
        head = keccak256(AbiCoder.defaultAbiCoder().encode(["bytes32", "uint64", "bytes32"], fields));
      }
      expect(await identityRegistry.logOf(a.inboxId)).to.deep.equal([2n, head]);
      expect(await identityRegistry.lastSequenceId()).to.equal(3n);
    });

    it("refuses the same update again with the sequence id it has", async () => {
      const { identityRegistry } = await deployedWorld();
      const [a, b] = [registration(1), registration(2)];
      await identityRegistry.addIdentityUpdate(b.inboxId, b.update);
      await identityRegistry.addIdentityUpdate(a.inboxId, a.update);
      const error: unknown = await identityRegistry
        .addIdentityUpdate(a.inboxId, a.update)
        .catch((caught: unknown) => caught);
      expect(decodeRevert(error)).to.deep.equal({
        contract: "identityRegistry",
        name: "IdentityRegistryAlreadySequenced",
        args: { sequenceId: 2n },
      });
      expect(await identityRegistry.sequenceIdOf(a.inboxId, a.textHash)).to.equal(2n);
    });

    it("sequences a batch, passes over what it refuses, and knows what is there already", async () => {
      const { identityRegistry } = await deployedWorld();
      const [a, b, c] = [registration(1), registration(2), registration(3)];
      await identityRegistry.addIdentityUpdate(a.inboxId, a.update);
      const inboxes = [b.inboxId, c.inboxId, a.inboxId, c.inboxId];
      const updates = [b.update, b.update, a.update, c.update];
      expect(await identityRegistry.addIdentityUpdates.staticCall(inboxes, updates)).to.deep.equal([2n, 0n, 1n, 3n]);
      await expect(identityRegistry.addIdentityUpdates(inboxes, updates))
        .to.emit(identityRegistry, "IdentityUpdateRefused")
        .withArgs(c.inboxId, 1n, id("IdentityVerifierOtherInbox()").slice(0, 10));
      expect(await identityRegistry.lastSequenceId()).to.equal(3n);
    });

    it("takes 78 to 262,144 bytes", async () => {
      const { identityRegistry, identityVerifier } = await deployedWorld();
      for (const size of [77, 262_145]) {
        await expect(identityRegistry.addIdentityUpdate.staticCall(inboxA, payload(1, size)))
          .to.be.revertedWithCustomError(identityRegistry, "IdentityRegistryPayloadSizeOutOfBounds")
          .withArgs(size, 78n, 262_144n);
      }
      for (const size of [78, 262_144]) {
        await expect(
          identityRegistry.addIdentityUpdate.staticCall(inboxA, payload(1, size)),
        ).to.be.revertedWithCustomError(identityVerifier, "CanonicalProtoFlaw");
      }
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
