import type { SignatureCase } from "../../scripts/campaigns/ed25519/cases.ts";
import { utf8ToBytes } from "../../src/protocol/bytes.ts";
import { signaturesOf } from "../../src/protocol/identity/signatures.ts";
import { identityText } from "../../src/protocol/identity/text.ts";
import { vectorUpdates } from "./vectors.ts";

/** Every signature of an installation among the updates that real clients published. */
export function installationSignatures(): SignatureCase[] {
  return vectorUpdates().flatMap((update) => {
    const text = utf8ToBytes(identityText(update));
    return signaturesOf(update).flatMap(({ signature }) => {
      if (signature.case !== "installationKey") return [];
      return [{ publicKey: signature.value.publicKey, signature: signature.value.bytes, text }];
    });
  });
}
