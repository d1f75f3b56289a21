import { p256 } from "@noble/curves/nist.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";

import type { Signature } from "#proto/xmtp/identity/associations/signature_pb.ts";

import type { Address, Hex } from "../bytes.ts";
import { concatBytes, toHex, uintToBytes, utf8ToBytes } from "../bytes.ts";
import { hasLowS, recoverAddress } from "../ecdsa.ts";
import { ProtocolError } from "../errors.ts";
import { keccak256 } from "../keccak.ts";
import { asksFor } from "./clientData.ts";
import { verifyInstallationSignature } from "./ed25519.ts";
import type { Member } from "./member.ts";
import { checkedMember } from "./member.ts";

/** Asks a chain whether a smart account signed `hash` (ERC-1271), also whether the block it names may be asked. */
export type VerifySmartAccount = (question: {
  chainId: bigint;
  account: Address;
  hash: Uint8Array;
  blockNumber: bigint;
  signature: Uint8Array;
}) => Promise<boolean>;

/** Who signed, how, and keccak256 of the signature without what others could change in it: it counts once per inbox. */
export interface VerifiedSignature {
  signer: Member;
  isAccount: boolean;
  signatureHash: Hex;
}

/** The EIP-191 digest of a text. */
export function personalMessageDigest(text: string): Uint8Array {
  const bytes = utf8ToBytes(text);
  return keccak256(concatBytes(utf8ToBytes(`\x19Ethereum Signed Message:\n${bytes.length}`), bytes));
}

function invalid(message: string): never {
  throw new ProtocolError("invalid_identity_update", message);
}

function passesNoble(verify: () => boolean): boolean {
  try {
    return verify();
  } catch {
    return false;
  }
}

/** Verifies one signature over `text`. Throws ProtocolError `invalid_identity_update` when it does not hold. */
export async function verifySignature(
  signature: Signature | undefined,
  text: string,
  verifySmartAccount: VerifySmartAccount,
): Promise<VerifiedSignature> {
  const kind = signature?.signature;
  switch (kind?.case) {
    case "erc191": {
      const raw = kind.value.bytes;
      // One spelling of each signature: a relayed copy cannot differ.
      const isOurs = raw.length === 65 && raw[64]! >= 27 && hasLowS(raw);
      const signer = isOurs ? recoverAddress(personalMessageDigest(text), raw) : undefined;
      return signer ? byKey(checkedMember("ethereum", signer), raw) : invalid("a wallet signature is malformed");
    }
    case "erc6492":
      return verifyAccount(kind.value, text, verifySmartAccount);
    case "installationKey": {
      const { bytes: raw, publicKey } = kind.value;
      const signer = checkedMember("installation", bytesToHex(publicKey));
      const holds = verifyInstallationSignature(publicKey, raw, utf8ToBytes(text));
      return holds ? byKey(signer, raw) : invalid(`the signature of installation ${signer.identifier} does not hold`);
    }
    case "passkey": {
      const { signature: raw, publicKey, authenticatorData, clientDataJson } = kind.value;
      const signer = checkedMember("passkey", bytesToHex(publicKey));
      const signed = concatBytes(authenticatorData, sha256(clientDataJson));
      const holds =
        asksFor(clientDataJson, text) &&
        passesNoble(() => p256.verify(raw, signed, publicKey, { format: "der", lowS: false }));
      return holds
        ? byKey(signer, lowForm(raw))
        : invalid(`the signature of passkey ${signer.identifier} does not hold`);
    }
    case "delegatedErc191":
      return invalid("legacy delegated signatures are not taken");
    default:
      return invalid("a signature is missing");
  }
}

async function verifyAccount(
  { accountId, blockNumber, signature }: { accountId: string; blockNumber: bigint; signature: Uint8Array },
  text: string,
  verifySmartAccount: VerifySmartAccount,
): Promise<VerifiedSignature> {
  const [, chainId, address] = /^eip155:([1-9]\d{0,19}):(0x[0-9a-f]{40})$/.exec(accountId) ?? [];
  if (!chainId || !address) return invalid(`malformed account id "${accountId.slice(0, 80)}"`);
  const signer = checkedMember("ethereum", address);
  const holds = await verifySmartAccount({
    chainId: BigInt(chainId),
    account: signer.identifier as Address,
    hash: personalMessageDigest(text),
    blockNumber,
    signature,
  });
  return holds
    ? { ...byKey(signer, signature), isAccount: true }
    : invalid(`smart account ${accountId} did not sign this update`);
}

function byKey(signer: Member, signature: Uint8Array): VerifiedSignature {
  return { signer, isAccount: false, signatureHash: toHex(keccak256(signature)) };
}

/** r and the lower s of a P-256 signature: the same for both signatures that one gives. */
function lowForm(der: Uint8Array): Uint8Array {
  const { r, s } = p256.Signature.fromBytes(der, "der");
  const other = p256.Point.Fn.ORDER - s;
  return concatBytes(uintToBytes(r, 32), uintToBytes(s < other ? s : other, 32));
}
