import { keccak_256 } from "@noble/hashes/sha3.js";
import { expect } from "chai";
import fc from "fast-check";

import { concatBytes, toHex } from "../../src/protocol/bytes.ts";
import { interpretedKeccak256, keccak256 } from "../../src/protocol/keccak.ts";

describe("keccak256", () => {
  it("is noble's of all parts one after another, compiled and not, also above the size of its buffer", () => {
    const parts = fc.array(fc.uint8Array({ maxLength: 40_000 }), { maxLength: 4 });
    fc.assert(
      fc.property(parts, (some) => {
        const expected = toHex(keccak_256(concatBytes(...some)));
        expect(toHex(keccak256(...some))).to.equal(expected);
        expect(toHex(interpretedKeccak256(...some))).to.equal(expected);
      }),
    );
  });

  it("reads a view of a larger buffer, and hands out bytes of their own each time", () => {
    const buffer = new Uint8Array(200).map((_, i) => i);
    const first = keccak256(buffer.subarray(50, 90));
    const kept = toHex(first);
    expect(kept).to.equal(toHex(keccak_256(buffer.slice(50, 90))));
    keccak256(buffer);
    expect(toHex(first)).to.equal(kept);
  });
});
