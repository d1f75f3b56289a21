import type { ClientEnvelope } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";

const [LENGTH, V] = [65, 64];

/**
 * An identity update as IdentityRegistry takes it. Some wallets write v of their signatures as 0 or 1 (the Android SDK's
 * own keys do), which libxmtp passes on and takes as 27 or 28. The registry takes only the latter, so that a relayed
 * copy cannot differ from the original; no signature is over that byte.
 *
 * @param envelope what `bytes` decode to.
 */
export function inRegistryForm(envelope: ClientEnvelope, bytes: Uint8Array): Uint8Array {
  const short = walletSignatures(envelope).filter((raw) => raw.length === LENGTH && raw[V]! < 2);
  if (short.length === 0) return bytes;
  const changed = Buffer.from(bytes);
  for (const raw of short) {
    // The same signature may stand in several actions.
    for (let at = changed.indexOf(raw); at >= 0; at = changed.indexOf(raw, at)) changed[at + V]! += 27;
  }
  return new Uint8Array(changed);
}

function walletSignatures({ payload }: ClientEnvelope): Uint8Array[] {
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
    return signatures.flatMap((one) => (one?.signature.case === "erc191" ? [one.signature.value.bytes] : []));
  });
}
