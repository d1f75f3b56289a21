import { expect } from "chai";

import { bytesField, field, varint } from "../../scripts/campaigns/envelopes/generate.ts";
import { concatBytes } from "../../src/protocol/bytes.ts";
import { readSignedAsGo } from "../../src/protocol/goEnvelope.ts";

const bytes = (...values: number[]) => Uint8Array.from(values);
const signature = (...values: number[]) => bytesField(2, bytesField(1, bytes(...values)));
const proof = bytesField(3, bytesField(1, bytes(9)));

describe("a signed envelope as Go reads it", () => {
  const read = (...parts: Uint8Array[]) => readSignedAsGo(concatBytes(...parts));

  it("takes the last of what is there twice, and passes over what it does not know", () => {
    const expected = { unsigned: bytes(2), signature: bytes(4) };
    const odd = [bytesField(1, bytes(1)), signature(3), field(9, 0, varint(7n)), field(1, 0, varint(7n))];
    expect(read(...odd, signature(4), bytesField(1, bytes(2)))).to.deep.equal(expected);
  });

  it("knows one proof: the last, and the same one twice is merged", () => {
    expect(read(signature(3), proof)).to.equal(undefined);
    expect(read(proof, signature(3))).to.deep.equal({ unsigned: bytes(), signature: bytes(3) });
    expect(read(signature(3), bytesField(2, bytes()))).to.deep.equal({ unsigned: bytes(), signature: bytes(3) });
    expect(read(signature(3), proof, bytesField(2, bytes()))).to.deep.equal({ unsigned: bytes(), signature: bytes() });
  });

  it("refuses what is cut short, inside too, and what carries no signature", () => {
    expect(read(bytesField(1, bytes(1)))).to.equal(undefined);
    expect(read(signature(3), bytes(10, 5, 1))).to.equal(undefined);
    expect(read(bytesField(2, bytes(10, 5, 1)))).to.equal(undefined);
    expect(read(signature(3), bytesField(3, bytes(10, 5, 1)))).to.equal(undefined);
  });
});
