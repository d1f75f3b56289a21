import { IdentifierKind } from "#proto/xmtp/identity/associations/association_pb.ts";

import type { Member } from "../../protocol/identity/member.ts";
import type { InboxState } from "../../protocol/identity/state.ts";
import type { Link } from "../store/chainTables.ts";

export interface LinkChanges {
  added: Link[];
  removed: Link[];
}

/** Which wallets and passkeys an update linked and revoked. Installations are not looked up by anybody. */
export function linkChanges(before: InboxState | undefined, after: InboxState): LinkChanges {
  const members = { before: before?.members ?? new Map<string, Member>(), after: after.members };
  const missingIn = (other: ReadonlyMap<string, Member>, of: ReadonlyMap<string, Member>): Link[] =>
    [...of]
      .filter(([key, { kind }]) => kind !== "installation" && !other.has(key))
      .map(([, { kind, identifier }]) => ({
        kind: kind === "ethereum" ? IdentifierKind.ETHEREUM : IdentifierKind.PASSKEY,
        identifier,
        inboxId: after.inboxId,
      }));
  return { added: missingIn(members.before, members.after), removed: missingIn(members.after, members.before) };
}
