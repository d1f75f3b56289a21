import { fromBinary } from "@bufbuild/protobuf";

import type { IdentityAction } from "#proto/xmtp/identity/associations/association_pb.ts";
import { IdentityUpdateSchema } from "#proto/xmtp/identity/associations/association_pb.ts";
import type { Signature } from "#proto/xmtp/identity/associations/signature_pb.ts";

import type { SignatureCase } from "../../scripts/campaigns/ed25519/cases.ts";
import { fromHex, utf8ToBytes } from "../../src/protocol/bytes.ts";
import { identityText } from "../../src/protocol/identity/text.ts";
import { readVectors } from "./vectors.ts";

/** Every signature of an installation among the updates that real clients published. */
export function installationSignatures(): SignatureCase[] {
  return readVectors<{ updates: { bytes: string }[] }>("identity-updates").updates.flatMap(({ bytes }) => {
    const update = fromBinary(IdentityUpdateSchema, fromHex(bytes));
    const text = utf8ToBytes(identityText(update));
    return update.actions.flatMap(signaturesOf).flatMap((carried) => {
      const signature = carried?.signature;
      if (signature?.case !== "installationKey") return [];
      return [{ publicKey: signature.value.publicKey, signature: signature.value.bytes, text }];
    });
  });
}

function signaturesOf({ kind }: IdentityAction): (Signature | undefined)[] {
  switch (kind.case) {
    case "createInbox":
      return [kind.value.initialIdentifierSignature];
    case "add":
      return [kind.value.existingMemberSignature, kind.value.newMemberSignature];
    case "revoke":
      return [kind.value.recoveryIdentifierSignature];
    case "changeRecoveryAddress":
      return [kind.value.existingRecoveryIdentifierSignature];
    case undefined:
      return [];
  }
}
