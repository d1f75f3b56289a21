import { expect } from "chai";
import fc from "fast-check";

import { fastRecoverAddress, fastSignDigest, isNative } from "../../src/platform/fastEcdsa.ts";
import { concatBytes, uintToBytes } from "../../src/protocol/bytes.ts";
import { addressOf, recoverAddress, signDigest } from "../../src/protocol/ecdsa.ts";

const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const PRIME = 0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2fn;
const word = fc.uint8Array({ minLength: 32, maxLength: 32 });
const key = fc.bigInt(1n, ORDER - 1n).map((scalar) => uintToBytes(scalar, 32));

describe("platform/fastEcdsa", () => {
  it("uses compiled code where these tests run in CI", function () {
    if (process.platform !== "linux" || process.arch !== "x64") this.skip();
    expect(isNative).to.equal(true);
  });

  it("recovers who signed, in every spelling of v, with either s", () => {
    fc.assert(
      fc.property(word, key, (digest, secret) => {
        const signature = signDigest(digest, secret);
        const late = signature.slice();
        late[64]! += 27;
        const twin = signature.slice();
        const s = BigInt(`0x${Buffer.from(signature.subarray(32, 64)).toString("hex")}`);
        twin.set(uintToBytes(ORDER - s, 32), 32);
        twin[64]! ^= 1;
        for (const form of [signature, late, twin]) {
          expect(fastRecoverAddress(digest, form)).to.equal(addressOf(secret));
          expect(recoverAddress(digest, form)).to.equal(addressOf(secret));
        }
      }),
      { numRuns: 50 },
    );
  });

  it("signs to the byte as noble does, and with no key that is none", () => {
    const edges = [1n, 2n, ORDER - 1n, ORDER >> 1n].map((scalar) => uintToBytes(scalar, 32));
    fc.assert(
      fc.property(word, fc.oneof(fc.constantFrom(...edges), key), (digest, secret) => {
        expect(fastSignDigest(digest, secret)).to.deep.equal(signDigest(digest, secret));
      }),
      { numRuns: 200 },
    );
    for (const secret of [new Uint8Array(32), uintToBytes(ORDER, 32), new Uint8Array(31)]) {
      expect(() => fastSignDigest(new Uint8Array(32), secret)).to.throw();
      expect(() => signDigest(new Uint8Array(32), secret)).to.throw();
    }
    expect(() => fastSignDigest(new Uint8Array(31), uintToBytes(1n, 32))).to.throw();
  });

  it("answers what noble answers, for any bytes", () => {
    const edges = [0n, 1n, ORDER - 1n, ORDER, ORDER + 1n, ORDER >> 1n, PRIME - 1n, PRIME, 2n ** 256n - 1n];
    const number = fc.oneof(fc.constantFrom(...edges.map((edge) => uintToBytes(edge, 32))), word);
    const v = fc.constantFrom(0, 1, 2, 3, 26, 27, 28, 29, 255);
    fc.assert(
      fc.property(word, number, number, v, (digest, r, s, last) => {
        const signature = concatBytes(r, s, Uint8Array.of(last));
        expect(fastRecoverAddress(digest, signature)).to.equal(recoverAddress(digest, signature));
      }),
      { numRuns: 300 },
    );
    for (const length of [0, 64, 66])
      expect(fastRecoverAddress(new Uint8Array(32), new Uint8Array(length))).to.equal(undefined);
  });
});
