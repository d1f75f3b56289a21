import { bls12_381 } from "@noble/curves/bls12-381.js";
import { expect } from "chai";
import { keccak256 } from "ethers";

import { nodeRegistration } from "../../src/contracts/nodeRegistration.ts";
import type { Hex } from "../../src/protocol/bytes.ts";
import { bytesToUint, fromHex, toAddress, toHex, uintToBytes } from "../../src/protocol/bytes.ts";
import { REPORT_DST } from "../../src/protocol/report/bls.ts";
import { reportDigest } from "../../src/protocol/report/report.ts";
import { packKey, packSignature, sumOfKeys, unpackKey } from "../support/bls.ts";
import type { G1Point, G2Point } from "../support/bls.ts";
import type { World } from "./fixtures.ts";
import { TOKEN, deployedWorld, passEpochs, signingKey } from "./fixtures.ts";
import { bitmap, domainOf, firstSeats, nextReport } from "./reportWorld.ts";

const { G1, G2, fields } = bls12_381;
const SEATS = 90;
const VERSIONS = 4;
const CASES = 9;
/** Of the seats, how many sign on the average: from far too few over the border to all. */
const SHARES = [40, 60, 66, 68, 75, 85, 95, 100, 100];

/** The same numbers for the same names, of 32 bytes each. */
const drawn = (...names: (string | number)[]): bigint => BigInt(keccak256(Buffer.from(names.join("/"))));
const drawnHex = (...names: (string | number)[]): Hex => toHex(uintToBytes(drawn(...names), 32));

interface Seat {
  nodeId: number;
  weight: bigint;
  key: G2Point;
}

/** Attestation keys of any size below the order, by node. */
class Attesters {
  readonly #secrets = new Map<number, bigint>();

  secretOf(nodeId: number): bigint {
    return this.#secrets.get(nodeId)!;
  }

  draw(nodeId: number, time: number): bigint {
    const secret = (drawn("attester", nodeId, time) % (fields.Fr.ORDER - 1n)) + 1n;
    this.#secrets.set(nodeId, secret);
    return secret;
  }
}

/** The seats of a version as its blob has them, read without any code of the contracts' or the daemon's. */
async function readVersion({ nodeSeats }: World, version: bigint): Promise<{ seats: Seat[]; sum: string }> {
  const blob = fromHex(await nodeSeats.blobOf(version));
  const seats: Seat[] = [];
  for (let at = 192; at < blob.length; at += 208) {
    seats.push({
      nodeId: Number(bytesToUint(blob.subarray(at, at + 4))),
      weight: bytesToUint(blob.subarray(at + 4, at + 16)),
      key: unpackKey(toHex(blob.subarray(at + 16, at + 208))),
    });
  }
  return { seats, sum: toHex(blob.subarray(0, 192)) };
}

/** Ninety nodes with keys of full size and different stakes, all seated. */
async function fullWorld(attesters: Attesters): Promise<World> {
  const world = await deployedWorld({ maxSeats: SEATS });
  const { operator, nodeRegistry, nodeStaking } = world;
  for (let i = 0; i < SEATS; i++) {
    const nodeId = 100 * (i + 1);
    await nodeRegistry.connect(operator).register(registration(world, i, attesters.draw(nodeId, 0)));
    if (i % 3 === 0) await nodeStaking.connect(operator).stake(nodeId, drawn("stake", i) % (30_000n * TOKEN));
  }
  await newVersion(world);
  return world;
}

function registration(world: World, i: number, attester: bigint) {
  const owner = toAddress(world.operator.address);
  const keys = { signingKey: signingKey(i), attestationKey: uintToBytes(attester, 32) };
  return nodeRegistration(world.record, { owner, ...keys, httpAddress: "http://127.0.0.1:5050", payout: owner });
}

/** Some go, some rotate their keys, some stake more. */
async function changeSeats(world: World, attesters: Attesters, seats: Seat[], time: number): Promise<void> {
  const { operator, nodeRegistry, nodeStaking } = world;
  for (const { nodeId } of seats) {
    const what = drawn("change", nodeId, time) % 12n;
    if (what < 2n) await nodeRegistry.connect(operator).exit(nodeId);
    if (what === 2n) {
      const { attestationKey, attestationProof } = registration(world, 0, attesters.draw(nodeId, time));
      await nodeRegistry.connect(operator).rotateAttestationKey(nodeId, attestationKey, attestationProof);
    }
    if (what === 3n) await nodeStaking.connect(operator).stake(nodeId, drawn("more", nodeId, time) % (9_000n * TOKEN));
  }
  await newVersion(world);
}

/** Written in the epoch in which the seats begin, and an epoch later it can be reported. */
async function newVersion(world: World): Promise<void> {
  await passEpochs(world, 1);
  await world.nodeSeats.rollOver();
  await passEpochs(world, 1);
}

/** Who signs, beside those whom the bitmap names. */
type Lie = "none" | "one missing" | "one more" | "one twice" | "another digest";
const LIES: Lie[] = ["none", "none", "one missing", "none", "one more", "none", "one twice", "another digest", "none"];

describe("EpochReports and noble", function () {
  this.timeout(600_000);

  it(`case 30: agree on what a quorum signed: up to ${SEATS} seats, drawn signers, ${VERSIONS} registry versions`, async () => {
    const attesters = new Attesters();
    const world = await fullWorld(attesters);
    const sizes: number[] = [];
    let [taken, refused] = [0, 0];
    for (let time = 1; time <= VERSIONS; time++) {
      const version = await world.nodeSeats.latestVersion();
      const { seats, sum } = await readVersion(world, version);
      sizes.push(seats.length);
      expect(sum).to.equal(packKey(sumOfKeys(seats.map(({ key }) => key))));
      for (const { nodeId, key } of seats) {
        expect(key.equals(G2.Point.BASE.multiply(attesters.secretOf(nodeId))), `${nodeId}`).to.equal(true);
      }
      for (let n = 0; n < CASES; n++) {
        if (await agreesOn(world, attesters, seats, time, n)) taken++;
        else refused++;
      }
      await changeSeats(world, attesters, seats, time);
    }
    expect(sizes[0]).to.equal(SEATS);
    expect(new Set(sizes).size).to.equal(VERSIONS);
    // Else this would agree on nothing but one answer.
    expect(taken).to.be.greaterThan(6);
    expect(refused).to.be.greaterThan(6);
  });
});

/** Whether a drawn report with drawn signers is taken; expects the contract to say the same. */
async function agreesOn(world: World, attesters: Attesters, seats: Seat[], time: number, n: number): Promise<boolean> {
  const signing = firstSeats(seats.length).filter((i) => drawn("signs", time, n, i) % 100n < BigInt(SHARES[n]!));
  const report = await nextReport(world, {
    usageRoot: drawnHex("usage", time, n),
    logsRoot: drawnHex("logs", time, n),
  });
  const digest = reportDigest(await domainOf(world), report);
  const point = G1.hashToCurve(LIES[n] === "another digest" ? digest.map((b) => b ^ 1) : digest, { DST: REPORT_DST });
  const attestations = lied(LIES[n]!, signing, seats.length).map((i) =>
    point.multiply(attesters.secretOf(seats[i]!.nodeId)),
  );
  const signature = attestations.reduce((a, b) => a.add(b), G1.Point.ZERO);
  const expected = isQuorum(seats, signing) && isSigned(digest, seats, signing, signature);
  const packed = signature.is0() ? `0x${"00".repeat(96)}` : packSignature(signature);
  const call = world.epochReports.submit.staticCall(report, bitmap(signing), packed);
  const what = `version ${time}, case ${n}: ${signing.length} of ${seats.length} sign, ${LIES[n]}`;
  if (expected) {
    expect(await call, what).to.equal(toHex(digest));
  } else {
    const error = isQuorum(seats, signing) ? "AttestationsInvalid" : "AttestationsNoQuorum";
    await expect(call, what).to.be.revertedWithCustomError(world.epochReports, error);
  }
  return expected;
}

function lied(lie: Lie, signing: number[], count: number): number[] {
  if (lie === "one missing") return signing.slice(1);
  if (lie === "one twice") return [...signing, signing[0]!];
  const others = firstSeats(count).filter((i) => !signing.includes(i));
  return lie === "one more" ? [...signing, ...others.slice(0, 1)] : signing;
}

function isQuorum(seats: Seat[], signing: number[]): boolean {
  const weightOf = (some: Seat[]) => some.reduce((sum, { weight }) => sum + weight, 0n);
  const signed = weightOf(signing.map((i) => seats[i]!));
  return 3n * signed > 2n * weightOf(seats) && 2 * signing.length > seats.length;
}

/** `e(H(digest), sum of keys) = e(signature, G2)`, by noble. */
function isSigned(digest: Uint8Array, seats: Seat[], signing: number[], signature: G1Point): boolean {
  if (signature.is0()) return false;
  const key = sumOfKeys(signing.map((i) => seats[i]!.key));
  const left = bls12_381.pairing(G1.hashToCurve(digest, { DST: REPORT_DST }), key);
  return fields.Fp12.eql(left, bls12_381.pairing(signature, G2.Point.BASE));
}
