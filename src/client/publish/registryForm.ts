import { clone, toBinary } from "@bufbuild/protobuf";

import type { Signature } from "#proto/xmtp/identity/associations/signature_pb.ts";
import type { ClientEnvelope } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";
import { ClientEnvelopeSchema } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";

import { withLowS } from "../../protocol/ecdsa.ts";

/**
 * An identity update as IdentityRegistry takes it, serialized. Some wallets write v of their signatures as 0 or 1 (the
 * Android SDK's own keys do) or s in its upper half (hardware modules do); libxmtp passes both on and takes them as the
 * same signature. The registry takes one spelling, so that a relayed copy cannot differ from the original. No signature
 * is over those bytes.
 *
 * @param bytes what `envelope` is serialized as.
 */
export function inRegistryForm(envelope: ClientEnvelope, bytes: Uint8Array): Uint8Array {
  const changed = clone(ClientEnvelopeSchema, envelope);
  const wallets = signaturesOf(changed).flatMap(({ signature }) => (signature.case === "erc191" ? [signature] : []));
  let isChanged = false;
  for (const { value } of wallets) {
    const usual = usualForm(value.bytes);
    if (!usual) continue;
    value.bytes = usual;
    isChanged = true;
  }
  return isChanged ? toBinary(ClientEnvelopeSchema, changed) : bytes;
}

/** Undefined when there is nothing to change. */
function usualForm(signature: Uint8Array): Uint8Array | undefined {
  if (signature.length !== 65) return undefined;
  const low = withLowS(signature);
  if (low[64]! < 2) low[64]! += 27;
  return Buffer.compare(low, signature) === 0 ? undefined : low;
}

function signaturesOf({ payload }: ClientEnvelope): Signature[] {
  if (payload.case !== "identityUpdate") return [];
  return payload.value.actions.flatMap(({ kind }) => {
    const signatures =
      kind.case === "add"
        ? [kind.value.existingMemberSignature, kind.value.newMemberSignature]
        : kind.case === "createInbox"
          ? [kind.value.initialIdentifierSignature]
          : kind.case === "revoke"
            ? [kind.value.recoveryIdentifierSignature]
            : [kind.value?.existingRecoveryIdentifierSignature];
    return signatures.filter((one) => one !== undefined);
  });
}
