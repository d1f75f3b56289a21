import { base64Decode, base64Encode } from "@bufbuild/protobuf/wire";
import { bytesToHex, hexToBytes } from "@noble/hashes/utils.js";

export { concatBytes, utf8ToBytes } from "@noble/hashes/utils.js";

/** `0x` and lowercase hex digits. */
export type Hex = `0x${string}`;
/** An account: `0x` and 40 lowercase hex digits. */
export type Address = Hex;

export function toHex(bytes: Uint8Array): Hex {
  return `0x${bytesToHex(bytes)}`;
}

/** Accepts hex with or without `0x`, in either case. */
export function fromHex(hex: string): Uint8Array {
  return hexToBytes(hex.replace(/^0x/i, ""));
}

export function toAddress(value: string): Address {
  if (!/^0x[0-9a-fA-F]{40}$/.test(value)) throw new TypeError(`not an address: ${value}`);
  return value.toLowerCase() as Address;
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Orders bytes like numbers written with the most significant byte first. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    if (a[i] !== b[i]) return a[i]! - b[i]!;
  }
  return a.length - b.length;
}

/** Big endian, `length` bytes. Throws RangeError when the value does not fit. */
export function uintToBytes(value: bigint, length: number): Uint8Array {
  if (value < 0n || value >> BigInt(8 * length) !== 0n) throw new RangeError(`${value} does not fit ${length} bytes`);
  const bytes = new Uint8Array(length);
  // The amounts of a voucher, which every check of one reads and writes.
  if (length === 8) {
    new DataView(bytes.buffer).setBigUint64(0, value);
    return bytes;
  }
  for (let i = length - 1, rest = value; i >= 0; i--, rest >>= 8n) bytes[i] = Number(rest & 0xffn);
  return bytes;
}

export function bytesToUint(bytes: Uint8Array): bigint {
  if (bytes.length === 8) return new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0);
  return bytes.length === 0 ? 0n : BigInt(toHex(bytes));
}

/** Base64url without padding. */
export function toBase64Url(bytes: Uint8Array): string {
  return base64Encode(bytes, "url");
}

/** Base64url without padding; returns undefined for anything else. */
export function fromBase64Url(text: string): Uint8Array | undefined {
  if (!/^[A-Za-z0-9_-]*$/.test(text) || text.length % 4 === 1) return undefined;
  const bytes = base64Decode(text);
  return toBase64Url(bytes) === text ? bytes : undefined;
}
