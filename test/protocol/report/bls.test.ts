import { bls12_381 } from "@noble/curves/bls12-381.js";
import { expect } from "chai";
import fc from "fast-check";

import { fromHex, toHex, uintToBytes } from "../../../src/protocol/bytes.ts";
import { POSSESSION_DST } from "../../../src/protocol/possession.ts";
import {
  REPORT_DST,
  aggregateAttestations,
  aggregatePublicKeys,
  attest,
  attestationPublicKey,
  isAttestation,
} from "../../../src/protocol/report/bls.ts";
import { outsideG1, outsideG2, packKey, packSignature } from "../../support/bls.ts";

const { G1, G2, fields, shortSignatures } = bls12_381;
const ORDER = fields.Fr.ORDER;
const scalars = fc.bigInt({ min: 1n, max: ORDER - 1n });
const digests = fc.uint8Array({ minLength: 32, maxLength: 32 });
const secret = (n: number) => uintToBytes(BigInt(n), 32);
const DIGEST = new Uint8Array(32).fill(7);

describe("protocol/report/bls", function () {
  this.timeout(180_000);

  it("attests as noble's short signatures do, on random keys and digests", () => {
    const property = fc.property(scalars, digests, (scalar, digest) => {
      const key = uintToBytes(scalar, 32);
      const hashed = shortSignatures.hash(digest, REPORT_DST);
      expect(toHex(attest(digest, key))).to.equal(packSignature(shortSignatures.sign(hashed, key)));
      expect(toHex(attestationPublicKey(key))).to.equal(packKey(shortSignatures.getPublicKey(key)));
      expect(isAttestation(digest, attestationPublicKey(key), attest(digest, key))).to.equal(true);
    });
    fc.assert(property, { numRuns: 5 });
  });

  it("a sum of attestations is one of the sum of keys: of all of them and of no others", () => {
    const property = fc.property(
      fc.uniqueArray(scalars, { minLength: 2, maxLength: 6 }),
      digests,
      (secrets, digest) => {
        const keys = secrets.map((scalar) => uintToBytes(scalar, 32));
        const all = aggregateAttestations(keys.map((key) => attest(digest, key)));
        const publicKeys = keys.map(attestationPublicKey);
        expect(isAttestation(digest, aggregatePublicKeys(publicKeys), all)).to.equal(true);
        expect(isAttestation(digest, aggregatePublicKeys(publicKeys.slice(1)), all)).to.equal(false);
        expect(
          isAttestation(
            digest.map((byte) => byte ^ 1),
            aggregatePublicKeys(publicKeys),
            all,
          ),
        ).to.equal(false);
      },
    );
    fc.assert(property, { numRuns: 4 });
  });

  it("no proof of possession is an attestation", () => {
    const proof = G1.hashToCurve(DIGEST, { DST: POSSESSION_DST }).multiply(5n);
    expect(isAttestation(DIGEST, attestationPublicKey(secret(5)), fromHex(packSignature(proof)))).to.equal(false);
  });

  it("infinity, other lengths, and points off the curve or outside the subgroup are false, and no part of a sum", () => {
    const [key, signature] = [attestationPublicKey(secret(5)), attest(DIGEST, secret(5))];
    const bent = (bytes: Uint8Array) => Uint8Array.from(bytes, (byte, i) => (i === bytes.length - 1 ? byte ^ 1 : byte));
    const badSignatures = [new Uint8Array(96), new Uint8Array(0), signature.slice(1), bent(signature)];
    for (const bad of [...badSignatures, fromHex(packSignature(outsideG1()))]) {
      expect(isAttestation(DIGEST, key, bad)).to.equal(false);
      expect(() => aggregateAttestations([signature, bad])).to.throw();
    }
    const badKeys = [new Uint8Array(192), new Uint8Array(0), key.slice(1), bent(key), fromHex(packKey(outsideG2()))];
    for (const bad of badKeys) {
      expect(isAttestation(DIGEST, bad, signature)).to.equal(false);
      expect(() => aggregatePublicKeys([key, bad])).to.throw();
    }
    expect(isAttestation(DIGEST.slice(1), key, signature)).to.equal(false);
  });

  it("an outsider's shift of a signature inside its coset is noticed", () => {
    const shifted = G1.hashToCurve(DIGEST, { DST: REPORT_DST }).multiply(5n).add(outsideG1());
    expect(isAttestation(DIGEST, attestationPublicKey(secret(5)), fromHex(packSignature(shifted)))).to.equal(false);
  });

  it("keys that cancel out are no aggregate", () => {
    const opposite = uintToBytes(ORDER - 5n, 32);
    const keys = [secret(5), opposite].map(attestationPublicKey);
    expect(() => aggregatePublicKeys(keys)).to.throw(RangeError, "infinity");
    expect(() => aggregateAttestations([secret(5), opposite].map((key) => attest(DIGEST, key)))).to.throw("infinity");
    expect(() => aggregateAttestations([])).to.throw(RangeError);
    expect(() => aggregatePublicKeys([])).to.throw(RangeError);
    expect(
      G2.Point.BASE.multiply(5n)
        .add(G2.Point.BASE.multiply(ORDER - 5n))
        .is0(),
    ).to.equal(true);
  });
});
