import { bls12_381 } from "@noble/curves/bls12-381.js";
import { expect } from "chai";
import { AbiCoder, TypedDataEncoder, Wallet, keccak256 } from "ethers";
import fc from "fast-check";

import type { Address } from "../../src/protocol/bytes.ts";
import { bytesToUint, fromHex, toHex, uintToBytes } from "../../src/protocol/bytes.ts";
import { recoverAddress } from "../../src/protocol/ecdsa.ts";
import {
  POSSESSION_DST,
  attestationKeyFrom,
  proveAttestationKey,
  proveSigningKey,
} from "../../src/protocol/possession.ts";
import { deployedWorld } from "../contracts/fixtures.ts";
import { packKey, unpackKey, unpackSignature } from "../support/bls.ts";

const { G1, G2, fields, pairing } = bls12_381;
const ORDER = fields.Fr.ORDER;
const KEY = new Uint8Array(32).fill(0x22);
const REGISTRY = "0x00000000000000000000000000000000000000aa" as Address;
const OWNER = "0x00000000000000000000000000000000000000bb" as Address;
const DOMAIN = { chainId: 31337n, nodeRegistry: REGISTRY };
const TYPES = { Possession: [{ name: "owner", type: "address" }] };

const ethersDomain = (chainId: bigint, nodeRegistry: string) => ({
  name: "Pennyblack Nodes",
  version: "1",
  chainId,
  verifyingContract: nodeRegistry,
});
const address = fc.uint8Array({ minLength: 20, maxLength: 20 }).map((bytes) => toHex(bytes));

/** Whether noble, given the message, finds the proof good: e(H(m), key) = e(proof, G2). */
function isProof(message: string, key: string, proof: string): boolean {
  const hashed = G1.hashToCurve(fromHex(message), { DST: POSSESSION_DST });
  const [left, right] = [pairing(hashed, unpackKey(key)), pairing(unpackSignature(proof), G2.Point.BASE)];
  return fields.Fp12.eql(left, right);
}

describe("protocol/possession", () => {
  describe("proveSigningKey", () => {
    it("signs like ethers' signTypedData on random domains and owners", async () => {
      const wallet = new Wallet(toHex(KEY));
      const property = fc.asyncProperty(fc.bigInt({ min: 0n, max: 2n ** 64n }), address, address, async (...values) => {
        const [chainId, nodeRegistry, owner] = values;
        const { publicKey, proof } = proveSigningKey({ chainId, nodeRegistry }, owner, KEY);
        const expected = await wallet.signTypedData(ethersDomain(chainId, nodeRegistry), TYPES, { owner });
        expect(toHex(proof)).to.equal(expected);
        expect(toHex(publicKey)).to.equal(wallet.signingKey.publicKey);
        const digest = fromHex(TypedDataEncoder.hash(ethersDomain(chainId, nodeRegistry), TYPES, { owner }));
        expect(recoverAddress(digest, proof)).to.equal(wallet.address.toLowerCase());
      });
      await fc.assert(property, { numRuns: 50 });
    });

    it("refuses what is no private key", () => {
      const order = fromHex("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141");
      for (const bad of [new Uint8Array(32), new Uint8Array(31).fill(1), new Uint8Array(33).fill(1), order]) {
        expect(() => proveSigningKey(DOMAIN, OWNER, bad)).to.throw();
      }
    });
  });

  describe("proveAttestationKey", () => {
    it("makes the key that noble makes and a proof that noble's pairing takes", function () {
      this.timeout(180_000);
      const scalar = fc.bigInt({ min: 1n, max: ORDER - 1n });
      const property = fc.property(
        scalar,
        fc.bigInt({ min: 0n, max: 2n ** 64n }),
        address,
        (secret, chainId, owner) => {
          const { publicKey, proof } = proveAttestationKey({ ...DOMAIN, chainId }, owner, uintToBytes(secret, 32));
          const key = toHex(publicKey);
          expect(key).to.equal(packKey(G2.Point.BASE.multiply(secret)));
          const types = ["uint256", "address", "address", "bytes32"];
          const words = [chainId, REGISTRY, owner, keccak256(key)];
          const message = keccak256(AbiCoder.defaultAbiCoder().encode(types, words));
          expect(isProof(message, key, toHex(proof))).to.equal(true);
          expect(isProof(keccak256(message), key, toHex(proof))).to.equal(false);
        },
      );
      fc.assert(property, { numRuns: 5 });
    });

    it("takes scalars from 1 to the order less 1, in 32 bytes", () => {
      for (const good of [1n, ORDER - 1n]) {
        const { publicKey, proof } = proveAttestationKey(DOMAIN, OWNER, uintToBytes(good, 32));
        expect([publicKey.length, proof.length]).to.deep.equal([192, 96]);
      }
      const bad = [0n, ORDER, ORDER + 1n, 2n ** 256n - 1n].map((scalar) => uintToBytes(scalar, 32));
      for (const scalar of [...bad, new Uint8Array(0), uintToBytes(1n, 31), uintToBytes(1n, 33)]) {
        expect(() => proveAttestationKey(DOMAIN, OWNER, scalar)).to.throw(RangeError, "group's order");
      }
    });
  });

  describe("attestationKeyFrom", () => {
    it("1,000 random keys are in range, and differ", () => {
      const seen = new Set<string>();
      const property = fc.property(fc.uint8Array({ minLength: 48, maxLength: 48 }), (random) => {
        const key = attestationKeyFrom(random);
        const scalar = bytesToUint(key);
        expect(key.length).to.equal(32);
        expect(scalar > 0n && scalar < ORDER).to.equal(true);
        expect(scalar).to.equal((bytesToUint(random) % (ORDER - 1n)) + 1n);
        seen.add(toHex(key));
      });
      fc.assert(property, { numRuns: 1_000 });
      expect(seen.size).to.be.greaterThan(900);
    });

    it("reaches both ends, and takes 48 bytes only", () => {
      expect(bytesToUint(attestationKeyFrom(new Uint8Array(48)))).to.equal(1n);
      expect(bytesToUint(attestationKeyFrom(uintToBytes(ORDER - 2n, 48)))).to.equal(ORDER - 1n);
      expect(bytesToUint(attestationKeyFrom(uintToBytes(ORDER - 1n, 48)))).to.equal(1n);
      expect(attestationKeyFrom(new Uint8Array(48).fill(0xff)).length).to.equal(32);
      for (const length of [0, 32, 47, 49]) {
        expect(() => attestationKeyFrom(new Uint8Array(length))).to.throw(RangeError, "48 random bytes");
      }
    });
  });

  it("agrees with the contracts' digests and verifier", async () => {
    const { nodeRegistry, blsVerifier, chainId, ethers } = await deployedWorld();
    const registry = (await nodeRegistry.getAddress()).toLowerCase() as Address;
    const owners = (await ethers.getSigners()).slice(0, 4).map((signer) => signer.address);
    for (const [i, owner] of owners.entries()) {
      const lower = owner.toLowerCase() as Address;
      const digest = TypedDataEncoder.hash(ethersDomain(chainId, registry), TYPES, { owner });
      expect(await nodeRegistry.possessionDigest(owner)).to.equal(digest);
      const signing = proveSigningKey({ chainId, nodeRegistry: registry }, lower, KEY);
      expect(recoverAddress(fromHex(digest), signing.proof)).to.equal(new Wallet(toHex(KEY)).address.toLowerCase());
      const secret = attestationKeyFrom(new Uint8Array(48).fill(i + 1));
      const { publicKey, proof } = proveAttestationKey({ chainId, nodeRegistry: registry }, lower, secret);
      expect(await blsVerifier.verifyPossession(registry, owner, publicKey, proof)).to.equal(true);
      expect(await blsVerifier.verifyPossession(registry, owners[(i + 1) % 4]!, publicKey, proof)).to.equal(false);
    }
  });
});
