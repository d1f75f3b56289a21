import { fromBinary } from "@bufbuild/protobuf";
import { expect } from "chai";

import type { IdentityUpdate } from "#proto/xmtp/identity/associations/association_pb.ts";
import { ClientEnvelopeSchema } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";

import { inRegistryForm } from "../../src/client/publish/registryForm.ts";
import { bytesToUint, uintToBytes } from "../../src/protocol/bytes.ts";
import type { ActionPlan, Actor } from "../support/identityActors.ts";
import {
  identityEnvelope,
  identityUpdate,
  inboxOf,
  installation,
  passkey,
  smartAccount,
  wallet,
} from "../support/identityActors.ts";

/** The same wallet, whose software writes v as 0 or 1. */
function shortV(actor: Actor): Actor {
  const sign = (text: string) => {
    const made = actor.sign(text);
    if (made.signature?.case === "erc191") made.signature.value.bytes![64]! -= 27;
    return made;
  };
  return { ...actor, sign };
}

/** The same wallet, whose hardware gives either s. */
function highS(actor: Actor): Actor {
  const sign = (text: string) => {
    const made = actor.sign(text);
    if (made.signature?.case !== "erc191") return made;
    const bytes = made.signature.value.bytes!;
    const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
    bytes.set(uintToBytes(order - bytesToUint(bytes.subarray(32, 64)), 32), 32);
    bytes[64] = 55 - bytes[64]!;
    return made;
  };
  return { ...actor, sign };
}

function formed(update: IdentityUpdate): Uint8Array {
  const bytes = identityEnvelope(update);
  return inRegistryForm(fromBinary(ClientEnvelopeSchema, bytes), bytes);
}

describe("client/registryForm", () => {
  const plans = (owner: Actor, other: Actor): ActionPlan[] => [
    { do: "create", owner },
    { do: "add", member: installation(1), signer: owner },
    { do: "add", member: other, signer: owner },
    { do: "recover", recovery: other, signer: owner },
    { do: "revoke", member: owner, signer: other },
  ];

  it("writes v of every wallet signature as 27 or 28 and changes nothing else", () => {
    for (let n = 1; n <= 8; n++) {
      const [owner, other] = [wallet(n), wallet(n + 100)];
      const usual = identityUpdate(inboxOf(owner), plans(owner, other));
      const short = identityUpdate(inboxOf(owner), plans(shortV(owner), shortV(other)));
      expect(identityEnvelope(short)).to.not.deep.equal(identityEnvelope(usual));
      expect(formed(short)).to.deep.equal(identityEnvelope(usual));
    }
  });

  it("writes s of every wallet signature in its lower half, with v turned", () => {
    for (let n = 1; n <= 8; n++) {
      const [owner, other] = [wallet(n), wallet(n + 100)];
      const usual = identityUpdate(inboxOf(owner), plans(owner, other));
      for (const [a, b] of [
        [highS(owner), highS(other)],
        [shortV(highS(owner)), highS(shortV(other))],
      ] as const) {
        expect(formed(identityUpdate(inboxOf(owner), plans(a, b)))).to.deep.equal(identityEnvelope(usual));
      }
    }
  });

  it("does not touch a smart account's signature, even one that reads like a wallet's", () => {
    const owner = shortV(wallet(1));
    const account = smartAccount(wallet(50).identifier, wallet(1).key, 31_337n, () => 1n);
    const sign = (text: string) => {
      const made = account.sign(text);
      if (made.signature?.case === "erc6492") made.signature.value.signature![64]! -= 27;
      return made;
    };
    const update = identityUpdate(inboxOf(owner), [
      { do: "create", owner },
      { do: "add", member: { ...account, sign }, signer: owner },
    ]);
    const { payload } = fromBinary(ClientEnvelopeSchema, formed(update));
    const action = payload.case === "identityUpdate" ? payload.value.actions[1]!.kind : undefined;
    const consent = action?.case === "add" ? action.value.newMemberSignature!.signature : undefined;
    expect(consent?.case === "erc6492" && consent.value.signature[64]! < 2).to.equal(true);
  });

  it("leaves what needs no change as it is", () => {
    const [owner, key] = [wallet(1), passkey(1)];
    for (const update of [
      identityUpdate(inboxOf(owner), plans(owner, wallet(2))),
      identityUpdate(inboxOf(key), [{ do: "create", owner: key }]),
    ]) {
      expect(formed(update)).to.deep.equal(identityEnvelope(update));
    }
  });
});
