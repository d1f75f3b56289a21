/** Vouchers: what a payer signs, and what everybody else makes of it. */
import assert from "node:assert/strict";

import {
  VOUCHER_HEADER,
  VOUCHER_ROW_LENGTH,
  addressOf,
  domainSeparator,
  mergeVouchers,
  readVoucher,
  recoverAddress,
  signVoucher,
  signedVoucher,
  toAddress,
  unpackVoucher,
  voucherAmounts,
  voucherDigest,
  voucherFromHeader,
  voucherToHeader,
} from "pennyblack/protocol";

// Where a voucher holds: one contract on one chain. It means nothing anywhere else.
const domain = { chainId: 84532n, postageChannels: toAddress("0x00000000000000000000000000000000000000aa") };
const postageKey = new Uint8Array(32).fill(7);
const channel = addressOf(postageKey);

// All that this payer owes for fees since the channel began is at most 1.50 USD; for stamps nothing.
const row = signVoucher(domain, { fees: 1_500_000n, stamps: 0n }, postageKey);
assert.equal(row.length, VOUCHER_ROW_LENGTH);

// It travels beside a publish as a header.
const headers = { [VOUCHER_HEADER]: voucherToHeader(row) };
const received = voucherFromHeader(headers[VOUCHER_HEADER]);
const voucher = readVoucher(domain, received);
assert.deepEqual([voucher.channel, voucher.fees], [channel, 1_500_000n]);

// The same in steps, for who checks signatures elsewhere, in a thread or a wallet.
const { voucher: claimed, digest, signature } = unpackVoucher(domain, received);
assert.deepEqual(digest, voucherDigest(domain, claimed));
assert.deepEqual(signedVoucher(claimed, received, recoverAddress(digest, signature)), voucher);
assert.equal(domainSeparator(domain).length, 32);

// A later one replaces it, whichever arrives first: the largest of each column counts.
const later = readVoucher(domain, signVoucher(domain, { fees: 2_000_000n, stamps: 50_000n }, postageKey));
const merged = mergeVouchers({ fees: voucher, stamps: voucher }, { fees: later, stamps: later });
assert.equal(merged.fees.fees, 2_000_000n);
assert.deepEqual(voucherAmounts(merged.stamps.row), { fees: 2_000_000n, stamps: 50_000n });
