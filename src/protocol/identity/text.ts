import type { IdentityAction, IdentityUpdate } from "#proto/xmtp/identity/associations/association_pb.ts";

import { ProtocolError } from "../errors.ts";
import type { Member } from "./member.ts";
import { memberOf, rootMember } from "./member.ts";

const LABEL = { ethereum: "Address", installation: "ID", passkey: "Passkey" } as const;
const ADD = {
  ethereum: "Link address to inbox",
  installation: "Grant messaging access to app",
  passkey: "Link passkey to inbox",
} as const;
const REVOKE = {
  ethereum: "Unlink address from inbox",
  installation: "Revoke messaging access from app",
  passkey: "Unlink passkey from inbox",
} as const;
const LAST_NS = 2n ** 63n;

function line(sentence: string, { kind, identifier }: Member): string {
  return `- ${sentence}\n  (${LABEL[kind]}: ${identifier})`;
}

function actionText({ kind }: IdentityAction): string {
  switch (kind.case) {
    case "createInbox": {
      const owner = rootMember(kind.value.initialIdentifier, kind.value.initialIdentifierKind);
      return `- Create inbox\n  (Owner: ${owner.identifier})`;
    }
    case "add": {
      const member = memberOf(kind.value.newMemberIdentifier);
      return line(ADD[member.kind], member);
    }
    case "revoke": {
      const member = memberOf(kind.value.memberToRevoke);
      return line(REVOKE[member.kind], member);
    }
    case "changeRecoveryAddress": {
      const recovery = rootMember(kind.value.newRecoveryIdentifier, kind.value.newRecoveryIdentifierKind);
      return `- Change inbox recovery address\n  (Address: ${recovery.identifier})`;
    }
    default:
      throw new ProtocolError("invalid_identity_update", "an identity action of no known kind");
  }
}

/** The one text that is signed for all actions of an update, byte for byte as libxmtp builds it. */
export function identityText(update: IdentityUpdate): string {
  if (!/^[0-9a-f]{64}$/.test(update.inboxId)) {
    throw new ProtocolError("invalid_identity_update", "the inbox id is not 64 lowercase hex digits");
  }
  if (update.clientTimestampNs >= LAST_NS) {
    throw new ProtocolError("invalid_identity_update", "the time of the update is past 2^63 ns");
  }
  const seconds = new Date(Number(update.clientTimestampNs / 1_000_000_000n) * 1000);
  const time = seconds.toISOString().replace(/\.\d{3}Z$/, "Z");
  return [
    `XMTP : Authenticate to inbox\n\nInbox ID: ${update.inboxId}\nCurrent time: ${time}\n`,
    update.actions.map(actionText).join("\n"),
    "\nFor more info: https://xmtp.org/signatures",
  ].join("\n");
}
