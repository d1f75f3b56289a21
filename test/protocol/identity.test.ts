import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { expect } from "chai";

import type { IdentityUpdate } from "#proto/xmtp/identity/associations/association_pb.ts";
import { IdentityUpdateSchema } from "#proto/xmtp/identity/associations/association_pb.ts";

import { fromHex } from "../../src/protocol/bytes.ts";
import { ProtocolError } from "../../src/protocol/errors.ts";
import { inboxIdOf } from "../../src/protocol/identity/inboxId.ts";
import type { VerifySmartAccount } from "../../src/protocol/identity/signature.ts";
import type { InboxState } from "../../src/protocol/identity/state.ts";
import { applyIdentityUpdate } from "../../src/protocol/identity/state.ts";
import { identityText } from "../../src/protocol/identity/text.ts";
import { readVectors } from "../support/vectors.ts";

const vectors = readVectors<{ updates: { what: string; bytes: string }[] }>("identity-updates").updates.map(
  ({ what, bytes }) => ({ what, bytes: fromHex(bytes), update: fromBinary(IdentityUpdateSchema, fromHex(bytes)) }),
);
const noAccount: VerifySmartAccount = async () => false;

async function codeOf(action: Promise<unknown>): Promise<string> {
  try {
    await action;
  } catch (error) {
    if (error instanceof ProtocolError) return error.code;
    throw error;
  }
  return "no error";
}

/** Applies the vectors in order; updates of one inbox follow each other. */
async function applyAll(verify: VerifySmartAccount): Promise<Map<string, InboxState>> {
  const states = new Map<string, InboxState>();
  for (const { update } of vectors) {
    states.set(update.inboxId, await applyIdentityUpdate(states.get(update.inboxId), update, verify));
  }
  return states;
}

describe("protocol/identity", () => {
  it("applies every update that real clients published, in order (39)", async () => {
    const asked: bigint[] = [];
    const states = await applyAll(async ({ chainId, blockNumber }) => {
      asked.push(chainId, blockNumber);
      return true;
    });
    expect(asked).to.include.members([31337n, 42n]);
    const logA = states.get(vectors[3]!.update.inboxId)!;
    const logB = states.get(vectors[6]!.update.inboxId)!;
    expect([...logA.members.values()].map(({ kind }) => kind)).to.deep.equal(["ethereum", "installation"]);
    expect([...logB.members.values()].map(({ kind }) => kind)).to.deep.equal(["ethereum", "installation", "ethereum"]);
    expect(logB.recovery.kind).to.equal("ethereum");
  });

  it("asks the chain about a smart account and believes its no", async () => {
    expect(await codeOf(applyIdentityUpdate(undefined, vectors[0]!.update, noAccount))).to.equal(
      "invalid_identity_update",
    );
  });

  it("derives the inbox id of SDK and vectors", () => {
    const { kind } = vectors[1]!.update.actions[0]!;
    if (kind.case !== "createInbox") throw new Error("vector 1 creates an inbox");
    expect(inboxIdOf(kind.value.initialIdentifier, kind.value.nonce)).to.equal(vectors[1]!.update.inboxId);
  });

  it("builds the text with the exact lines that wallets show", () => {
    const lines = identityText(vectors[1]!.update).split("\n");
    expect(lines[0]).to.equal("XMTP : Authenticate to inbox");
    expect(lines[3]).to.match(/^Current time: \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    expect(lines[5]).to.equal("- Create inbox");
    expect(lines.at(-1)).to.equal("For more info: https://xmtp.org/signatures");
  });

  it("refuses every single-bit change, or the change alters nothing that was signed (39)", async function () {
    this.timeout(180_000);
    const { bytes, update } = vectors[1]!;
    let refused = 0;
    for (let bit = 0; bit < bytes.length * 8; bit += 3) {
      const flipped = bytes.slice();
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      let changed: IdentityUpdate;
      try {
        changed = fromBinary(IdentityUpdateSchema, flipped);
      } catch {
        refused++;
        continue;
      }
      const code = await codeOf(applyIdentityUpdate(undefined, changed, noAccount));
      if (code === "invalid_identity_update") refused++;
      else expect(signedParts(changed), `bit ${bit}`).to.deep.equal(signedParts(update));
    }
    expect(refused).to.be.greaterThan(1_000);
  });

  it("refuses replay, foreign inbox, wrong order and a member that is none (40)", async () => {
    const [first, second, third] = [vectors[3]!.update, vectors[4]!.update, vectors[5]!.update];
    const created = await applyIdentityUpdate(undefined, first, noAccount);
    const cases = [
      applyIdentityUpdate(created, first, noAccount), // the same update again
      applyIdentityUpdate(undefined, second, noAccount), // before the inbox exists
      applyIdentityUpdate(created, vectors[7]!.update, noAccount), // another inbox
      applyIdentityUpdate(undefined, create(IdentityUpdateSchema, { ...first, actions: [] }), noAccount),
    ];
    for (const refused of cases) expect(await codeOf(refused)).to.equal("invalid_identity_update");
    const two = await applyIdentityUpdate(created, second, noAccount);
    const revoked = await applyIdentityUpdate(two, third, noAccount);
    expect(two.members.size).to.equal(3);
    expect(revoked.members.size).to.equal(2);
    expect(created.members.size, "states are values").to.equal(2);
    expect(await codeOf(applyIdentityUpdate(revoked, second, noAccount))).to.equal("invalid_identity_update");
  });
});

/** What of an update is under a signature: its text, its signers and the raw signatures. */
function signedParts(update: IdentityUpdate): unknown {
  const copy = fromBinary(IdentityUpdateSchema, toBinary(IdentityUpdateSchema, update));
  return { text: identityText(copy), actions: copy.actions.map(({ kind }) => kind.case) };
}
