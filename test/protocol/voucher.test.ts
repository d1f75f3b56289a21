import { expect } from "chai";
import { Signature, TypedDataEncoder, Wallet } from "ethers";
import fc from "fast-check";

import { addressOf } from "../../src/protocol/ecdsa.ts";
import { concatBytes, toHex } from "../../src/protocol/bytes.ts";
import type { Address } from "../../src/protocol/bytes.ts";
import type { LargestVouchers, SignedVoucher } from "../../src/protocol/voucher.ts";
import {
  mergeVouchers,
  readVoucher,
  signVoucher,
  voucherDigest,
  voucherFromHeader,
  voucherToHeader,
} from "../../src/protocol/voucher.ts";

const KEY = new Uint8Array(32).fill(0x11);
const DOMAIN = { chainId: 31337n, postageChannels: "0x00000000000000000000000000000000000000aa" as Address };
const TYPES = {
  Voucher: [
    { name: "fees", type: "uint64" },
    { name: "stamps", type: "uint64" },
  ],
};
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const ethersDomain = (chainId: bigint, postageChannels: string) => ({
  name: "Pennyblack Postage",
  version: "1",
  chainId,
  verifyingContract: postageChannels,
});

describe("protocol/voucher", () => {
  it("hashes like ethers on random vouchers and domains", () => {
    fc.assert(
      fc.property(
        uint64,
        uint64,
        uint64,
        fc.uint8Array({ minLength: 20, maxLength: 20 }),
        (fees, stamps, chainId, bytes) => {
          const domain = { chainId, postageChannels: toHex(bytes) };
          const expected = TypedDataEncoder.hash(ethersDomain(chainId, domain.postageChannels), TYPES, {
            fees,
            stamps,
          });
          expect(toHex(voucherDigest(domain, { fees, stamps }))).to.equal(expected);
        },
      ),
    );
  });

  it("signs the row that a wallet signs, in compact form", async () => {
    const voucher = { fees: 1_000_000n, stamps: 20_000n };
    const wallet = new Wallet(toHex(KEY));
    const domain = ethersDomain(DOMAIN.chainId, DOMAIN.postageChannels);
    const signature = Signature.from(await wallet.signTypedData(domain, TYPES, voucher));
    const row = signVoucher(DOMAIN, voucher, KEY);
    expect(toHex(row.subarray(16))).to.equal(signature.compactSerialized);
    expect(readVoucher(DOMAIN, row)).to.deep.include({ ...voucher, channel: addressOf(KEY) });
    expect(voucherFromHeader(voucherToHeader(row))).to.deep.equal(row);
  });

  it("recovers somebody else for another chain, contract or amount (2)", () => {
    const row = signVoucher(DOMAIN, { fees: 5n, stamps: 0n }, KEY);
    const altered = row.slice();
    altered[7] = 6;
    const readings = [
      readVoucher({ ...DOMAIN, chainId: 1n }, row),
      readVoucher({ ...DOMAIN, postageChannels: "0x00000000000000000000000000000000000000ab" }, row),
      readVoucher(DOMAIN, altered),
    ];
    for (const { channel } of readings) expect(channel).not.to.equal(addressOf(KEY));
  });

  it("refuses what is no voucher", () => {
    const row = signVoucher(DOMAIN, { fees: 5n, stamps: 0n }, KEY);
    expect(() => readVoucher(DOMAIN, row.subarray(1))).to.throw("a voucher has 80 bytes, this has 79");
    const zeroR = row.slice().fill(0, 16, 48);
    expect(() => readVoucher(DOMAIN, zeroR)).to.throw("signature is not one");
    for (const header of ["", "=", "!!!!", voucherToHeader(row) + "A", voucherToHeader(concatBytes(row, row))]) {
      expect(() => voucherFromHeader(header)).to.throw("must be base64url");
    }
    expect(() => signVoucher(DOMAIN, { fees: 2n ** 64n, stamps: 0n }, KEY)).to.throw(RangeError);
  });

  it("merges to the same largest vouchers in any order, however often (3)", () => {
    const voucher = fc
      .record({ fees: fc.bigInt({ min: 0n, max: 4n }), stamps: fc.bigInt({ min: 0n, max: 4n }), noise: fc.nat(3) })
      .map(({ fees, stamps, noise }): SignedVoucher => {
        return { fees, stamps, channel: "0x00", row: Uint8Array.of(Number(fees), Number(stamps), noise) };
      });
    const both = (one: SignedVoucher): LargestVouchers => ({ fees: one, stamps: one });
    fc.assert(
      fc.property(fc.array(voucher, { minLength: 1, maxLength: 6 }), fc.nat(), (vouchers, seed) => {
        const shuffled = [...vouchers, ...vouchers].sort(
          (a, b) => ((a.row[2]! * 7 + seed) % 5) - ((b.row[2]! * 3 + seed) % 5),
        );
        const inOrder = vouchers.map(both).reduce(mergeVouchers);
        expect(shuffled.map(both).reduce(mergeVouchers)).to.deep.equal(inOrder);
        const most = (column: "fees" | "stamps") => vouchers.reduce((m, v) => (v[column] > m ? v[column] : m), 0n);
        expect([inOrder.fees.fees, inOrder.stamps.stamps]).to.deep.equal([most("fees"), most("stamps")]);
      }),
    );
  });
});
