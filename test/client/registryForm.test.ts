import { fromBinary } from "@bufbuild/protobuf";
import { expect } from "chai";

import type { IdentityUpdate } from "#proto/xmtp/identity/associations/association_pb.ts";
import { ClientEnvelopeSchema } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";

import { inRegistryForm } from "../../src/client/publish/registryForm.ts";
import type { ActionPlan, Actor } from "../support/identityActors.ts";
import { identityEnvelope, identityUpdate, inboxOf, installation, passkey, wallet } from "../support/identityActors.ts";

/** The same wallet, whose software writes v as 0 or 1. */
function shortV(actor: Actor): Actor {
  const sign = (text: string) => {
    const made = actor.sign(text);
    if (made.signature?.case === "erc191") made.signature.value.bytes![64]! -= 27;
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
