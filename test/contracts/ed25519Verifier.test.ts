import { readFileSync } from "node:fs";

import { ed25519, ed25519ctx, ed25519ph } from "@noble/curves/ed25519.js";
import { sha512 } from "@noble/hashes/sha2.js";
import { expect } from "chai";
import type { Contract } from "ethers";
import { ContractFactory } from "ethers";
import { network } from "hardhat";

import { askContract, flipEveryBit, runEd25519Campaign } from "../../scripts/campaigns/ed25519/campaign.ts";
import type { Secrets, SignatureCase } from "../../scripts/campaigns/ed25519/cases.ts";
import {
  Draws,
  EDGE_ENCODINGS,
  SMALL_ORDER,
  TEXT_LENGTHS,
  littleEndian,
  signAsInstallation,
  signWithTorsion,
  verifyArguments,
} from "../../scripts/campaigns/ed25519/cases.ts";
import { contractSource } from "../../src/deployment/contractAddresses.ts";
import { readArtifact } from "../../src/deployment/readArtifact.ts";
import { verifierSource } from "../../scripts/ed25519/verifier.ts";
import { bytesToUint, concatBytes, fromHex, toHex, utf8ToBytes } from "../../src/protocol/bytes.ts";
import {
  INSTALLATION_CONTEXT,
  signatureDomain,
  verifyCofactorless,
  verifyInstallationSignature,
} from "../../src/protocol/identity/ed25519.ts";
import { compileEd25519Verifier } from "../support/compileEd25519Verifier.ts";
import { installationSignatures } from "../support/installationSignatures.ts";
import type { Network } from "./fixtures.ts";

const { Point } = ed25519;
const L = Point.Fn.ORDER;
const P = Point.Fp.ORDER;
/** The same on every run. */
const draws = new Draws("ed25519Verifier.test");

/** RFC 8032, section 7.3. */
const PH_VECTOR = {
  publicKey: "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
  text: "616263",
  signature:
    "98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae41" +
    "31f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406",
};

/** RFC 8032, section 7.2, "foo" and "bar". */
const CTX_KEY = "dfc9425e4f968f7f0c29f0259cf5f9aed6851c2bb4ad8bfb860cfee0ab248292";
const CTX_MESSAGE = "f726936d19c800494e3fdaff20b276a8";
const CTX_VECTORS = {
  foo:
    "55a4cc2f70a54e04288c5f4cd1e45a7bb520b36292911876cada7323198dd87a" +
    "8b36950b95130022907a7fb7c4e9b2d5f6cca685a587b4b21f4b888e4e7edb0d",
  bar:
    "fc60d5872fc46b3aa69f8b5b4351d5808f92bcc044606db097abab6dbcb1aee3" +
    "216c48e8b3b66431b5b186d1d28f8ee15a5ca2df6668346291c2043d4eb3e90d",
};

describe("Ed25519Verifier", () => {
  let net: Network;
  let verifier: Contract;
  const valid = signAsInstallation(draws.bytes(32), draws.bytes(330));
  before(async () => {
    net = await network.create({ network: "local", chainType: "l1" });
    const { abi, bytecode } = readArtifact(contractSource("ed25519Verifier"));
    verifier = await deploy(abi as object[], bytecode);
  });
  after(() => net.close());

  async function deploy(abi: object[], bytecode: string): Promise<Contract> {
    const [signer] = await net.ethers.getSigners();
    return (await new ContractFactory(abi, bytecode, signer).deploy()) as Contract;
  }

  /** What contract and TypeScript both say. */
  async function verdictOn(asked: SignatureCase, what = "contract and TypeScript"): Promise<boolean> {
    const answer = await askContract(verifier, asked);
    const { publicKey, signature, text } = asked;
    expect(verifyInstallationSignature(publicKey, signature, text), what).to.equal(answer);
    return answer;
  }
  const nobleTakes = ({ publicKey, signature, text }: SignatureCase) =>
    ed25519ph.verify(signature, text, publicKey, { context: INSTALLATION_CONTEXT, zip215: false });
  const withS = (signature: Uint8Array, s: bigint) => concatBytes(signature.subarray(0, 32), littleEndian(s));
  const sOf = (signature: Uint8Array) => bytesToUint(signature.subarray(32).toReversed());

  describe("vectors", () => {
    it("takes RFC 8032's of Ed25519ph when generated for its empty context", async () => {
      const { abi, bytecode } = compileEd25519Verifier({ name: "Rfc8032Verifier", context: new Uint8Array() });
      const theirs = await deploy(abi, bytecode);
      const [publicKey, signature] = [fromHex(PH_VECTOR.publicKey), fromHex(PH_VECTOR.signature)];
      expect(await askContract(theirs, { publicKey, signature, text: fromHex(PH_VECTOR.text) })).to.equal(true);
      expect(await askContract(theirs, { publicKey, signature, text: utf8ToBytes("abb") })).to.equal(false);
      const domain = signatureDomain(new Uint8Array(), true);
      expect(verifyCofactorless(publicKey, signature, domain, sha512(fromHex(PH_VECTOR.text)))).to.equal(true);
      // In another context it is nothing.
      expect(await verdictOn({ publicKey, signature, text: fromHex(PH_VECTOR.text) })).to.equal(false);
    });

    it("can be generated for contexts of up to 77 bytes", async () => {
      const context = draws.bytes(77);
      const { abi, bytecode } = compileEd25519Verifier({ name: "LongContextVerifier", context });
      const theirs = await deploy(abi, bytecode);
      const secretKey = draws.bytes(32);
      const text = draws.bytes(200);
      const signature = ed25519ph.sign(text, secretKey, { context });
      const asked = { publicKey: ed25519.getPublicKey(secretKey), signature, text };
      expect(await askContract(theirs, asked)).to.equal(true);
      expect(await askContract(verifier, asked)).to.equal(false);
      expect(() => verifierSource({ name: "TooLong", context: new Uint8Array(78) })).to.throw(RangeError);
    });

    // The contract hashes its text first, which Ed25519ctx does not: these are of the arithmetic in TypeScript.
    for (const [context, signature] of Object.entries(CTX_VECTORS)) {
      it(`TypeScript takes RFC 8032's of Ed25519ctx, context "${context}"`, () => {
        const verify = (name: string, prehashed: boolean) => {
          const domain = signatureDomain(utf8ToBytes(name), prehashed);
          return verifyCofactorless(fromHex(CTX_KEY), fromHex(signature), domain, fromHex(CTX_MESSAGE));
        };
        expect(verify(context, false)).to.equal(true);
        expect(verify(context, true)).to.equal(false);
        expect(verify("fop", false)).to.equal(false);
        const options = { context: utf8ToBytes(context) };
        expect(ed25519ctx.verify(fromHex(signature), fromHex(CTX_MESSAGE), fromHex(CTX_KEY), options)).to.equal(true);
      });
    }

    it("takes what installations of real clients signed", async () => {
      const signatures = installationSignatures();
      expect(signatures.length).to.be.greaterThan(3);
      for (const signed of signatures) {
        expect(await verdictOn(signed)).to.equal(true);
        expect(await verdictOn({ ...signed, text: signed.text.subarray(1) })).to.equal(false);
      }
    });
  });

  describe("text", () => {
    for (const length of [...TEXT_LENGTHS, 4_000]) {
      it(`of ${length} bytes`, async () => {
        const signed = signAsInstallation(draws.bytes(32), draws.bytes(length));
        expect(await verdictOn(signed)).to.equal(true);
        expect(await verdictOn({ ...signed, text: concatBytes(signed.text, Uint8Array.of(0)) })).to.equal(false);
        if (length > 0) expect(await verdictOn({ ...signed, text: signed.text.subarray(1) })).to.equal(false);
      });
    }

    it("costs the same for every block, however long it is: memory does not grow", async () => {
      const [signer] = await net.ethers.getSigners();
      const used = [];
      for (const blocks of [100, 110, 120]) {
        const args = verifyArguments({ ...valid, text: new Uint8Array(blocks * 128) });
        const data = verifier.interface.encodeFunctionData("verify", args);
        const sent = await signer!.sendTransaction({ to: verifier.target, data });
        used.push(Number((await sent.wait())!.gasUsed));
      }
      expect(used[2]! - used[1]!).to.equal(used[1]! - used[0]!);
    });
  });

  describe("s", () => {
    it("is refused from L on, though s + L would satisfy the equation", async () => {
      const s = sOf(valid.signature);
      expect(await verdictOn(valid)).to.equal(true);
      for (const other of [L, s + L, s + 14n * L, L + 1n, 2n ** 253n, 2n ** 256n - 1n]) {
        expect(await verdictOn({ ...valid, signature: withS(valid.signature, other) }), `${other}`).to.equal(false);
      }
    });

    it("is refused at L before anything else is looked at", async () => {
      // No signature with s = 0 can be made that holds, so that nothing but its price tells whether s = L was reduced.
      const gasOf = async (s: bigint) => {
        const args = verifyArguments({ ...valid, signature: withS(valid.signature, s) });
        return Number(await verifier.getFunction("verify").estimateGas(...args));
      };
      expect(await gasOf(L - 1n)).to.be.greaterThan(200_000);
      expect(await gasOf(L)).to.be.lessThan(60_000);
    });
  });

  describe("public key", () => {
    it("of small order is refused, in all its encodings, though R, s and text satisfy the equation", async () => {
      expect(SMALL_ORDER).to.have.length(8);
      let satisfied = 0;
      for (const [i, key] of SMALL_ORDER.entries()) {
        expect(key.multiplyUnsafe(8n).is0()).to.equal(true);
        for (let n = 0; n < 16; n++) {
          // s = 0 and R of small order: true whenever -k A is R, for one text in eight.
          const nonceTorsion = SMALL_ORDER[n % 8]!;
          const signed = signWithTorsion({ key: 0n, nonce: 0n, keyTorsion: key, nonceTorsion }, draws.bytes(40));
          if (satisfiesEquation(signed)) satisfied++;
          expect(await verdictOn(signed), `point ${i}`).to.equal(false);
        }
      }
      expect(satisfied).to.be.greaterThan(8);
    });

    it("is refused when it is not canonical, or has the sign of a zero that has none", async () => {
      const refused = EDGE_ENCODINGS.filter((bytes) => {
        const y = bytesToUint(bytes.toReversed()) & (2n ** 255n - 1n);
        return y >= P || y === 1n || y === P - 1n;
      });
      expect(refused.length).to.be.greaterThan(14);
      for (const publicKey of refused) {
        for (const r of [valid.signature.subarray(0, 32), Point.ZERO.toBytes()]) {
          for (const s of [0n, sOf(valid.signature)]) {
            const asked = { ...valid, publicKey, signature: concatBytes(r, littleEndian(s)) };
            expect(await verdictOn(asked), toHex(publicKey)).to.equal(false);
          }
        }
      }
    });

    it("that is no point is refused", async () => {
      let refused = 0;
      for (let y = 2n; refused < 8; y++) {
        if (isPoint(littleEndian(y))) continue;
        refused++;
        const asked = { ...valid, publicKey: littleEndian(y) };
        expect(await verdictOn(asked), `${y}`).to.equal(false);
        // At once: no equation is asked about what is not on the curve.
        const gas = await verifier.getFunction("verify").estimateGas(...verifyArguments(asked));
        expect(Number(gas), `${y}`).to.be.lessThan(60_000);
      }
    });

    it("may have a torsion component: what counts is the equation without the cofactor", async () => {
      const counts = { taken: 0, refused: 0 };
      for (let n = 0; n < 64; n++) {
        const keyTorsion = SMALL_ORDER[n % 8]!;
        const nonceTorsion = SMALL_ORDER[n >> 3]!;
        const secrets: Secrets = { key: draws.scalar(), nonce: draws.scalar(), keyTorsion, nonceTorsion };
        const signed = signWithTorsion(secrets, draws.bytes(100));
        expect(nobleTakes(signed), "with the cofactor every one holds").to.equal(true);
        const answer = await verdictOn(signed);
        expect(answer).to.equal(satisfiesEquation(signed));
        counts[answer ? "taken" : "refused"]++;
      }
      expect(counts.taken).to.be.greaterThan(2);
      expect(counts.refused).to.be.greaterThan(40);
    });
  });

  describe("R", () => {
    it("is compared as bytes: encodings that are not canonical equal nothing", async () => {
      // With nonce 0, R is the identity: y = 1, which is also 1 + p, and either with the sign of zero.
      const secrets = { key: draws.scalar(), nonce: 0n };
      for (const [y, sign] of [
        [1n, 0n],
        [1n, 1n],
        [1n + P, 0n],
        [1n + P, 1n],
      ] as const) {
        const r = littleEndian(y | (sign << 255n));
        const signed = signOver(secrets, r);
        const expected = y === 1n && sign === 0n;
        expect(await verdictOn(signed), `y ${y}, sign ${sign}`).to.equal(expected);
      }
    });

    it("that is another point, or none, is refused", async () => {
      for (const r of [...EDGE_ENCODINGS, littleEndian(2n ** 256n - 1n)]) {
        const asked = { ...valid, signature: concatBytes(r, valid.signature.subarray(32)) };
        expect(await verdictOn(asked), toHex(r)).to.equal(false);
      }
    });

    /** A signature by an honest key for an R whose bytes are given, whatever they are. */
    function signOver({ key, nonce }: Secrets, r: Uint8Array): SignatureCase {
      const publicKey = Point.BASE.multiplyUnsafe(key).toBytes();
      const k = challenge(publicKey, r, valid.text);
      return { publicKey, signature: concatBytes(r, littleEndian((nonce + k * key) % L)), text: valid.text };
    }
  });

  describe("everything", () => {
    it("refuses a signature with a bit flipped, in key, R or s (every 8th)", async () => {
      expect(await flipEveryBit(verifier, 8)).to.equal(96);
    });

    it("agrees with TypeScript and noble on drawn cases (200)", async function () {
      this.timeout(180_000);
      const result = await runEd25519Campaign(verifier, { cases: 200, seed: "everyday" });
      expect(result.valid).to.deep.equal({ asked: 20, taken: 20, takenByNobleOnly: 0 });
      expect(result.garbage.taken).to.equal(0);
    });

    it("answers false to zeros, ones and no text, and never reverts", async () => {
      for (const byte of [0, 0xff]) {
        const asked = { publicKey: new Uint8Array(32).fill(byte), signature: new Uint8Array(64).fill(byte) };
        expect(await verdictOn({ ...asked, text: new Uint8Array() })).to.equal(false);
        expect(await verdictOn({ ...valid, ...asked })).to.equal(false);
      }
    });

    it("gives no answer when gas runs out: what is true does not turn false", async () => {
      const data = verifier.interface.encodeFunctionData("verify", verifyArguments(valid));
      const call = (gasLimit: number) =>
        net.ethers.provider.call({ to: verifier.target, data, gasLimit }).then(BigInt, () => undefined);
      let answers = 0;
      for (let gasLimit = 29_000; gasLimit < 260_000; gasLimit += 1_499) {
        const answer = await call(gasLimit);
        if (answer === undefined) continue;
        expect(answer, `${gasLimit} gas`).to.equal(1n);
        answers++;
      }
      expect(answers).to.be.greaterThan(5).and.lessThan(100);
    });

    it("is refused in TypeScript with other lengths, which the contract's arguments cannot have", () => {
      const { publicKey, signature, text } = valid;
      expect(verifyInstallationSignature(publicKey, signature, text)).to.equal(true);
      for (const length of [0, 31, 33, 64]) {
        expect(verifyInstallationSignature(new Uint8Array(length), signature, text)).to.equal(false);
        expect(verifyInstallationSignature(concatBytes(publicKey, new Uint8Array(1)), signature, text)).to.equal(false);
        expect(verifyInstallationSignature(publicKey, new Uint8Array(length + 1), text)).to.equal(false);
      }
      expect(verifyInstallationSignature(publicKey, concatBytes(signature, new Uint8Array(1)), text)).to.equal(false);
    });
  });

  describe("calldata", () => {
    const call = (data: string) => net.ethers.provider.call({ to: verifier.target, data });
    const encoded = () => verifier.interface.encodeFunctionData("verify", verifyArguments(valid));
    const TRUE = `0x${"0".repeat(63)}1`;
    const word = (value: bigint) => value.toString(16).padStart(64, "0");
    /** Selector and four arguments, the last an offset. */
    const HEAD = 2 + 8 + 4 * 64;

    it("that follows the text is not hashed", async () => {
      expect(await call(encoded())).to.equal(TRUE);
      expect(await call(`${encoded()}${"ff".repeat(300)}`)).to.equal(TRUE);
      // Nor what is in the padding, and what lies between.
      const text = toHex(valid.text).slice(2);
      const odd = `${encoded().slice(0, HEAD - 64)}${word(0xa3n)}${"ee".repeat(0x23)}${word(330n)}${text}`;
      expect(await call(odd)).to.equal(TRUE);
      expect(await call(`${odd}${"dd".repeat(200)}`)).to.equal(TRUE);
    });

    it("whose text lies beyond its end is no call at all", async () => {
      const head = encoded().slice(0, HEAD - 64);
      for (const tail of [word(2n ** 256n - 1n), word(2n ** 64n), word(0x80n), `${word(0x80n)}${word(1n)}`, ""]) {
        await expect(call(head + tail)).to.be.revert(net.ethers);
      }
    });
  });

  describe("deployment", () => {
    it("fits the size of a contract with room to spare", async () => {
      const code = await net.ethers.provider.getCode(verifier.target);
      expect((code.length - 2) / 2).to.be.lessThan(23_500);
    });

    it("is generated alike every time", () => {
      const options = { name: "Ed25519Verifier", context: INSTALLATION_CONTEXT };
      expect(INSTALLATION_CONTEXT).to.deep.equal(utf8ToBytes("IDENTITY UPDATE SIGNATURE"));
      expect(verifierSource(options)).to.equal(verifierSource(options));
      expect(readFileSync(contractSource("ed25519Verifier"), "utf8")).to.equal(verifierSource(options));
    });

    it("costs at most 240,000 gas for a text of 330 bytes", async () => {
      const gas = Number(await verifier.getFunction("verify").estimateGas(...verifyArguments(valid)));
      console.log(`      verify, 330 bytes: ${gas} gas as a transaction`);
      expect(gas).to.be.lessThan(240_000);
    });
  });
});

function challenge(publicKey: Uint8Array, r: Uint8Array, text: Uint8Array): bigint {
  const hashed = concatBytes(signatureDomain(INSTALLATION_CONTEXT, true), r, publicKey, sha512(text));
  return bytesToUint(sha512(hashed).toReversed()) % L;
}

/** s B = R + k A, on points that are added up here bit by bit: no code of the verifier or its twin. */
function satisfiesEquation({ publicKey, signature, text }: SignatureCase): boolean {
  const r = signature.subarray(0, 32);
  const times = (scalar: bigint, point: InstanceType<typeof Point>) => {
    let sum = Point.ZERO;
    for (const bit of scalar.toString(2)) sum = bit === "1" ? sum.double().add(point) : sum.double();
    return sum;
  };
  const right = Point.fromBytes(r).add(times(challenge(publicKey, r, text), Point.fromBytes(publicKey)));
  return times(bytesToUint(signature.subarray(32).toReversed()), Point.BASE).equals(right);
}

function isPoint(bytes: Uint8Array): boolean {
  try {
    Point.fromBytes(bytes);
    return true;
  } catch {
    return false;
  }
}
