import { clone, toBinary } from "@bufbuild/protobuf";

import type { RecoverableEcdsaSignature } from "#proto/xmtp/identity/associations/signature_pb.ts";
import type { ClientEnvelope } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";
import { ClientEnvelopeSchema } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";

import { withLowS } from "../../protocol/ecdsa.ts";
import { signaturesOf } from "../../protocol/identity/signatures.ts";

/**
 * An identity update as IdentityRegistry takes it, serialized. Some wallets write v of their signatures as 0 or 1 (the
 * Android SDK's own keys do) or s in its upper half (hardware modules do); libxmtp passes both on and takes them as the
 * same signature. The registry takes one spelling, so that a relayed copy cannot differ from the original. No signature
 * is over those bytes.
 *
 * @param bytes what `envelope` is serialized as.
 */
export function inRegistryForm(envelope: ClientEnvelope, bytes: Uint8Array): Uint8Array {
  if (!walletSignatures(envelope).some(({ bytes: raw }) => usualForm(raw))) return bytes;
  const changed = clone(ClientEnvelopeSchema, envelope);
  for (const value of walletSignatures(changed)) value.bytes = usualForm(value.bytes) ?? value.bytes;
  return toBinary(ClientEnvelopeSchema, changed);
}

function walletSignatures({ payload }: ClientEnvelope): RecoverableEcdsaSignature[] {
  if (payload.case !== "identityUpdate") return [];
  return signaturesOf(payload.value).flatMap(({ signature }) => (signature.case === "erc191" ? [signature.value] : []));
}

/** Undefined when there is nothing to change. */
function usualForm(signature: Uint8Array): Uint8Array | undefined {
  if (signature.length !== 65) return undefined;
  const low = withLowS(signature);
  if (low[64]! < 2) low[64]! += 27;
  return Buffer.compare(low, signature) === 0 ? undefined : low;
}
