import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";

import type { Address, Hex } from "../bytes.ts";
import { concatBytes, fromHex, toHex, utf8ToBytes } from "../bytes.ts";
import type { Recover, Sign } from "../ecdsa.ts";
import { hasLowS, recoverAddress, signDigest } from "../ecdsa.ts";
import { ProtocolError } from "../errors.ts";
import { keccak256 } from "../keccak.ts";
import { keccakText, typedDigest } from "../typedData.ts";
import type { PostageDomain } from "../voucher.ts";
import { domainSeparator } from "../voucher.ts";

/** `welcome 16 | tag 32 | r 32 | vs 32`. */
export const SENDER_TAG_LENGTH = 112;

const TAG_TYPE = keccakText("SenderTag(bytes32 tag,bytes32 payerDigest)");
const LABEL = utf8ToBytes("pennyblack sender tag|");

/**
 * The name under which a recipient can block one user of an app: HMAC-SHA256 under the app's secret. The same user has
 * another one for every recipient, so nothing is linked.
 *
 * @param secret 32 bytes or more that only the app has
 */
export function senderTag(secret: Uint8Array, senderInbox: Hex, recipientInbox: Hex): Hex {
  if (secret.length < 32) throw new RangeError("an app's secret has at least 32 bytes");
  return toHex(hmac(sha256, secret, concatBytes(LABEL, fromHex(senderInbox), fromHex(recipientInbox))));
}

/** The EIP-712 digest, in the domain of vouchers, that the payer key signs for one envelope. */
export function senderTagDigest(domain: PostageDomain, tag: Hex, payerDigest: Uint8Array): Uint8Array {
  return typedDigest(domainSeparator(domain), keccak256(TAG_TYPE, fromHex(tag), payerDigest));
}

/** What goes with an envelope whose payer digest that is. */
export function signSenderTag(
  domain: PostageDomain,
  tag: Hex,
  payerDigest: Uint8Array,
  postageKey: Uint8Array,
  sign: Sign = signDigest,
) {
  const signature = sign(senderTagDigest(domain, tag, payerDigest), postageKey);
  const vs = signature.slice(32, 64);
  vs[0]! |= signature[64]! << 7;
  return concatBytes(payerDigest.subarray(0, 16), fromHex(tag), signature.subarray(0, 32), vs);
}

/** Which envelope a packed tag is for, by the first 16 bytes of its payer digest. Throws ProtocolError `malformed_tag`. */
export function welcomeOfTag(packed: Uint8Array): Hex {
  if (packed.length !== SENDER_TAG_LENGTH) {
    throw new ProtocolError("malformed_tag", `a sender tag has ${SENDER_TAG_LENGTH} bytes, this has ${packed.length}`);
  }
  return toHex(packed.subarray(0, 16));
}

/** The tag, when the payer signed it for that envelope. Throws ProtocolError `malformed_tag` and `bad_signature`. */
export function readSenderTag(
  domain: PostageDomain,
  packed: Uint8Array,
  { payer, payerDigest }: { payer: Address; payerDigest: Uint8Array },
  recover: Recover = recoverAddress,
): Hex {
  const isFor = welcomeOfTag(packed) === toHex(payerDigest.subarray(0, 16));
  const tag = toHex(packed.subarray(16, 48));
  const signature = new Uint8Array(65);
  signature.set(packed.subarray(48, 112));
  signature[64] = signature[32]! >> 7;
  signature[32]! &= 0x7f;
  const signer = isFor && hasLowS(signature) && recover(senderTagDigest(domain, tag, payerDigest), signature);
  if (signer !== payer) throw new ProtocolError("bad_signature", "the payer did not sign this tag for this envelope");
  return tag;
}
