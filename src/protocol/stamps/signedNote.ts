import { sha512 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";

import { utf8ToBytes } from "../bytes.ts";
import type { Recover } from "../ecdsa.ts";
import { recoverAddress, signDigest } from "../ecdsa.ts";
import { ProtocolError } from "../errors.ts";
import { signatureDomain, verifyCofactorless } from "../identity/ed25519.ts";
import type { Member } from "../identity/member.ts";
import { personalMessageDigest } from "../identity/signature.ts";
import type { PostageDomain } from "../voucher.ts";
import type { NoteSignature } from "./noteBytes.ts";
import { packNote, unpackNote } from "./noteBytes.ts";
import type { Note } from "./notes.ts";
import { noteText } from "./notes.ts";

/** What libxmtp's `signWithInstallationKey` signs in. Identity updates have another context: neither passes for the other. */
export const PUBLIC_CONTEXT = utf8ToBytes("PUBLIC SIGNATURE CONTEXT");

/** A note with who signed it and the packed bytes that prove it. Whether the signer belongs to the inbox the log says. */
export interface SignedNote {
  note: Note;
  signer: Member;
  packed: Uint8Array;
}

/**
 * Reads a packed note and checks its signature for this network. Throws ProtocolError `malformed_note`, and
 * `bad_signature` when it does not hold. Of a wallet's signature any text gives some signer: the caller compares.
 */
export function readNote(domain: PostageDomain, packed: Uint8Array, recover: Recover = recoverAddress): SignedNote {
  const { note, signature } = unpackNote(packed);
  const text = noteText(domain, note);
  return { note, signer: signerOf(note, signature, text, recover), packed: packed.slice() };
}

/**
 * What a packed note says, and which installation it names; nothing is checked. A wallet is only told by its signature. Throws
 * ProtocolError `malformed_note`.
 */
export function claimOf(packed: Uint8Array): { note: Note; claimed: Member | undefined } {
  const { note, signature } = unpackNote(packed);
  if (signature.by === "wallet") return { note, claimed: undefined };
  return { note, claimed: { kind: "installation", identifier: bytesToHex(signature.publicKey) } };
}

function signerOf(note: Note, signature: NoteSignature, text: string, recover: Recover): Member {
  if (signature.by === "wallet") {
    const address = recover(personalMessageDigest(text), signature.bytes);
    if (!address) throw new ProtocolError("bad_signature", "the note's signature is not one");
    return { kind: "ethereum", identifier: address };
  }
  const identifier = bytesToHex(signature.publicKey);
  if (note.kind === "consent") {
    throw new ProtocolError("bad_signature", "a wallet consent (XIP-43) is signed by a wallet");
  }
  const bytes = sha512(utf8ToBytes(text));
  const domainBytes = signatureDomain(PUBLIC_CONTEXT, true);
  if (!verifyCofactorless(signature.publicKey, signature.bytes, domainBytes, bytes)) {
    throw new ProtocolError("bad_signature", `the note is not signed by installation ${identifier} for this network`);
  }
  return { kind: "installation", identifier };
}

/** Signs with a wallet's key and packs. Others let the wallet sign `noteText` and give `packNote` what it answers. */
export function signNote(domain: PostageDomain, note: Note, walletKey: Uint8Array): Uint8Array {
  const bytes = signDigest(personalMessageDigest(noteText(domain, note)), walletKey);
  bytes[64]! += 27;
  return packNote(note, { by: "wallet", bytes });
}
