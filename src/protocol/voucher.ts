import type { Address } from "./bytes.ts";
import { compareBytes, concatBytes, fromBase64Url, toBase64Url, uintToBytes } from "./bytes.ts";
import { bytesToUint } from "./bytes.ts";
import type { Recover, Sign } from "./ecdsa.ts";
import { recoverAddress, signDigest } from "./ecdsa.ts";
import { ProtocolError } from "./errors.ts";
import { keccak256 } from "./keccak.ts";
import { keccakText, separatorOf, typedDigest } from "./typedData.ts";

/** Metadata of a publish call that carries a packed voucher row, base64url without padding. */
export const VOUCHER_HEADER = "x-postage-voucher";
/** Bytes of a packed row: `fees 8 | stamps 8 | r 32 | vs 32`. */
export const VOUCHER_ROW_LENGTH = 80;

const VOUCHER_TYPE = keccakText("Voucher(uint64 fees,uint64 stamps)");
/** Before 64 bits in a word of 256. */
const PAD = new Uint8Array(24);
const NAME = keccakText("Pennyblack Postage");

/** What a payer owes in all since the channel began, in base units. Both only grow. */
export interface Voucher {
  fees: bigint;
  stamps: bigint;
}

/** Where vouchers hold: one PostageChannels contract on one chain. */
export interface PostageDomain {
  readonly chainId: bigint;
  readonly postageChannels: Address;
}

/** A voucher with the channel that signed it and the packed bytes that prove it on chain. */
export interface SignedVoucher extends Voucher {
  channel: Address;
  row: Uint8Array;
}

const separators = new WeakMap<PostageDomain, Uint8Array>();

export function domainSeparator(domain: PostageDomain): Uint8Array {
  const known = separators.get(domain);
  if (known) return known;
  const separator = separatorOf(NAME, domain.chainId, domain.postageChannels);
  separators.set(domain, separator);
  return separator;
}

/** The EIP-712 digest that the postage key signs. Throws RangeError when an amount exceeds 64 bits. */
export function voucherDigest(domain: PostageDomain, { fees, stamps }: Voucher): Uint8Array {
  const struct = keccak256(VOUCHER_TYPE, PAD, uintToBytes(fees, 8), PAD, uintToBytes(stamps, 8));
  return typedDigest(domainSeparator(domain), struct);
}

/** Signs with the postage key; the row has the compact signature of EIP-2098. */
export function signVoucher(
  domain: PostageDomain,
  voucher: Voucher,
  postageKey: Uint8Array,
  sign: Sign = signDigest,
): Uint8Array {
  const signature = sign(voucherDigest(domain, voucher), postageKey);
  const vs = signature.slice(32, 64);
  vs[0]! |= signature[64]! << 7;
  return concatBytes(uintToBytes(voucher.fees, 8), uintToBytes(voucher.stamps, 8), signature.subarray(0, 32), vs);
}

/**
 * Reads a packed row and recovers the channel that signed it, whoever that is: the caller compares.
 * Throws ProtocolError `malformed_voucher` for another length and `bad_signature` when nobody can have signed it.
 */
export function readVoucher(domain: PostageDomain, row: Uint8Array, recover: Recover = recoverAddress): SignedVoucher {
  const { voucher, digest, signature } = unpackVoucher(domain, row);
  return signedVoucher(voucher, row, recover(digest, signature));
}

/** What a packed row claims, and what shows who signed it. Throws ProtocolError `malformed_voucher` for another length. */
export function unpackVoucher(domain: PostageDomain, row: Uint8Array) {
  if (row.length !== VOUCHER_ROW_LENGTH) {
    throw new ProtocolError("malformed_voucher", `a voucher has ${VOUCHER_ROW_LENGTH} bytes, this has ${row.length}`);
  }
  const voucher = voucherAmounts(row);
  const signature = new Uint8Array(65);
  signature.set(row.subarray(16, 80));
  signature[64] = signature[32]! >> 7;
  signature[32]! &= 0x7f;
  return { voucher, digest: voucherDigest(domain, voucher), signature };
}

/** A voucher with the channel that its signature recovered to. Throws ProtocolError `bad_signature` when to none. */
export function signedVoucher(voucher: Voucher, row: Uint8Array, channel: Address | undefined): SignedVoucher {
  if (!channel) throw new ProtocolError("bad_signature", "the voucher's signature is not one");
  return { ...voucher, channel, row: row.slice() };
}

/** The amounts of a packed row, without a look at its signature: for rows that were checked before. */
export function voucherAmounts(row: Uint8Array): Voucher {
  return { fees: bytesToUint(row.subarray(0, 8)), stamps: bytesToUint(row.subarray(8, 16)) };
}

export function voucherToHeader(row: Uint8Array): string {
  return toBase64Url(row);
}

/** Throws ProtocolError `malformed_voucher` unless the header is base64url, unpadded, of 80 bytes. */
export function voucherFromHeader(header: string): Uint8Array {
  const row = fromBase64Url(header);
  if (row?.length !== VOUCHER_ROW_LENGTH) {
    const problem = `header ${VOUCHER_HEADER} must be base64url without padding of ${VOUCHER_ROW_LENGTH} bytes`;
    throw new ProtocolError("malformed_voucher", problem);
  }
  return row;
}

/** The largest voucher seen per column. Both are the same one unless a payer signed its columns out of step. */
export interface LargestVouchers {
  fees: SignedVoucher;
  stamps: SignedVoucher;
}

/** A join: commutative, associative, idempotent, so that whoever hears the same vouchers ends with the same ones. */
export function mergeVouchers(a: LargestVouchers, b: LargestVouchers): LargestVouchers {
  return { fees: larger(a.fees, b.fees, "fees"), stamps: larger(a.stamps, b.stamps, "stamps") };
}

function larger(a: SignedVoucher, b: SignedVoucher, column: keyof Voucher): SignedVoucher {
  const other = column === "fees" ? "stamps" : "fees";
  if (a[column] !== b[column]) return a[column] > b[column] ? a : b;
  if (a[other] !== b[other]) return a[other] > b[other] ? a : b;
  return compareBytes(a.row, b.row) >= 0 ? a : b;
}
