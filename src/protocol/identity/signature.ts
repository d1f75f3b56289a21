import { p256 } from "@noble/curves/nist.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { keccak_256 } from "@noble/hashes/sha3.js";
import { bytesToHex } from "@noble/hashes/utils.js";

import type { Signature } from "#proto/xmtp/identity/associations/signature_pb.ts";

import type { Address } from "../bytes.ts";
import { concatBytes, toBase64Url, utf8ToBytes } from "../bytes.ts";
import { hasLowS, recoverAddress } from "../ecdsa.ts";
import { ProtocolError } from "../errors.ts";
import { verifyInstallationSignature } from "./ed25519.ts";
import type { Member } from "./member.ts";
import { checkedMember } from "./member.ts";

/** Asks a chain whether a smart account (ERC-1271, or ERC-6492 before it is deployed) signed `hash`. */
export type VerifySmartAccount = (question: {
  chainId: bigint;
  account: Address;
  hash: Uint8Array;
  blockNumber: bigint;
  signature: Uint8Array;
}) => Promise<boolean>;

/** Who signed, and the raw signature, which counts once per inbox. */
export interface VerifiedSignature {
  signer: Member;
  raw: Uint8Array;
}

/** The EIP-191 digest of a text. */
export function personalMessageDigest(text: string): Uint8Array {
  const bytes = utf8ToBytes(text);
  return keccak_256(concatBytes(utf8ToBytes(`\x19Ethereum Signed Message:\n${bytes.length}`), bytes));
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
      const signer = raw.length === 65 && hasLowS(raw) ? recoverAddress(personalMessageDigest(text), raw) : undefined;
      return signer ? { signer: checkedMember("ethereum", signer), raw } : invalid("a wallet signature is malformed");
    }
    case "erc6492":
      return verifyAccount(kind.value, text, verifySmartAccount);
    case "installationKey": {
      const { bytes: raw, publicKey } = kind.value;
      const signer = checkedMember("installation", bytesToHex(publicKey));
      const holds = verifyInstallationSignature(publicKey, raw, utf8ToBytes(text));
      return holds ? { signer, raw } : invalid(`the signature of installation ${signer.identifier} does not hold`);
    }
    case "passkey": {
      const { signature: raw, publicKey, authenticatorData, clientDataJson } = kind.value;
      const signer = checkedMember("passkey", bytesToHex(publicKey));
      const opening = `{"type":"webauthn.get","challenge":"${toBase64Url(utf8ToBytes(text))}","origin":`;
      const asked = new TextDecoder().decode(clientDataJson).startsWith(opening);
      const signed = concatBytes(authenticatorData, sha256(clientDataJson));
      const holds = asked && passesNoble(() => p256.verify(raw, signed, publicKey, { format: "der", lowS: false }));
      return holds ? { signer, raw } : invalid(`the signature of passkey ${signer.identifier} does not hold`);
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
  const [, chainId, address] = /^eip155:([1-9]\d{0,19}):(0x[0-9a-fA-F]{40})$/.exec(accountId) ?? [];
  if (!chainId || !address) return invalid(`malformed account id "${accountId.slice(0, 80)}"`);
  const signer = checkedMember("ethereum", address.toLowerCase());
  const holds = await verifySmartAccount({
    chainId: BigInt(chainId),
    account: signer.identifier as Address,
    hash: personalMessageDigest(text),
    blockNumber,
    signature,
  });
  return holds ? { signer, raw: signature } : invalid(`smart account ${accountId} did not sign this update`);
}
