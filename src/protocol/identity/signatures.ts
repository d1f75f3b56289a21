import type { IdentityUpdate } from "#proto/xmtp/identity/associations/association_pb.ts";
import type { Signature } from "#proto/xmtp/identity/associations/signature_pb.ts";

/** Every signature that an update carries, in the order of its actions; what is missing is left out. */
export function signaturesOf({ actions }: IdentityUpdate): Signature[] {
  return actions.flatMap(({ kind }) => {
    switch (kind.case) {
      case "createInbox":
        return present(kind.value.initialIdentifierSignature);
      case "add":
        return present(kind.value.existingMemberSignature, kind.value.newMemberSignature);
      case "revoke":
        return present(kind.value.recoveryIdentifierSignature);
      case "changeRecoveryAddress":
        return present(kind.value.existingRecoveryIdentifierSignature);
      default:
        return [];
    }
  });
}

function present(...signatures: (Signature | undefined)[]): Signature[] {
  return signatures.filter((one) => one !== undefined);
}
