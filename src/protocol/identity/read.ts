import { fromBinary, toBinary } from "@bufbuild/protobuf";

import type { IdentityAction, IdentityUpdate } from "#proto/xmtp/identity/associations/association_pb.ts";
import { ClientEnvelopeSchema } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";

import { equalBytes, fromHex } from "../bytes.ts";
import { ProtocolError } from "../errors.ts";
import { TopicKind, topicBytes } from "../topics.ts";

function invalid(message: string, options?: ErrorOptions): never {
  throw new ProtocolError("invalid_identity_update", message, options);
}

/**
 * The update in a ClientEnvelope, read as IdentityVerifier does: in its one canonical encoding, addressed to the inbox,
 * and without what nobody signs. Throws ProtocolError `invalid_identity_update`.
 *
 * @param inboxId 64 lowercase hex digits.
 */
export function readIdentityUpdate(clientEnvelope: Uint8Array, inboxId: string): IdentityUpdate {
  const { aad, payload } = decode(clientEnvelope);
  if (payload.case !== "identityUpdate") return invalid("the envelope holds no identity update");
  if (aad?.dependsOn) invalid("an identity update depends on nothing");
  if (!aad || !equalBytes(aad.targetTopic, topicBytes(TopicKind.identityUpdate, fromHex(inboxId)))) {
    invalid("the envelope is addressed to another inbox");
  }
  const update = payload.value;
  if (update.inboxId !== inboxId) invalid("the update is for another inbox");
  if (update.actions.some(namesRelyingParty)) invalid("a relying party is named, which nobody signs");
  return update;
}

/** What decodes and encodes again to the same bytes has every field once, in order, minimal, and none unknown. */
function decode(bytes: Uint8Array) {
  try {
    const envelope = fromBinary(ClientEnvelopeSchema, bytes, { readUnknownFields: false });
    if (equalBytes(toBinary(ClientEnvelopeSchema, envelope), bytes)) return envelope;
  } catch (cause) {
    return invalid("the envelope is not valid protobuf", { cause });
  }
  return invalid("the envelope is not in canonical protobuf");
}

function namesRelyingParty({ kind }: IdentityAction): boolean {
  switch (kind.case) {
    case "add": {
      const { newMemberIdentifier, relyingParty } = kind.value;
      return relyingParty !== undefined || isNamedIn(newMemberIdentifier?.kind);
    }
    case "revoke":
      return isNamedIn(kind.value.memberToRevoke?.kind);
    case "createInbox":
    case "changeRecoveryAddress":
      return kind.value.relyingParty !== undefined;
    default:
      return false;
  }
}

function isNamedIn(kind: { case?: string; value?: unknown } | undefined): boolean {
  return kind?.case === "passkey" && (kind.value as { relyingParty?: string }).relyingParty !== undefined;
}
