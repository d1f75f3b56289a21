import { bls12_381 } from "@noble/curves/bls12-381.js";
import { expect } from "chai";
import { dataLength, dataSlice } from "ethers";

import { toAddress, toHex, uintToBytes } from "../../src/protocol/bytes.ts";
import { proveAttestationKey } from "../../src/protocol/possession.ts";
import { packKey, sumOfKeys, unpackKey } from "../support/bls.ts";
import type { World } from "./fixtures.ts";
import { TOKEN, deployedWorld, impersonated, passEpochs, registerNode, registrationOf } from "./fixtures.ts";

const MINIMUM = 10_000n * TOKEN;
const INFINITY = `0x${"00".repeat(192)}`;
/** What a block of Ethereum lets one transaction use: EIP-7825. */
const TRANSACTION_GAS = 16_777_216n;

interface Version {
  sum: string;
  seats: { id: bigint; weight: bigint; key: string }[];
}

/** `aggregate 192 | (id 4 | weight 12 | key 192)*`. */
async function readVersion({ nodeSeats }: World, version: bigint): Promise<Version> {
  const blob = await nodeSeats.blobOf(version);
  const count = (dataLength(blob) - 192) / 208;
  const seats = Array.from({ length: count }, (_, i) => {
    const row = dataSlice(blob, 192 + 208 * i, 400 + 208 * i);
    return {
      id: BigInt(dataSlice(row, 0, 4)),
      weight: BigInt(dataSlice(row, 4, 16)),
      key: dataSlice(row, 16, 208),
    };
  });
  return { sum: dataSlice(blob, 0, 192), seats };
}

/** Reads a version and checks what holds for each of them: order, the sum by noble, the record, the pointer's code. */
async function checkedVersion(world: World, version: bigint): Promise<Version> {
  const { nodeSeats, ethers } = world;
  const read = await readVersion(world, version);
  const record = await nodeSeats.getVersion(version);
  expect(read.sum).to.equal(packKey(sumOfKeys(read.seats.map(({ key }) => unpackKey(key)))));
  expect(read.seats.map(({ id }) => id)).to.deep.equal(
    read.seats.map(({ id }) => id).toSorted((a, b) => Number(a - b)),
  );
  expect(record.seats).to.equal(BigInt(read.seats.length));
  expect(record.weight).to.equal(read.seats.reduce((sum, { weight }) => sum + weight, 0n));
  expect(await ethers.provider.getCode(record.pointer)).to.equal(`0x00${(await nodeSeats.blobOf(version)).slice(2)}`);
  return read;
}

const keyOf = (world: World, i: number) => registrationOf(world, world.operator, i).attestationKey as string;

async function worldOf(nodes: number, changes: Parameters<typeof deployedWorld>[0] = {}): Promise<World> {
  const world = await deployedWorld(changes);
  for (let i = 0; i < nodes; i++) await registerNode(world, i, world.operator.address);
  await passEpochs(world, 1);
  return world;
}

describe("RegistryVersions", () => {
  it("I12: a version is the sum of the active keys, and id, weight and key of each in order of id", async () => {
    const world = await worldOf(3);
    const { nodeSeats, nodeStaking, operator, stranger } = world;
    await nodeStaking.connect(operator).stake(200n, 5n);
    const epoch = await nodeSeats.currentEpoch();
    expect(await nodeSeats.latestVersion()).to.equal(0n);
    const rolling = nodeSeats.connect(stranger).rollOver();
    await expect(rolling).to.emit(nodeSeats, "RegistryVersionWritten");
    const { pointer } = await nodeSeats.getVersion(1n);
    await expect(rolling)
      .to.emit(nodeSeats, "RegistryVersionWritten")
      .withArgs(1n, epoch, pointer, 3n, 3n * MINIMUM + 5n);
    expect((await checkedVersion(world, 1n)).seats).to.deep.equal([
      { id: 100n, weight: MINIMUM, key: keyOf(world, 0) },
      { id: 200n, weight: MINIMUM + 5n, key: keyOf(world, 1) },
      { id: 300n, weight: MINIMUM, key: keyOf(world, 2) },
    ]);
    expect(await nodeSeats.getVersion(1n)).to.deep.equal([pointer, epoch, 3n, 3n * MINIMUM + 5n]);
  });

  it("the sum less the others is a key: what a report leaves out can be taken out", async () => {
    const world = await worldOf(3);
    const { nodeSeats, blsVerifier } = world;
    await nodeSeats.rollOver();
    const { sum, seats } = await readVersion(world, 1n);
    const others = `0x${seats
      .slice(1)
      .map(({ key }) => key.slice(2))
      .join("")}`;
    expect(await blsVerifier.subtractKeys(sum, others)).to.equal(seats[0]!.key);
  });

  it("case 26: without pending, jailed and suspended seats, with those that leave at the epoch's end", async () => {
    const world = await worldOf(6);
    const { nodeSeats, nodeRegistry, feeDistributor, operator } = world;
    const reports = nodeSeats.connect(await impersonated(world, await nodeSeats.reports()));
    const distributor = nodeSeats.connect(await impersonated(world, await feeDistributor.getAddress()));
    await reports.jail([200n]);
    await distributor.setSuspended(300n, true);
    await nodeRegistry.connect(operator).exit(400n);
    await registerNode(world, 6, operator.address);
    const idsIn = async (version: bigint) => (await checkedVersion(world, version)).seats.map(({ id }) => id);
    // All of it begins with the next epoch.
    await nodeSeats.rollOver();
    expect(await idsIn(1n)).to.deep.equal([100n, 200n, 300n, 400n, 500n, 600n]);
    await passEpochs(world, 1);
    await nodeSeats.rollOver();
    expect(await idsIn(2n)).to.deep.equal([100n, 500n, 600n, 700n]);
    await distributor.setSuspended(300n, false);
    await passEpochs(world, 6);
    await nodeSeats.rollOver();
    expect(await idsIn(3n)).to.deep.equal([100n, 200n, 300n, 500n, 600n, 700n]);
    expect((await readVersion(world, 3n)).seats[1]!.key).to.equal(keyOf(world, 1));
  });

  it("a seat that left before the version of its last epoch is written is in it without weight", async () => {
    const world = await worldOf(2);
    const { nodeSeats, nodeRegistry, operator } = world;
    await nodeRegistry.connect(operator).exit(100n);
    await nodeSeats.rollOver();
    expect((await checkedVersion(world, 1n)).seats.map(({ weight }) => weight)).to.deep.equal([0n, MINIMUM]);
  });

  it("is written at most once per epoch, and only when something changed; versionAt says which holds", async () => {
    const world = await worldOf(2);
    const { nodeSeats, nodeStaking, operator } = world;
    const start = await nodeSeats.currentEpoch();
    expect(await nodeSeats.versionAt(start)).to.equal(0n);
    await nodeSeats.rollOver();
    await nodeStaking.connect(operator).stake(100n, 1n);
    await expect(nodeSeats.rollOver()).not.to.emit(nodeSeats, "RegistryVersionWritten");
    expect(await nodeSeats.rollOver.staticCall()).to.equal(1n);
    await passEpochs(world, 1);
    await nodeSeats.rollOver();
    expect((await checkedVersion(world, 2n)).seats[0]!.weight).to.equal(MINIMUM + 1n);
    await passEpochs(world, 3);
    await expect(nodeSeats.rollOver()).not.to.emit(nodeSeats, "RegistryVersionWritten");
    // Nothing had changed, so this epoch has none yet: a change in it can still be written.
    await nodeStaking.connect(operator).unstake(100n, 1n);
    await nodeSeats.rollOver();
    expect(await nodeSeats.latestVersion()).to.equal(3n);
    expect((await nodeSeats.getVersion(3n)).epoch).to.equal(start + 4n);
    const at = await Promise.all([-1n, 0n, 1n, 2n, 3n, 4n, 99n].map((after) => nodeSeats.versionAt(start + after)));
    expect(at).to.deep.equal([0n, 1n, 2n, 2n, 2n, 3n, 3n]);
    for (const unknown of [0n, 4n]) {
      for (const attempt of [() => nodeSeats.getVersion(unknown), () => nodeSeats.blobOf(unknown)]) {
        await expect(attempt())
          .to.be.revertedWithCustomError(nodeSeats, "RegistryVersionsUnknown")
          .withArgs(unknown, 3n);
      }
    }
  });

  it("has no seat and infinity for a sum while nobody is active", async () => {
    const world = await worldOf(1);
    const { nodeSeats, nodeRegistry, operator } = world;
    await nodeSeats.rollOver();
    await nodeRegistry.connect(operator).exit(100n);
    await passEpochs(world, 1);
    await nodeSeats.rollOver();
    expect(await checkedVersion(world, 2n)).to.deep.equal({ sum: INFINITY, seats: [] });
  });

  it("two keys that cancel out make infinity, and the rest is still the sum", async () => {
    const world = await worldOf(2);
    const { nodeRegistry, nodeSeats, blsVerifier, operator } = world;
    const domain = { chainId: world.chainId, nodeRegistry: toAddress(await nodeRegistry.getAddress()) };
    const negated = uintToBytes(bls12_381.fields.Fr.ORDER - 0x3000n, 32);
    const { publicKey, proof } = proveAttestationKey(domain, toAddress(operator.address), negated);
    await nodeRegistry.connect(operator).rotateAttestationKey(200n, toHex(publicKey), toHex(proof));
    await nodeSeats.rollOver();
    expect((await checkedVersion(world, 1n)).sum).to.equal(INFINITY);
    // Nothing verifies under infinity: not even a signature that is infinity.
    const [digest, nothing] = [`0x${"11".repeat(32)}`, `0x${"00".repeat(96)}`];
    expect(await blsVerifier.verifyReport(digest, nothing, INFINITY)).to.equal(false);
  });

  it("costs no more in an epoch in which every seat is displaced: only the active ones are sorted", async function () {
    this.timeout(180_000);
    const world = await worldOf(24);
    const { nodeSeats, nodeStaking, operator } = world;
    const rollOverGas = async () => (await (await nodeSeats.rollOver()).wait())!.gasUsed;
    const calm = await rollOverGas();
    await passEpochs(world, 1);
    for (let i = 24; i < 48; i++) {
      const id = await registerNode(world, i, operator.address);
      await nodeStaking.connect(operator).stake(id, 1_000n * TOKEN);
      await nodeSeats.connect(operator).takeSeat(id);
    }
    // A weight that differs, so that a version is written.
    await nodeStaking.connect(operator).stake(100n, 1n);
    const busy = await rollOverGas();
    expect((await checkedVersion(world, 2n)).seats.map(({ id }) => id)).to.deep.equal(
      Array.from({ length: 24 }, (_, i) => BigInt(i + 1) * 100n),
    );
    expect(busy < (calm * 13n) / 10n, `${busy} after ${calm}`).to.equal(true);
    await passEpochs(world, 1);
    await nodeSeats.rollOver();
    expect((await checkedVersion(world, 3n)).seats.map(({ id }) => id)).to.deep.equal(
      Array.from({ length: 24 }, (_, i) => BigInt(i + 25) * 100n),
    );
  });

  it("90 seats fit one blob and one transaction", async function () {
    this.timeout(180_000);
    const world = await worldOf(90, { maxSeats: 90 });
    const { nodeSeats } = world;
    const receipt = (await (await nodeSeats.rollOver()).wait())!;
    console.log(`      rollOver with 90 seats: ${receipt.gasUsed} gas`);
    expect(receipt.gasUsed < TRANSACTION_GAS / 2n).to.equal(true);
    const { seats } = await checkedVersion(world, 1n);
    expect(seats).to.have.length(90);
    expect(seats.map(({ key }) => key)).to.deep.equal(Array.from({ length: 90 }, (_, i) => keyOf(world, i)));
    // 192 + 90 * 208, below what a contract may hold.
    expect(dataLength(await nodeSeats.blobOf(1n))).to.equal(18_912);
  });
});
