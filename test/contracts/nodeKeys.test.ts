import { bls12_381 } from "@noble/curves/bls12-381.js";
import { secp256k1 } from "@noble/curves/secp256k1.js";
import type { HardhatEthersSigner } from "@nomicfoundation/hardhat-ethers/types";
import { expect } from "chai";
import { Signature, computeAddress, concat, dataSlice, getAddress, keccak256, toBeHex } from "ethers";

import type { nodeRegistration } from "../../src/contracts/nodeRegistration.ts";
import { concatBytes, fromHex, toAddress, toHex, uintToBytes } from "../../src/protocol/bytes.ts";
import { POSSESSION_DST, proveAttestationKey, proveSigningKey } from "../../src/protocol/possession.ts";
import { outsideG1, outsideG2, packKey, packSignature, sumOfKeys, unpackKey, unpackSignature } from "../support/bls.ts";
import type { World } from "./fixtures.ts";
import { deployedWorld, register, registrationOf, signingKey } from "./fixtures.ts";

const { G1, G2, fields } = bls12_381;
const P = fields.Fp.ORDER;
const precompile = (n: number) => getAddress(toBeHex(n, 20));
const [G2_PAIRING, MAP_TO_G1] = [precompile(0x0f), precompile(0x10)];

type Registration = ReturnType<typeof nodeRegistration>;

/** Registers what somebody brings, as it is. */
const bring = (world: World, who: HardhatEthersSigner, registration: Registration) =>
  world.nodeRegistry.connect(who).register(registration);

/** What the operator's next node brings, with something wrong with it. */
const broken = (world: World, changes: Partial<Registration>, i = 0): Registration => ({
  ...registrationOf(world, world.operator, i),
  ...changes,
});

const domainOf = ({ record }: World) => ({
  chainId: BigInt(record.chainId),
  nodeRegistry: toAddress(record.contracts.nodeRegistry.address),
});

const expectSigningProofInvalid = ({ nodeRegistry }: World, attempt: Promise<unknown>) =>
  expect(attempt).to.be.revertedWithCustomError(nodeRegistry, "NodeKeysSigningProofInvalid");
const expectAttestationProofInvalid = ({ nodeRegistry, operator }: World, attempt: Promise<unknown>) =>
  expect(attempt)
    .to.be.revertedWithCustomError(nodeRegistry, "NodeKeysAttestationProofInvalid")
    .withArgs(operator.address);
const expectPrecompile = ({ blsVerifier }: World, attempt: Promise<unknown>, which = G2_PAIRING) =>
  expect(attempt).to.be.revertedWithCustomError(blsVerifier, "Bls12381PrecompileFailed").withArgs(which);

describe("NodeKeys", () => {
  describe("case 27: register", () => {
    it("refuses a victim's keys and proofs out of the mempool, one of them or both; the victim still gets in", async () => {
      const world = await deployedWorld();
      const { nodeRegistry, operator, stranger } = world;
      const victims = registrationOf(world, stranger, 0);
      const { signingPublicKey, signingProof, attestationKey, attestationProof } = victims;
      const signer = computeAddress(toHex(signingKey(0)));
      await expect(bring(world, operator, { ...victims, payout: operator.address }))
        .to.be.revertedWithCustomError(nodeRegistry, "NodeKeysSigningProofInvalid")
        .withArgs(signer, operator.address);
      await expectSigningProofInvalid(world, bring(world, operator, broken(world, { signingPublicKey, signingProof })));
      await expectAttestationProofInvalid(
        world,
        bring(world, operator, broken(world, { attestationKey, attestationProof }, 1)),
      );
      await bring(world, stranger, victims);
      expect(await nodeRegistry.nodeOf(signer)).to.equal(100n);
    });

    it("refuses proofs for another chain, another registry and another owner", async () => {
      const world = await deployedWorld();
      const { operator, stranger } = world;
      const domain = domainOf(world);
      const owner = toAddress(operator.address);
      const attestationSecret = fromHex(toBeHex(0x3000, 32));
      for (const [there, whose] of [
        [{ ...domain, chainId: 1n }, owner],
        [{ ...domain, nodeRegistry: toAddress(stranger.address) }, owner],
        [domain, toAddress(stranger.address)],
      ] as const) {
        const signing = toHex(proveSigningKey(there, whose, signingKey(0)).proof);
        const attestation = toHex(proveAttestationKey(there, whose, attestationSecret).proof);
        await expectSigningProofInvalid(world, bring(world, operator, broken(world, { signingProof: signing })));
        const attempt = bring(world, operator, broken(world, { attestationProof: attestation }));
        await expectAttestationProofInvalid(world, attempt);
      }
    });

    it("refuses high s, v that is not 27 or 28, zeros, other lengths and compact form as a signing proof", async () => {
      const world = await deployedWorld();
      const { signingProof } = broken(world, {});
      const proof = signingProof as string;
      const [r, s, v] = [dataSlice(proof, 0, 32), dataSlice(proof, 32, 64), Number(dataSlice(proof, 64))];
      const highS = toBeHex(secp256k1.Point.Fn.ORDER - BigInt(s), 32);
      const zero = toBeHex(0, 32);
      const variants = [
        concat([r, highS, toBeHex(v === 27 ? 28 : 27, 1)]),
        ...[v - 27, 0, 1, 2, 29, 35, 255, v === 27 ? 28 : 27].map((other) => concat([r, s, toBeHex(other, 1)])),
        ...[concat([zero, s, toBeHex(v, 1)]), concat([r, zero, toBeHex(v, 1)]), `0x${"00".repeat(65)}`],
        ...["0x", dataSlice(proof, 0, 64), `${proof}00`, Signature.from(proof).compactSerialized],
      ];
      for (const variant of variants) {
        await expectSigningProofInvalid(world, bring(world, world.operator, broken(world, { signingProof: variant })));
      }
      await bring(world, world.operator, broken(world, {}));
    });

    it("refuses signing keys that are no 65-byte point of the curve", async () => {
      const world = await deployedWorld();
      const key = (broken(world, {}).signingPublicKey as string).slice(4);
      const [x, y] = [key.slice(0, 64), key.slice(64)];
      const bent = toBeHex(BigInt(`0x${y}`) ^ 1n, 32).slice(2);
      const field = secp256k1.Point.Fp.ORDER.toString(16);
      const lengths = ["0x", `0x03${key}`, `0x04${x}`, `0x04${key}00`, `0x02${x}`];
      const points = [`0x04${x}${bent}`, `0x04${field}${y}`, `0x04${x}${field}`, `0x04${"00".repeat(64)}`];
      for (const bad of [...lengths, ...points]) {
        await expect(bring(world, world.operator, broken(world, { signingPublicKey: bad })))
          .to.be.revertedWithCustomError(world.nodeRegistry, "NodeKeysNotAPoint")
          .withArgs(bad);
      }
      // The negative of the point is a point, but not the one that signed.
      const negative = toBeHex(secp256k1.Point.Fp.ORDER - BigInt(`0x${y}`), 32).slice(2);
      const attempt = bring(world, world.operator, broken(world, { signingPublicKey: `0x04${x}${negative}` }));
      await expectSigningProofInvalid(world, attempt);
    });

    it("refuses a rogue attestation key: the others' sum negated and one's own", async () => {
      const world = await deployedWorld();
      const { operator, stranger } = world;
      const others: string[] = [];
      for (let i = 1; i <= 3; i++) {
        await register(world, stranger, i);
        others.push(await world.nodeRegistry.attestationKeyOf(BigInt(i) * 100n));
      }
      const own = 7n;
      const rogue = sumOfKeys(others.map(unpackKey)).negate().add(G2.Point.BASE.multiply(own));
      const attestationKey = packKey(rogue);
      const message = await world.blsVerifier.possessionDigest(world.nodeRegistry, operator, attestationKey);
      const hashed = G1.hashToCurve(fromHex(message), { DST: POSSESSION_DST });
      // The best that can be made without the others' secrets: one's own part, with theirs replayed or left out.
      const ownPart = hashed.multiply(own);
      const theirs = [1, 2, 3].map((i) =>
        unpackSignature(registrationOf(world, stranger, i).attestationProof as string).negate(),
      );
      for (const proof of [ownPart, theirs.reduce((a, b) => a.add(b), ownPart), hashed]) {
        const attempt = bring(
          world,
          operator,
          broken(world, { attestationKey, attestationProof: packSignature(proof) }),
        );
        await expectAttestationProofInvalid(world, attempt);
      }
    });

    it("refuses a key that is a known one negated or doubled, with its proof treated alike", async () => {
      const world = await deployedWorld();
      const { attestationKey, attestationProof } = broken(world, {});
      const [key, proof] = [unpackKey(attestationKey as string), unpackSignature(attestationProof as string)];
      for (const [otherKey, otherProof] of [
        [key.negate(), proof.negate()],
        [key.double(), proof.double()],
        [key, proof.negate()],
      ] as const) {
        const pair = { attestationKey: packKey(otherKey), attestationProof: packSignature(otherProof) };
        await expectAttestationProofInvalid(world, bring(world, world.operator, broken(world, pair)));
      }
    });

    it("refuses infinity, points off the curve or the subgroup, coordinates >= p and other lengths", async () => {
      const world = await deployedWorld();
      const { operator, blsVerifier } = world;
      const good = broken(world, {});
      const [key, proof] = [good.attestationKey as string, good.attestationProof as string];
      const attempt = (changes: Partial<Registration>) => bring(world, operator, broken(world, changes));
      const [noKey, noProof] = [`0x${"00".repeat(192)}`, `0x${"00".repeat(96)}`];
      await expectAttestationProofInvalid(world, attempt({ attestationKey: noKey }));
      await expectAttestationProofInvalid(world, attempt({ attestationProof: noProof }));
      await expectAttestationProofInvalid(world, attempt({ attestationKey: noKey, attestationProof: noProof }));

      const bent = (hex: string) => `${hex.slice(0, -1)}${hex.endsWith("0") ? "1" : "0"}`;
      await expectPrecompile(world, attempt({ attestationKey: bent(key) }));
      await expectPrecompile(world, attempt({ attestationProof: bent(proof) }));
      await expectPrecompile(world, attempt({ attestationKey: packKey(outsideG2()) }));
      await expectPrecompile(world, attempt({ attestationProof: packSignature(outsideG1()) }));
      // The subgroup's point moved by one outside of it: it pairs with nothing.
      await expectPrecompile(world, attempt({ attestationKey: packKey(unpackKey(key).add(outsideG2())) }));

      const words = (hex: string) =>
        hex
          .slice(2)
          .match(/.{96}/g)!
          .map((word) => BigInt(`0x${word}`));
      const packed = (values: bigint[]) => toHex(concatBytes(...values.map((value) => uintToBytes(value, 48))));
      for (let i = 0; i < 4; i++) {
        const raised = packed(words(key).map((word, j) => (i === j ? word + P : word)));
        await expectPrecompile(world, attempt({ attestationKey: raised }));
      }
      for (let i = 0; i < 2; i++) {
        const raised = packed(words(proof).map((word, j) => (i === j ? word + P : word)));
        await expectPrecompile(world, attempt({ attestationProof: raised }));
      }
      for (const length of [0, 96, 191, 193, 256]) {
        await expect(attempt({ attestationKey: toHex(new Uint8Array(length).fill(1)) }))
          .to.be.revertedWithCustomError(blsVerifier, "Bls12381KeyLength")
          .withArgs(length);
      }
      for (const length of [0, 48, 95, 97, 192]) {
        await expect(attempt({ attestationProof: toHex(new Uint8Array(length).fill(1)) }))
          .to.be.revertedWithCustomError(blsVerifier, "Bls12381SignatureLength")
          .withArgs(length);
      }
      expect(await world.nodeRegistry.lastNodeId()).to.equal(0n);
      await bring(world, operator, good);
    });

    it("refuses a proof under the domain of reports", async () => {
      const world = await deployedWorld();
      const { attestationKey } = broken(world, {});
      const message = await world.blsVerifier.possessionDigest(world.nodeRegistry, world.operator, attestationKey);
      const DST = "PENNYBLACK-REPORT-V1_BLS12381G1_XMD:SHA-256_SSWU_RO_";
      const attestationProof = packSignature(G1.hashToCurve(fromHex(message), { DST }).multiply(0x3000n));
      await expectAttestationProofInvalid(world, bring(world, world.operator, broken(world, { attestationProof })));
    });

    it("fails closed on a chain without the precompiles, without the verifier, and when it answers nothing", async () => {
      const old = await deployedWorld({}, "cancun");
      await expectPrecompile(old, register(old, old.operator, 0), MAP_TO_G1);

      const world = await deployedWorld();
      const { nodeRegistry, blsVerifier, net, operator } = world;
      await register(world, operator, 0);
      const verifier = await blsVerifier.getAddress();
      // No code; STOP; a 2 for true.
      for (const code of ["0x", "0x00", "0x600260005260206000f3"]) {
        await net.networkHelpers.setCode(verifier, code);
        await expect(register(world, operator, 1)).to.revert(world.ethers);
      }
      expect(await nodeRegistry.lastNodeId()).to.equal(100n);
    });
  });

  it("knows a node's keys by what they hash to", async () => {
    const world = await deployedWorld();
    const { nodeRegistry, operator } = world;
    const keys: string[] = [];
    for (let i = 0; i < 3; i++) {
      await register(world, operator, i);
      keys.push(registrationOf(world, operator, i).attestationKey as string);
    }
    expect(keccak256(await nodeRegistry.attestationKeyOf(200n))).to.equal(keccak256(keys[1]!));
    expect(await nodeRegistry.attestationKeysOf([300n, 100n, 300n])).to.equal(concat([keys[2]!, keys[0]!, keys[2]!]));
    expect(await nodeRegistry.attestationKeysOf([])).to.equal("0x");
    expect(await nodeRegistry.attestationKeysOf([999n, 100n])).to.equal(keys[0]);
  });
});
