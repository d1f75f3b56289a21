import type { IdentityAction, IdentityUpdate } from "#proto/xmtp/identity/associations/association_pb.ts";

import { toHex } from "../bytes.ts";
import { ProtocolError } from "../errors.ts";
import { inboxIdOf } from "./inboxId.ts";
import type { Member } from "./member.ts";
import { memberKey, memberOf, rootMember, sameMember } from "./member.ts";
import type { VerifiedSignature, VerifySmartAccount } from "./signature.ts";
import { personalMessageDigest, verifySignature } from "./signature.ts";
import { identityText } from "./text.ts";

export const MOST_INSTALLATIONS = 10;
/** Actions of one update; bounds the work that one payload can cause. */
export const MOST_ACTIONS = 64;

/** @property isAccount It joined as a smart account, and signs as one ever after. */
export interface JoinedMember extends Member {
  addedBy?: Member;
  isAccount: boolean;
}

/** Who belongs to an inbox after the updates applied so far. */
export interface InboxState {
  inboxId: string;
  recovery: Member;
  /** By memberKey. */
  members: ReadonlyMap<string, JoinedMember>;
  /** Hashes of the texts and signatures of earlier updates: none counts twice. */
  used: ReadonlySet<string>;
}

function invalid(message: string): never {
  throw new ProtocolError("invalid_identity_update", message);
}

/** State of one update in the making. */
interface Draft {
  inboxId: string;
  recovery?: Member;
  members: Map<string, JoinedMember>;
}

/** Verifies a signature over the update's text once, however many of its actions carry it. */
type Verify = (signature: Parameters<typeof verifySignature>[0]) => Promise<VerifiedSignature>;

/**
 * Applies an update by the rules of IdentityRegistry, which are libxmtp's, checking every signature. `state` is
 * undefined before the inbox exists. Of bytes, `readIdentityUpdate` reads the update.
 * Throws ProtocolError `invalid_identity_update`; then nothing has changed.
 */
export async function applyIdentityUpdate(
  state: InboxState | undefined,
  update: IdentityUpdate,
  verifySmartAccount: VerifySmartAccount,
): Promise<InboxState> {
  const { actions, inboxId } = update;
  if (actions.length === 0) invalid("the update has no action");
  if (actions.length > MOST_ACTIONS) invalid(`the update has ${actions.length} actions, at most ${MOST_ACTIONS} count`);
  if (state && state.inboxId !== inboxId) invalid("the update is for another inbox");
  const text = identityText(update);
  const textHash = toHex(personalMessageDigest(text));
  if (state?.used.has(textHash)) invalid("the update is in the inbox's log already");
  const used = new Set<string>([textHash]);
  const verify: Verify = async (signature) => {
    const verified = await verifySignature(signature, text, verifySmartAccount);
    if (state?.used.has(verified.signatureHash)) invalid("a signature was used in an earlier update of this inbox");
    used.add(verified.signatureHash);
    return verified;
  };
  const draft: Draft = { inboxId, recovery: state?.recovery, members: new Map(state?.members) };
  for (const action of actions) await applyAction(draft, action, verify);
  const installations = [...draft.members.values()].filter(({ kind }) => kind === "installation").length;
  if (installations > MOST_INSTALLATIONS) {
    invalid(`the inbox would have ${installations} installations, at most ${MOST_INSTALLATIONS} are allowed`);
  }
  return {
    inboxId,
    recovery: draft.recovery ?? invalid("the inbox does not exist yet: its first action creates it"),
    members: draft.members,
    used: new Set([...(state?.used ?? []), ...used]),
  };
}

async function applyAction(draft: Draft, { kind }: IdentityAction, verify: Verify): Promise<void> {
  if (kind.case === "createInbox") {
    const owner = rootMember(kind.value.initialIdentifier, kind.value.initialIdentifierKind);
    if (draft.recovery) invalid("the inbox exists already");
    if (inboxIdOf(owner.identifier, kind.value.nonce) !== draft.inboxId)
      invalid("the inbox id does not follow from its owner");
    const { signer, isAccount } = await verify(kind.value.initialIdentifierSignature);
    if (!sameMember(signer, owner)) invalid(`${signer.identifier} signed, the owner is ${owner.identifier}`);
    draft.recovery = owner;
    draft.members.set(memberKey(owner), { ...owner, isAccount });
    return;
  }
  const recovery = draft.recovery ?? invalid("the inbox does not exist yet: its first action creates it");
  switch (kind.case) {
    case "add": {
      const member = memberOf(kind.value.newMemberIdentifier);
      const existing = await verify(kind.value.existingMemberSignature);
      const { signer: added, isAccount } = await verify(kind.value.newMemberSignature);
      if (!sameMember(added, member)) invalid(`${added.identifier} signed, the new member is ${member.identifier}`);
      if (sameMember(existing.signer, member)) invalid(`${member.identifier} adds itself`);
      if (draft.members.has(memberKey(member))) invalid(`${member.identifier} is a member already`);
      if (!requireUsualForm(draft, existing) && !sameMember(existing.signer, recovery)) {
        invalid(`${existing.signer.identifier} is not a member of the inbox`);
      }
      if (existing.signer.kind === "installation" && member.kind === "installation") {
        invalid("an installation may not add an installation");
      }
      draft.members.set(memberKey(member), { ...member, addedBy: existing.signer, isAccount });
      return;
    }
    case "revoke": {
      const member = memberOf(kind.value.memberToRevoke);
      requireRecovery(draft, recovery, await verify(kind.value.recoveryIdentifierSignature));
      draft.members.delete(memberKey(member));
      for (const [key, other] of draft.members) {
        if (other.kind === "installation" && other.addedBy && sameMember(other.addedBy, member))
          draft.members.delete(key);
      }
      return;
    }
    case "changeRecoveryAddress": {
      const next = rootMember(kind.value.newRecoveryIdentifier, kind.value.newRecoveryIdentifierKind);
      requireRecovery(draft, recovery, await verify(kind.value.existingRecoveryIdentifierSignature));
      draft.recovery = next;
      return;
    }
    default:
      invalid("an identity action of no known kind");
  }
}

function requireRecovery(draft: Draft, recovery: Member, signature: VerifiedSignature): void {
  requireUsualForm(draft, signature);
  if (!sameMember(signature.signer, recovery)) {
    invalid(`${signature.signer.identifier} signed, only the recovery identifier ${recovery.identifier} may`);
  }
}

/** Whether the signer is a member; one that joined as a smart account signs as one, others never do. */
function requireUsualForm(draft: Draft, { signer, isAccount }: VerifiedSignature): boolean {
  const member = draft.members.get(memberKey(signer));
  if (member && member.isAccount !== isAccount) {
    invalid(`${signer.identifier} joined with ${member.isAccount ? "a smart account" : "a key"} and signs otherwise`);
  }
  return member !== undefined;
}
