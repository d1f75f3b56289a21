import { expect } from "chai";
import fc from "fast-check";

import { concatBytes, fromHex, toAddress, toHex } from "../../src/protocol/bytes.ts";
import { addressOf } from "../../src/protocol/ecdsa.ts";
import type { PostageDomain } from "../../src/protocol/voucher.ts";
import { domainSeparator, readVoucher, signVoucher, voucherDigest } from "../../src/protocol/voucher.ts";
import type { World } from "./fixtures.ts";
import { USD, deployedWorld } from "./fixtures.ts";

const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const KEYS = [1, 2, 3, 4].map((n) => new Uint8Array(32).fill(n));

describe("TypeScript and Solidity agree", () => {
  let world: World;
  let domain: PostageDomain;
  before(async () => {
    world = await deployedWorld();
    domain = { chainId: world.chainId, postageChannels: toAddress(await world.postageChannels.getAddress()) };
  });
  after(() => world.net.close());

  it("on the domain and on the digest of random vouchers", async () => {
    const { postageChannels } = world;
    expect(toHex(domainSeparator(domain))).to.equal(await postageChannels.DOMAIN_SEPARATOR());
    await fc.assert(
      fc.asyncProperty(uint64, uint64, async (fees, stamps) => {
        const digest = await postageChannels.voucherDigest(fees, stamps);
        expect(toHex(voucherDigest(domain, { fees, stamps }))).to.equal(digest);
      }),
      { numRuns: 200 },
    );
  });

  it("on what random batches of rows do to the channels, good rows and broken ones", async () => {
    const { postageChannels, funder } = world;
    const deposited = new Map(KEYS.map((key, i) => [addressOf(key), BigInt(i) * 5n * USD])); // the first has no deposit
    for (const [channel, amount] of deposited) {
      if (amount > 0n) await postageChannels.connect(funder).deposit(channel, amount);
    }
    const model = new Map(KEYS.map((key) => [addressOf(key), { feesSpent: 0n, stampsSigned: 0n }]));
    const row = fc.record({
      key: fc.constantFrom(...KEYS),
      fees: fc.oneof(fc.bigInt(0n, 20n * USD), uint64),
      stamps: fc.oneof(fc.bigInt(0n, 20n * USD), uint64),
      flippedBit: fc.option(fc.nat(80 * 8 - 1), { freq: 4 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(row, { maxLength: 12 }), fc.uint8Array({ maxLength: 79 }), async (rows, tail) => {
        const bytes = rows.map(({ key, fees, stamps, flippedBit }) => {
          const signed = signVoucher(domain, { fees, stamps }, key);
          if (flippedBit !== null) signed[flippedBit >> 3]! ^= 1 << (flippedBit & 7);
          return signed;
        });
        for (const one of bytes) applyToModel(one);
        await postageChannels.settle(toHex(concatBytes(...bytes, tail)));
        const channels = [...model.keys()];
        const states = await postageChannels.getChannels(channels);
        for (const [i, channel] of channels.entries()) {
          const { feesSpent, stampsSigned } = states[i]!;
          expect({ feesSpent, stampsSigned }, channel).to.deep.equal(model.get(channel));
        }
      }),
      { numRuns: 60 },
    );

    /** `settle` as the protocol has it: each column the largest signed, fees at most what the deposit backs. */
    function applyToModel(signed: Uint8Array): void {
      const voucher = read(signed);
      const state = voucher && model.get(voucher.channel);
      const backing = (voucher && deposited.get(voucher.channel)) ?? 0n;
      if (!voucher || !state || backing === 0n) return;
      const fees = voucher.fees < backing ? voucher.fees : backing;
      if (fees > state.feesSpent) state.feesSpent = fees;
      if (voucher.stamps > state.stampsSigned) state.stampsSigned = voucher.stamps;
    }

    function read(signed: Uint8Array) {
      try {
        return readVoucher(domain, signed);
      } catch {
        return undefined;
      }
    }
  });

  it("on the packed row's layout: fees 8 | stamps 8 | r 32 | vs 32", () => {
    const signed = signVoucher(domain, { fees: 0x0102030405060708n, stamps: 9n }, KEYS[0]!);
    expect(toHex(signed.subarray(0, 16))).to.equal("0x01020304050607080000000000000009");
    expect(fromHex(toHex(signed))).to.have.length(80);
  });
});
