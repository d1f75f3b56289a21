import type { MessageInitShape } from "@bufbuild/protobuf";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";

import type { IdentityUpdate } from "#proto/xmtp/identity/associations/association_pb.ts";
import { IdentifierKind, IdentityUpdateSchema } from "#proto/xmtp/identity/associations/association_pb.ts";
import { ClientEnvelopeSchema } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";

import { fromHex } from "../../../src/protocol/bytes.ts";
import { addressOf, signDigest } from "../../../src/protocol/ecdsa.ts";
import { inboxIdOf } from "../../../src/protocol/identity/inboxId.ts";
import { personalMessageDigest } from "../../../src/protocol/identity/signature.ts";
import { identityText } from "../../../src/protocol/identity/text.ts";
import { topicBytes } from "../../../src/protocol/topics.ts";
import type { FakeEvent } from "./fakeChain.ts";

type Action = NonNullable<MessageInitShape<typeof IdentityUpdateSchema>["actions"]>[number];
type Sign = (key: Uint8Array) => { signature: { case: "erc191"; value: { bytes: Uint8Array } } };

export function walletKey(n: number): Uint8Array {
  return new Uint8Array(32).fill(0x40 + n);
}

export function inboxOfWallet(key: Uint8Array): string {
  return inboxIdOf(addressOf(key), 1n);
}

let time = 1_700_000_000_000_000_000n;

/** An update that wallets sign. `actions` is built twice: without signatures for the text, then with them. */
function walletUpdate(inboxId: string, actions: (sign: Sign) => Action[]): FakeEvent {
  time += 1_000_000_000n;
  const build = (sign: Sign): IdentityUpdate =>
    create(IdentityUpdateSchema, { inboxId, clientTimestampNs: time, actions: actions(sign) });
  const text = identityText(build(() => ({ signature: { case: "erc191", value: { bytes: new Uint8Array() } } })));
  const digest = personalMessageDigest(text);
  const signedBy = (key: Uint8Array) => {
    const signature = signDigest(digest, key);
    // As wallets write it.
    signature[64]! += 27;
    return signature;
  };
  const update = build((key) => ({ signature: { case: "erc191", value: { bytes: signedBy(key) } } }));
  const subject = fromHex(inboxId);
  const envelope = create(ClientEnvelopeSchema, {
    aad: { targetTopic: topicBytes(2, subject) },
    payload: { case: "identityUpdate", value: update },
  });
  return { kind: "identity", subject, clientEnvelope: toBinary(ClientEnvelopeSchema, envelope) };
}

export function createInbox(owner: Uint8Array): FakeEvent {
  return walletUpdate(inboxOfWallet(owner), (sign) => [
    {
      kind: {
        case: "createInbox",
        value: {
          initialIdentifier: addressOf(owner),
          nonce: 1n,
          initialIdentifierSignature: sign(owner),
          initialIdentifierKind: IdentifierKind.ETHEREUM,
        },
      },
    },
  ]);
}

export function linkWallet(owner: Uint8Array, added: Uint8Array): FakeEvent {
  const value = addressOf(added);
  return walletUpdate(inboxOfWallet(owner), (sign) => [
    {
      kind: {
        case: "add",
        value: {
          newMemberIdentifier: { kind: { case: "ethereumAddress", value } },
          existingMemberSignature: sign(owner),
          newMemberSignature: sign(added),
        },
      },
    },
  ]);
}

export function revokeWallet(owner: Uint8Array, revoked: Uint8Array): FakeEvent {
  const value = addressOf(revoked);
  return walletUpdate(inboxOfWallet(owner), (sign) => [
    {
      kind: {
        case: "revoke",
        value: {
          memberToRevoke: { kind: { case: "ethereumAddress", value } },
          recoveryIdentifierSignature: sign(owner),
        },
      },
    },
  ]);
}

/** The actions of several updates of one inbox in one, with signatures that do not hold. */
export function together(...events: readonly FakeEvent[]): FakeEvent {
  const envelopes = events.map(({ clientEnvelope }) => fromBinary(ClientEnvelopeSchema, clientEnvelope));
  const [first] = envelopes;
  const updates = envelopes.map(({ payload }) => payload.value as IdentityUpdate);
  updates[0]!.actions = updates.flatMap(({ actions }) => actions);
  return { ...events[0]!, clientEnvelope: toBinary(ClientEnvelopeSchema, first!) };
}
