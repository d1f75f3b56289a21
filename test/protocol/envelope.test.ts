import { expect } from "chai";
import fc from "fast-check";

import {
  canonicalPayerEnvelopeSize,
  destinationOf,
  encodePayerEnvelope,
  isCanonicalPayerEnvelope,
  originatorDigest,
  payerDigest,
  payerEnvelopeHash,
  readOriginatorEnvelope,
  readPayerEnvelope,
  recoverOriginator,
  signOriginatorEnvelope,
  signPayerEnvelope,
} from "../../src/protocol/envelope.ts";
import { addressOf, publicKeyOf } from "../../src/protocol/ecdsa.ts";
import { bytesToUint, concatBytes, fromHex, toHex, uintToBytes } from "../../src/protocol/bytes.ts";
import { ProtocolError } from "../../src/protocol/errors.ts";
import { readVectors } from "../support/vectors.ts";

type Vector = Record<
  | "payerAddress"
  | "nodeAddress"
  | "nodePublicKey"
  | "clientEnvelope"
  | "payerDigest"
  | "payerEnvelope"
  | "payerEnvelopeHash"
  | "unsignedOriginatorEnvelope"
  | "originatorDigest"
  | "originatorSignature"
  | "originatorEnvelope",
  string
> & { sameSequenceOtherExpiry: Record<"unsignedOriginatorEnvelope" | "originatorSignature", string> };

const vector = readVectors<Vector>("envelope");
const PAYER_KEY = new Uint8Array(32).fill(0x11);
const NODE_KEY = new Uint8Array(32).fill(0x22);
const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof ProtocolError) return error.code;
    throw error;
  }
  return "no error";
}

describe("protocol/envelope", () => {
  const client = fromHex(vector.clientEnvelope);

  it("derives the vector's accounts from its keys", () => {
    expect(addressOf(PAYER_KEY)).to.equal(vector.payerAddress.toLowerCase());
    expect(addressOf(NODE_KEY)).to.equal(vector.nodeAddress.toLowerCase());
    expect(toHex(publicKeyOf(NODE_KEY))).to.equal(vector.nodePublicKey);
  });

  it("signs the vector's payer envelope byte for byte", () => {
    expect(toHex(payerDigest(100, client))).to.equal(vector.payerDigest);
    const fields = { unsignedClientEnvelope: client, targetOriginator: 100, retentionDays: 60 };
    expect(toHex(signPayerEnvelope(fields, PAYER_KEY))).to.equal(vector.payerEnvelope);
    expect(toHex(payerEnvelopeHash(fromHex(vector.payerEnvelope)))).to.equal(vector.payerEnvelopeHash);
  });

  it("reads the vector's payer envelope and recovers its payer", () => {
    const read = readPayerEnvelope(fromHex(vector.payerEnvelope));
    expect(read.payer).to.equal(vector.payerAddress.toLowerCase());
    expect(isCanonicalPayerEnvelope(read)).to.equal(true);
    expect(read.canonicalSize).to.equal(fromHex(vector.payerEnvelope).length);
    expect(read.client.topic.kind).to.equal(0);
    expect(destinationOf(read.client)).to.equal("node");
  });

  it("signs and reads the vector's originator envelope byte for byte", () => {
    expect(toHex(originatorDigest(fromHex(vector.unsignedOriginatorEnvelope)))).to.equal(vector.originatorDigest);
    const read = readOriginatorEnvelope(fromHex(vector.originatorEnvelope));
    expect(recoverOriginator(read)).to.equal(vector.nodeAddress.toLowerCase());
    expect(read).to.include({ originatorId: 100, sequenceId: 12345n, baseFeePico: 2_244_100n });
    expect(toHex(signOriginatorEnvelope(read, NODE_KEY))).to.equal(vector.originatorEnvelope);
  });

  it("reads the honest pair that differs in expiry only", () => {
    const other = vector.sameSequenceOtherExpiry;
    expect(toHex(originatorDigest(fromHex(other.unsignedOriginatorEnvelope)))).not.to.equal(vector.originatorDigest);
  });

  it("tells envelopes that are not canonical from those that are, and keeps payer, digest and size (59)", () => {
    const original = readPayerEnvelope(fromHex(vector.payerEnvelope));
    const flipped = original.payerSignature.slice();
    flipped.set(uintToBytes(ORDER - bytesToUint(flipped.subarray(32, 64)), 32), 32);
    flipped[64]! ^= 1;
    const legacyV = original.payerSignature.slice();
    legacyV[64]! += 27;
    const forms = [
      encodePayerEnvelope({ ...original, payerSignature: flipped }),
      encodePayerEnvelope({ ...original, payerSignature: legacyV }),
      concatBytes(original.bytes, fromHex("7a0161")), // an unknown field
      concatBytes(original.bytes, fromHex("203c")), // the retention once more
    ];
    for (const form of forms) {
      const read = readPayerEnvelope(form);
      expect(isCanonicalPayerEnvelope(read)).to.equal(false);
      expect(read.payer).to.equal(original.payer);
      expect(toHex(read.digest)).to.equal(toHex(original.digest));
      expect(read.canonicalSize).to.equal(original.canonicalSize);
    }
  });

  it("computes the canonical size without encoding", () => {
    fc.assert(
      fc.property(fc.nat(70_000), fc.nat(2 ** 31), fc.nat(2 ** 32 - 1), (length, targetOriginator, retentionDays) => {
        const fields = { unsignedClientEnvelope: new Uint8Array(length), targetOriginator, retentionDays };
        const encoded = encodePayerEnvelope({ ...fields, payerSignature: new Uint8Array(65) });
        expect(canonicalPayerEnvelopeSize(fields)).to.equal(encoded.length);
      }),
    );
  });

  it("answers every malformed payload with a ProtocolError and nothing else", () => {
    const valid = fromHex(vector.payerEnvelope);
    fc.assert(
      fc.property(fc.nat(valid.length), fc.uint8Array({ maxLength: 40 }), (at, noise) => {
        for (const bytes of [valid.subarray(0, at), concatBytes(valid.subarray(0, at), noise), noise]) {
          try {
            readPayerEnvelope(bytes);
          } catch (error) {
            expect(error).to.be.instanceOf(ProtocolError);
          }
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it("refuses a topic that does not fit payload or group", () => {
    const at = client.indexOf(0xab);
    const otherGroup = client.slice();
    otherGroup[at] = 0xaa;
    const welcome = client.slice();
    welcome[at - 1] = 1;
    const sign = (unsignedClientEnvelope: Uint8Array) =>
      signPayerEnvelope({ unsignedClientEnvelope, targetOriginator: 100, retentionDays: 60 }, PAYER_KEY);
    expect(codeOf(() => readPayerEnvelope(sign(otherGroup)))).to.equal("wrong_topic");
    expect(codeOf(() => readPayerEnvelope(sign(welcome)))).to.equal("wrong_topic");
    expect(codeOf(() => readPayerEnvelope(sign(new Uint8Array(77))))).to.equal("wrong_size");
    expect(codeOf(() => readPayerEnvelope(sign(new Uint8Array(262_145))))).to.equal("wrong_size");
  });
});
