import { ProtocolError } from "./errors.ts";

export const MlsContentType = { application: 1, proposal: 2, commit: 3 } as const;
export type MlsContentType = (typeof MlsContentType)[keyof typeof MlsContentType];

/** What the clear part of an MLS message says (RFC 9420 section 6). */
export interface MlsFraming {
  groupId: Uint8Array;
  epoch: bigint;
  contentType: MlsContentType;
}

const WIRE_PUBLIC = 1;
const WIRE_PRIVATE = 2;
const SENDER_MEMBER = 1;
const SENDER_EXTERNAL = 2;
/** new_member_proposal is 3, new_member_commit 4. */
const LAST_SENDER = 4;

/** Reads a bounded buffer front to back; every read past its end is a ProtocolError. */
class Reader {
  #at = 0;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  take(length: number): Uint8Array {
    if (length > this.#bytes.length - this.#at) throw new ProtocolError("malformed_mls", "MLS message ends too early");
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  uint(length: number): bigint {
    return this.take(length).reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
  }

  /** A vector with a variable-size length (RFC 9420 section 2.1.2): 1, 2 or 4 bytes, minimal. */
  vector(): Uint8Array {
    const first = Number(this.uint(1));
    const size = 1 << (first >> 6);
    if (size === 8) throw new ProtocolError("malformed_mls", "invalid MLS vector length");
    const rest = size === 1 ? 0n : this.uint(size - 1);
    const length = (BigInt(first & 0x3f) << BigInt(8 * (size - 1))) | rest;
    if ((size === 2 && length < 64n) || (size === 4 && length < 16_384n)) {
      throw new ProtocolError("malformed_mls", "MLS vector length is not minimal");
    }
    return this.take(Number(length));
  }
}

/** Reads the framing of a TLS-encoded MlsMessage. Throws ProtocolError `malformed_mls`. */
export function readMlsFraming(data: Uint8Array): MlsFraming {
  const reader = new Reader(data);
  const version = reader.uint(2);
  if (version !== 1n) throw new ProtocolError("malformed_mls", `unknown MLS version ${version}`);
  const wireFormat = Number(reader.uint(2));
  if (wireFormat !== WIRE_PUBLIC && wireFormat !== WIRE_PRIVATE) {
    throw new ProtocolError("malformed_mls", `MLS wire format ${wireFormat} is neither a public nor a private message`);
  }
  const groupId = reader.vector();
  const epoch = reader.uint(8);
  if (wireFormat === WIRE_PUBLIC) {
    const sender = Number(reader.uint(1));
    if (sender < SENDER_MEMBER || sender > LAST_SENDER) {
      throw new ProtocolError("malformed_mls", `unknown MLS sender type ${sender}`);
    }
    if (sender === SENDER_MEMBER || sender === SENDER_EXTERNAL) reader.take(4);
    reader.vector();
  }
  const contentType = Number(reader.uint(1));
  if (contentType < 1 || contentType > 3) {
    throw new ProtocolError("malformed_mls", `unknown MLS content type ${contentType}`);
  }
  return { groupId, epoch, contentType: contentType as MlsContentType };
}

/** Proposals and commits need one order for everybody, so they go on chain; application messages do not. */
export function mustBeOrdered(framing: MlsFraming): boolean {
  return framing.contentType !== MlsContentType.application;
}
