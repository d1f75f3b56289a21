import { bytesToHex } from "@noble/hashes/utils.js";

import { fromHex, toAddress } from "../../protocol/bytes.ts";
import { withLowS } from "../../protocol/ecdsa.ts";
import { sameMember } from "../../protocol/identity/member.ts";
import { packNote } from "../../protocol/stamps/noteBytes.ts";
import type { Note } from "../../protocol/stamps/notes.ts";
import { noteText } from "../../protocol/stamps/notes.ts";
import type { SignedNote } from "../../protocol/stamps/signedNote.ts";
import { readNote } from "../../protocol/stamps/signedNote.ts";
import type { PostageDomain } from "../../protocol/voucher.ts";
import { orAborted } from "../async.ts";
import { StampsError, aborted, toStampsError } from "./errors.ts";
import type { NoteSigner } from "./ports.ts";

/**
 * A wallet key that belongs to the inbox. Smart accounts and passkeys sign no notes: an installation does it for them.
 * @param signMessage EIP-191 of the text, 65 bytes, such as an ethers signer's `signMessage`
 */
export function walletSigner(address: string, signMessage: (text: string) => Promise<string | Uint8Array>): NoteSigner {
  const identifier = checkedAddress(address);
  return {
    member: { kind: "ethereum", identifier },
    async sign(text) {
      const signature = await signMessage(text);
      const bytes = withLowS(typeof signature === "string" ? fromHex(signature) : signature);
      // Some wallets write v as 0 or 1.
      if (bytes.length === 65 && bytes[64]! < 2) bytes[64]! += 27;
      return { by: "wallet", bytes };
    },
  };
}

/**
 * An installation of the inbox.
 * @param publicKey 32 bytes, the SDK's `installationIdBytes`
 * @param sign such as the SDK's `signWithInstallationKey`: 64 bytes
 */
export function installationSigner(
  publicKey: Uint8Array,
  sign: (text: string) => Uint8Array | Promise<Uint8Array>,
): NoteSigner {
  if (publicKey.length !== 32) throw new StampsError("bad_input", "an installation's public key has 32 bytes");
  const key = publicKey.slice();
  return {
    member: { kind: "installation", identifier: bytesToHex(key) },
    sign: async (text) => ({ by: "installation", publicKey: key, bytes: await sign(text) }),
  };
}

/**
 * Lets the signer sign, and checks what it signed: nobody else takes a note that does not hold. Rejects with StampsError
 * `bad_input`, `declined`, `bad_signature`, `aborted`.
 */
export async function signedBy(
  signer: NoteSigner,
  domain: PostageDomain,
  note: Note,
  signal: AbortSignal,
): Promise<SignedNote> {
  if (signal.aborted) throw aborted();
  try {
    const text = noteText(domain, note);
    const signature = await orAborted(signer.sign(text), signal);
    const signed = readNote(domain, packNote(note, signature));
    if (sameMember(signed.signer, signer.member)) return signed;
    const { kind, identifier } = signer.member;
    const problem = `the signature is not one of ${kind} ${identifier}`;
    throw new StampsError("bad_signature", `${problem}: a smart account's inbox signs with an installation`);
  } catch (error) {
    throw signal.aborted ? aborted(error) : toStampsError(error);
  }
}

function checkedAddress(address: string): string {
  try {
    return toAddress(address);
  } catch (cause) {
    throw new StampsError("bad_input", `"${address}" is no account: 0x and 40 hex digits`, { cause });
  }
}
