import { bytesToHex } from "@noble/hashes/utils.js";

import type {
  IdentityAction,
  IdentityUpdate,
  MemberIdentifier,
} from "#proto/xmtp/identity/associations/association_pb.ts";
import { IdentifierKind } from "#proto/xmtp/identity/associations/association_pb.ts";

import type { Link } from "../store/chainTables.ts";

export interface LinkChanges {
  /** Earlier links that end. */
  removed: Link[];
  /** Links that begin, after that. */
  added: Link[];
}

type Identifier = Pick<Link, "kind" | "identifier">;

/**
 * Which wallets and passkeys an update links to its inbox and which it unlinks, from its actions in their order: the
 * registry has checked that they may. A wallet that is linked again after it was revoked counts as linked then. Installations are not looked
 * up by anybody, and what this version does not know links nothing.
 */
export function linkChanges(inboxId: string, update: IdentityUpdate): LinkChanges {
  const removed = new Map<string, Link>();
  const added = new Map<string, Link>();
  for (const action of update.actions) {
    const change = changeOf(action);
    if (!change) continue;
    const { kind, identifier } = change.subject;
    const key = `${kind}:${identifier}`;
    if (change.isLinked) {
      added.set(key, { kind, identifier, inboxId });
    } else {
      added.delete(key);
      removed.set(key, { kind, identifier, inboxId });
    }
  }
  return { removed: [...removed.values()], added: [...added.values()] };
}

function changeOf({ kind }: IdentityAction): { subject: Identifier; isLinked: boolean } | undefined {
  const linked = (subject: Identifier | undefined) => subject && { subject, isLinked: true };
  switch (kind.case) {
    case "createInbox":
      return linked(ownerOf(kind.value.initialIdentifier, kind.value.initialIdentifierKind));
    case "add":
      return linked(lookedUp(kind.value.newMemberIdentifier));
    case "revoke": {
      const subject = lookedUp(kind.value.memberToRevoke);
      return subject && { subject, isLinked: false };
    }
    default:
      return undefined;
  }
}

/** An unspecified kind is an address, as in libxmtp. */
function ownerOf(identifier: string, kind: IdentifierKind): Identifier | undefined {
  if (kind === IdentifierKind.PASSKEY) return { kind, identifier };
  const isWallet = kind === IdentifierKind.UNSPECIFIED || kind === IdentifierKind.ETHEREUM;
  return isWallet ? { kind: IdentifierKind.ETHEREUM, identifier } : undefined;
}

function lookedUp(member: MemberIdentifier | undefined): Identifier | undefined {
  switch (member?.kind.case) {
    case "ethereumAddress":
      return { kind: IdentifierKind.ETHEREUM, identifier: member.kind.value };
    case "passkey":
      return { kind: IdentifierKind.PASSKEY, identifier: bytesToHex(member.kind.value.key) };
    default:
      return undefined;
  }
}
