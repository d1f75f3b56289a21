import type { IdentityUpdate } from "#proto/xmtp/identity/associations/association_pb.ts";
import type { Signature } from "#proto/xmtp/identity/associations/signature_pb.ts";

import { fastRecoverAddress } from "../../platform/fastEcdsa.ts";
import { toHex } from "../../protocol/bytes.ts";
import { memberKey, memberOf, rootMember } from "../../protocol/identity/member.ts";
import { readIdentityUpdate } from "../../protocol/identity/read.ts";
import { personalMessageDigest } from "../../protocol/identity/signature.ts";
import { identityText } from "../../protocol/identity/text.ts";
import type { IdentityUpdateOnChain, InboxAction, InboxChange } from "./ports.ts";

/**
 * What an update changes. The registry has verified it: here is only read who was added by whom, because whoever is revoked
 * takes the installations along that it added. Throws ProtocolError for what the registry should not have let in.
 */
export function inboxChange({ inbox, clientEnvelope, sequenceId, at }: IdentityUpdateOnChain): InboxChange {
  const update = readIdentityUpdate(clientEnvelope, inbox.slice(2));
  return { sequenceId, inbox, at, actions: update.actions.flatMap((action) => actionOf(update, action) ?? []) };
}

function actionOf(update: IdentityUpdate, { kind }: IdentityUpdate["actions"][number]): InboxAction | undefined {
  switch (kind.case) {
    case "createInbox": {
      const owner = rootMember(kind.value.initialIdentifier, kind.value.initialIdentifierKind);
      const isAccount = kind.value.initialIdentifierSignature?.signature.case === "erc6492";
      return { kind: "add", member: memberKey(owner), addedBy: undefined, isAccount };
    }
    case "add": {
      const { newMemberIdentifier, existingMemberSignature, newMemberSignature } = kind.value;
      return {
        kind: "add",
        member: memberKey(memberOf(newMemberIdentifier)),
        addedBy: signerOf(existingMemberSignature, update),
        isAccount: newMemberSignature?.signature.case === "erc6492",
      };
    }
    case "revoke":
      return { kind: "remove", member: memberKey(memberOf(kind.value.memberToRevoke)) };
    default:
      return undefined;
  }
}

function signerOf(signature: Signature | undefined, update: IdentityUpdate): string | undefined {
  const kind = signature?.signature;
  switch (kind?.case) {
    case "erc191": {
      const address = fastRecoverAddress(personalMessageDigest(identityText(update)), kind.value.bytes);
      return address && memberKey({ kind: "ethereum", identifier: address });
    }
    case "erc6492":
      return memberKey({ kind: "ethereum", identifier: kind.value.accountId.split(":").at(-1) ?? "" });
    case "installationKey":
      return memberKey({ kind: "installation", identifier: toHex(kind.value.publicKey).slice(2) });
    case "passkey":
      return memberKey({ kind: "passkey", identifier: toHex(kind.value.publicKey).slice(2) });
    default:
      return undefined;
  }
}
