import type { Hex } from "../bytes.ts";
import { bytesToUint, concatBytes, equalBytes, fromHex, toHex, uintToBytes, utf8ToBytes } from "../bytes.ts";
import { hasLowS } from "../ecdsa.ts";
import { ProtocolError } from "../errors.ts";
import type { Note } from "./notes.ts";
import { requireForm } from "./notes.ts";

/** Who signed a note, and how. */
export type NoteSignature =
  /** EIP-191: 65 bytes, low s, v of 27 or 28. */
  | { by: "wallet"; bytes: Uint8Array }
  /** Ed25519ph with libxmtp's context of public signatures: 64 bytes, and the key they hold under. */
  | { by: "installation"; publicKey: Uint8Array; bytes: Uint8Array };

/** No note is longer. */
export const MOST_NOTE_BYTES = 256;

const KINDS = ["waiver", "revocation", "statement", "block", "consent"] as const;
const NO_ACCOUNT = new Uint8Array(20);
const NO_TAG = new Uint8Array(32);

function malformed(message: string): never {
  throw new ProtocolError("malformed_note", message);
}

/**
 * `kind 1 | inbox 32 | payer 20 | fields | signature`, kinds from 1 on in the order waiver, revocation, statement, block,
 * consent. Fields: `id 8 | not after 8 | most uses 4`; `id 8`; `welcome 16 | spam 1 | account 20`;
 * `tagged 1 | tag 32 | number 8 | blocked 1`; `address 42 | length 1 | time`. Signature: `0 | 65` or `1 | key 32 | 64`.
 * Throws ProtocolError `malformed_note`.
 */
export function packNote(note: Note, signature: NoteSignature): Uint8Array {
  requireForm(note);
  const kind = Uint8Array.of(KINDS.indexOf(note.kind) + 1);
  return concatBytes(kind, fromHex(note.inbox), fromHex(note.payer), fieldsOf(note), signatureBytes(signature));
}

function fieldsOf(note: Note): Uint8Array {
  switch (note.kind) {
    case "waiver":
      return concatBytes(
        uintToBytes(note.waiverId, 8),
        uintToBytes(note.notAfter, 8),
        uintToBytes(BigInt(note.mostUses), 4),
      );
    case "revocation":
      return uintToBytes(note.waiverId, 8);
    case "statement": {
      const account = note.account === undefined ? NO_ACCOUNT : fromHex(note.account);
      return concatBytes(fromHex(note.welcome), Uint8Array.of(note.verdict === "spam" ? 1 : 0), account);
    }
    case "block": {
      const tag = note.tag === undefined ? NO_TAG : fromHex(note.tag);
      const [tagged, blocked] = [note.tag === undefined ? 0 : 1, note.isBlocked ? 1 : 0];
      return concatBytes(Uint8Array.of(tagged), tag, uintToBytes(note.number, 8), Uint8Array.of(blocked));
    }
    case "consent": {
      const time = utf8ToBytes(note.time);
      return concatBytes(utf8ToBytes(note.spelled), Uint8Array.of(time.length), time);
    }
  }
}

function signatureBytes(signature: NoteSignature): Uint8Array {
  requireSignature(signature);
  return signature.by === "wallet"
    ? concatBytes(Uint8Array.of(0), signature.bytes)
    : concatBytes(Uint8Array.of(1), signature.publicKey, signature.bytes);
}

function requireSignature(signature: NoteSignature): void {
  if (signature.by === "wallet") {
    const { bytes } = signature;
    if (bytes.length !== 65 || (bytes[64] !== 27 && bytes[64] !== 28) || !hasLowS(bytes)) {
      malformed("a wallet signature has 65 bytes, a low s and v of 27 or 28");
    }
  } else if (signature.publicKey.length !== 32 || signature.bytes.length !== 64) {
    malformed("an installation's key has 32 bytes, its signature 64");
  }
}

/** Reads a packed note, in its one form. Nothing is said of who signed it: see `readNote`. Throws `malformed_note`. */
export function unpackNote(packed: Uint8Array): { note: Note; signature: NoteSignature } {
  if (packed.length > MOST_NOTE_BYTES) malformed(`a note has at most ${MOST_NOTE_BYTES} bytes`);
  const reader = new Reader(packed);
  const kind = KINDS[reader.take(1)[0]! - 1] ?? malformed("a note of no known kind");
  const note = readFields(kind, reader);
  const how = reader.take(1)[0]!;
  const signature: NoteSignature =
    how === 0
      ? { by: "wallet", bytes: reader.take(65) }
      : how === 1
        ? { by: "installation", publicKey: reader.take(32), bytes: reader.take(64) }
        : malformed("a signature of no known kind");
  // What packs to the same bytes has one form: padding, flags and spare fields included.
  if (!equalBytes(packNote(note, signature), packed)) malformed("the note is not in its one form");
  return { note, signature };
}

function readFields(kind: Note["kind"], reader: Reader): Note {
  const who = { inbox: reader.hex(32), payer: reader.hex(20) };
  switch (kind) {
    case "waiver": {
      const [waiverId, notAfter, mostUses] = [reader.uint(8), reader.uint(8), Number(reader.uint(4))];
      return { kind, ...who, waiverId, notAfter, mostUses };
    }
    case "revocation":
      return { kind, ...who, waiverId: reader.uint(8) };
    case "statement": {
      const [welcome, isSpam, account] = [reader.hex(16), reader.uint(1) === 1n, reader.hex(20)];
      return { kind, ...who, welcome, ...(isSpam ? { verdict: "spam", account } : { verdict: "accept" }) };
    }
    case "block": {
      const [isTagged, tag] = [reader.uint(1) === 1n, reader.hex(32)];
      const [number, isBlocked] = [reader.uint(8), reader.uint(1) === 1n];
      return { kind, ...who, ...(isTagged ? { tag } : {}), number, isBlocked };
    }
    case "consent": {
      const spelled = reader.text(42);
      return { kind, ...who, spelled, time: reader.text(Number(reader.uint(1))) };
    }
  }
}

class Reader {
  #at = 0;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  take(length: number): Uint8Array {
    if (length > this.#bytes.length - this.#at) malformed("the note ends too early");
    this.#at += length;
    return this.#bytes.slice(this.#at - length, this.#at);
  }

  hex(length: number): Hex {
    return toHex(this.take(length));
  }

  uint(length: number): bigint {
    return bytesToUint(this.take(length));
  }

  text(length: number): string {
    return new TextDecoder("latin1").decode(this.take(length));
  }
}
