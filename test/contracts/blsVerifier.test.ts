import { bls12_381 } from "@noble/curves/bls12-381.js";
import { expect } from "chai";
import type { Contract } from "ethers";
import { AbiCoder, ContractFactory, getAddress, keccak256, toUtf8Bytes } from "ethers";
import { network } from "hardhat";

import { readArtifact } from "../../src/deployment/readArtifact.ts";
import { concatBytes, fromHex, toHex, uintToBytes } from "../../src/protocol/bytes.ts";
import { outsideG1, outsideG2, packKey, packSignature, sumOfKeys } from "../support/bls.ts";
import type { Network } from "./fixtures.ts";

const { G1, G2, fields } = bls12_381;
const ORDER = fields.Fr.ORDER;
const P = fields.Fp.ORDER;
const REPORT_DOMAIN = "PENNYBLACK-REPORT-V1_BLS12381G1_XMD:SHA-256_SSWU_RO_";
const POSSESSION_DOMAIN = "PENNYBLACK-POP-V1_BLS12381G1_XMD:SHA-256_SSWU_RO_";
const REGISTRY = "0x00000000000000000000000000000000000000a1";
const OWNER = "0x00000000000000000000000000000000000000b2";
const [ADD_G2, PAIRING, MAP] = [13, 15, 16].map((n) => getAddress(`0x${n.toString(16).padStart(40, "0")}`));

const secret = (n: number) => (BigInt(keccak256(uintToBytes(BigInt(n), 8))) % (ORDER - 1n)) + 1n;
const keyOf = (n: number) => G2.Point.BASE.multiply(secret(n));

const hashed = (digest: string, DST: string) => G1.hashToCurve(fromHex(digest), { DST });
const sign = (digest: string, n: number, domain = REPORT_DOMAIN) => hashed(digest, domain).multiply(secret(n));

describe("BlsVerifier", () => {
  let net: Network;
  let bls: Contract;
  const digest = keccak256(toUtf8Bytes("report"));
  before(async () => {
    net = await network.create({ network: "local", chainType: "l1" });
    const [signer] = await net.ethers.getSigners();
    const { abi, bytecode } = readArtifact("contracts/BlsVerifier.sol");
    bls = (await new ContractFactory(abi, bytecode, signer).deploy()) as Contract;
  });
  after(() => net.close());

  const verifyReport = async (signature: string, key: string, of = digest) =>
    (await bls.getFunction("verifyReport")(of, signature, key)) as boolean;
  const addKeys = async (from: string, keys: string) => (await bls.getFunction("addKeys")(from, keys)) as string;
  const expectPrecompile = (call: Promise<unknown>, precompile: string) =>
    expect(call).to.be.revertedWithCustomError(bls, "Bls12381PrecompileFailed").withArgs(precompile);

  async function possessionDigest(registry: string, owner: string, key: string): Promise<string> {
    const { chainId } = await net.ethers.provider.getNetwork();
    const types = ["uint256", "address", "address", "bytes32"];
    return keccak256(AbiCoder.defaultAbiCoder().encode(types, [chainId, registry, owner, keccak256(key)]));
  }

  describe("verifyReport", () => {
    it("agrees with noble on random digests and keys, alone and aggregated", async function () {
      this.timeout(180_000);
      for (let n = 0; n < 24; n++) {
        const of = keccak256(uintToBytes(BigInt(n), 8));
        const signers = Array.from({ length: 1 + (n % 5) }, (_, i) => n * 10 + i);
        const key = sumOfKeys(signers.map(keyOf));
        const signature = signers.map((i) => sign(of, i)).reduce((a, b) => a.add(b));
        expect(await verifyReport(packSignature(signature), packKey(key), of)).to.equal(true);
        expect(await verifyReport(packSignature(signature), packKey(key.add(keyOf(999))), of)).to.equal(false);
        expect(await verifyReport(packSignature(signature), packKey(key), digest)).to.equal(false);
      }
    });

    it("is false for infinity as key or signature", async () => {
      const [key, signature] = [packKey(keyOf(1)), packSignature(sign(digest, 1))];
      expect(await verifyReport(signature, `0x${"00".repeat(192)}`)).to.equal(false);
      expect(await verifyReport(`0x${"00".repeat(96)}`, key)).to.equal(false);
      expect(await verifyReport(`0x${"00".repeat(96)}`, `0x${"00".repeat(192)}`)).to.equal(false);
    });

    it("is false under the domain of possession", async () => {
      const signature = packSignature(sign(digest, 1, POSSESSION_DOMAIN));
      expect(await verifyReport(signature, packKey(keyOf(1)))).to.equal(false);
    });

    it("refuses points off the curve, outside the subgroup, and coordinates that are not reduced", async () => {
      const [key, signature] = [packKey(keyOf(1)), packSignature(sign(digest, 1))];
      const bent = (hex: string) => `${hex.slice(0, -1)}${hex.endsWith("0") ? "1" : "0"}`;
      await expectPrecompile(verifyReport(signature, bent(key)), PAIRING!);
      await expectPrecompile(verifyReport(bent(signature), key), PAIRING!);
      await expectPrecompile(verifyReport(packSignature(outsideG1()), key), PAIRING!);
      await expectPrecompile(verifyReport(signature, packKey(outsideG2())), PAIRING!);
      const { x, y } = sign(digest, 1).toAffine();
      const notReduced = toHex(concatBytes(uintToBytes(x + P, 48), uintToBytes(y, 48)));
      await expectPrecompile(verifyReport(notReduced, key), PAIRING!);
    });

    it("refuses other lengths", async () => {
      const [key, signature] = [packKey(keyOf(1)), packSignature(sign(digest, 1))];
      for (const length of [0, 191, 193, 256]) {
        await expect(verifyReport(signature, `0x${"00".repeat(length)}`))
          .to.be.revertedWithCustomError(bls, "Bls12381KeyLength")
          .withArgs(length);
      }
      for (const length of [0, 95, 97, 128]) {
        await expect(verifyReport(`0x${"00".repeat(length)}`, key))
          .to.be.revertedWithCustomError(bls, "Bls12381SignatureLength")
          .withArgs(length);
      }
    });

    it("reverts on a chain without the precompiles", async () => {
      const old = await network.create({ network: "local", chainType: "l1", override: { hardfork: "cancun" } });
      try {
        const [signer] = await old.ethers.getSigners();
        const { abi, bytecode } = readArtifact("contracts/BlsVerifier.sol");
        const there = (await new ContractFactory(abi, bytecode, signer).deploy()) as Contract;
        const call = there.getFunction("verifyReport")(digest, packSignature(sign(digest, 1)), packKey(keyOf(1)));
        await expectPrecompile(call as Promise<unknown>, MAP!);
        await expectPrecompile(there.getFunction("addKeys")("0x", packKey(keyOf(1))) as Promise<unknown>, ADD_G2!);
      } finally {
        await old.close();
      }
    });
  });

  describe("verifyPossession", () => {
    const key = packKey(keyOf(7));
    const verify = async (registry: string, owner: string, of: string, proof: string) =>
      (await bls.getFunction("verifyPossession")(registry, owner, of, proof)) as boolean;

    it("binds chain, contract, owner and key", async () => {
      const message = await possessionDigest(REGISTRY, OWNER, key);
      expect(await bls.getFunction("possessionDigest")(REGISTRY, OWNER, key)).to.equal(message);
      const proof = packSignature(sign(message, 7, POSSESSION_DOMAIN));
      expect(await verify(REGISTRY, OWNER, key, proof)).to.equal(true);
      expect(await verify(OWNER, OWNER, key, proof)).to.equal(false);
      expect(await verify(REGISTRY, REGISTRY, key, proof)).to.equal(false);
      expect(await verify(REGISTRY, OWNER, packKey(keyOf(8)), proof)).to.equal(false);
      const elsewhere = AbiCoder.defaultAbiCoder().encode(
        ["uint256", "address", "address", "bytes32"],
        [1n, REGISTRY, OWNER, keccak256(key)],
      );
      const other = packSignature(sign(keccak256(elsewhere), 7, POSSESSION_DOMAIN));
      expect(await verify(REGISTRY, OWNER, key, other)).to.equal(false);
      expect(await verify(REGISTRY, OWNER, key, packSignature(sign(message, 7)))).to.equal(false);
    });

    it("refuses a rogue key: a key less its victims' is not possessed", async () => {
      const rogue = keyOf(9).add(keyOf(7).negate());
      const message = await possessionDigest(REGISTRY, OWNER, packKey(rogue));
      const proof = packSignature(sign(message, 9, POSSESSION_DOMAIN));
      expect(await verify(REGISTRY, OWNER, packKey(rogue), proof)).to.equal(false);
    });
  });

  describe("addKeys, subtractKeys", () => {
    const packed = (...numbers: number[]) => `0x${numbers.map((n) => packKey(keyOf(n)).slice(2)).join("")}`;

    it("agree with noble on sums of 0 to 12 keys, and undo each other", async () => {
      for (const count of [0, 1, 2, 5, 12]) {
        const numbers = Array.from({ length: count }, (_, i) => 100 + i);
        const total = count === 0 ? `0x${"00".repeat(192)}` : packKey(sumOfKeys(numbers.map(keyOf)));
        expect(await addKeys("0x", packed(...numbers))).to.equal(total);
        const more = await addKeys(total, packed(50, 51));
        expect(await bls.getFunction("subtractKeys")(more, packed(50, 51))).to.equal(total);
      }
    });

    it("count a key twice when it is there twice, and end at infinity when a key is taken from itself", async () => {
      expect(await addKeys(packed(1), packed(1))).to.equal(packKey(keyOf(1).double()));
      expect(await bls.getFunction("subtractKeys")(packed(1), packed(1))).to.equal(`0x${"00".repeat(192)}`);
      expect(await addKeys(`0x${"00".repeat(192)}`, packed(1))).to.equal(packed(1));
    });

    it("refuse other lengths and points off the curve", async () => {
      for (const [from, keys] of [
        [`0x${"00".repeat(191)}`, packed(1)],
        ["0x", `${packed(1)}00`],
      ]) {
        await expect(addKeys(from!, keys!)).to.be.revertedWithCustomError(bls, "Bls12381KeyLength");
      }
      await expectPrecompile(addKeys("0x", `0x${"00".repeat(191)}01`), ADD_G2!);
    });
  });

  it("costs", async () => {
    const key = packKey(keyOf(1));
    const keys = `0x${Array.from({ length: 90 }, () => key.slice(2)).join("")}`;
    const gasOf = async (name: string, ...args: unknown[]) => Number(await bls.getFunction(name).estimateGas(...args));
    const gas = {
      verifyReport: await gasOf("verifyReport", digest, packSignature(sign(digest, 1)), key),
      "addKeys, 90": await gasOf("addKeys", "0x", keys),
      "subtractKeys, 10": await gasOf("subtractKeys", key, keys.slice(0, 2 + 10 * 384)),
    };
    for (const [name, used] of Object.entries(gas)) console.log(`      ${name}: ${used} gas as a transaction`);
    expect(gas.verifyReport).to.be.lessThan(200_000);
  });
});
