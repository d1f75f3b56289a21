import { faultEvidence } from "../../src/contracts/faultEvidence.ts";
import { concatBytes, toAddress } from "../../src/protocol/bytes.ts";
import { signDigest } from "../../src/protocol/ecdsa.ts";
import { encodePayerEnvelope, originatorDigest } from "../../src/protocol/envelope.ts";
import type { World } from "../../test/contracts/fixtures.ts";
import { DAY, TOKEN, passEpochs, registerNode, registrationOf, signingKey } from "../../test/contracts/fixtures.ts";
import { bytesField, field, varint } from "../campaigns/envelopes/generate.ts";
import type { Sent } from "./receipts.ts";
import { gasOf } from "./receipts.ts";

/** How many seats are taken when it is measured: as a network starts, and the most there can be. */
const [FEW, MANY] = [24, 90] as const;
type BySeats = Record<`${typeof FEW | typeof MANY}`, number>;

/** Gas of whole transactions about nodes. */
export interface NodeFigures {
  /** The 24th node, which takes the last free seat, and one that finds none. */
  register: { freeSeat: number; noSeat: number };
  /** A version is written, or nothing has changed since the last. */
  rollOver: BySeats;
  rollOverUnchanged: BySeats;
  /** The weakest is looked for and displaced. */
  takeSeat: BySeats;
  rotateSigningKey: number;
  rotateAttestationKey: number;
  stake: number;
  unstake: number;
  withdrawStake: number;
  exit: number;
  /** Two receipts for a message of 300 bytes; the slash costs the node its seat. */
  faults: { commit: number; revealEquivocation: number; execute: number };
}

/** Needs a world without nodes. */
export async function measureNodes(world: World): Promise<NodeFigures> {
  const few = await measureFew(world);
  const keys = await measureKeys(world);
  const stakes = await measureStakes(world);
  const faults = await measureFaults(world);
  const many = await measureMany(world);
  const both = (name: keyof typeof many) => ({ [FEW]: few[name], [MANY]: many[name] });
  return {
    register: few.register,
    rollOver: both("rollOver"),
    rollOverUnchanged: both("rollOverUnchanged"),
    takeSeat: both("takeSeat"),
    ...keys,
    ...stakes,
    faults,
  };
}

/** The i-th node's id. */
const idOf = (i: number) => BigInt(i + 1) * 100n;
const registering = (world: World, i: number): Sent =>
  world.nodeRegistry.connect(world.operator).register(registrationOf(world, world.operator, i));

async function measureFew(world: World) {
  for (let i = 0; i < FEW - 1; i++) await registerNode(world, i, world.operator.address);
  const freeSeat = await gasOf(registering(world, FEW - 1));
  const noSeat = await gasOf(registering(world, FEW));
  return { register: { freeSeat, noSeat }, ...(await measureSeats(world, FEW, idOf(FEW))) };
}

/** All of `count` seats are taken, and the candidate has none. */
async function measureSeats(world: World, count: number, candidate: bigint) {
  const { nodeSeats, nodeStaking, operator } = world;
  await passEpochs(world, 1);
  const rollOver = await gasOf(nodeSeats.rollOver());
  if ((await nodeSeats.getVersion(await nodeSeats.latestVersion())).seats !== BigInt(count)) {
    throw new Error(`the measured version has not ${count} seats`);
  }
  await passEpochs(world, 1);
  const rollOverUnchanged = await gasOf(nodeSeats.rollOver());
  await nodeStaking.connect(operator).stake(candidate, 1_000n * TOKEN);
  const takeSeat = await gasOf(nodeSeats.connect(operator).takeSeat(candidate));
  return { rollOver, rollOverUnchanged, takeSeat };
}

async function measureKeys(world: World): Promise<Pick<NodeFigures, "rotateSigningKey" | "rotateAttestationKey">> {
  const registry = world.nodeRegistry.connect(world.operator);
  const keys = registrationOf(world, world.operator, 1_000);
  return {
    rotateSigningKey: await gasOf(registry.rotateSigningKey(idOf(1), keys.signingPublicKey, keys.signingProof)),
    rotateAttestationKey: await gasOf(
      registry.rotateAttestationKey(idOf(1), keys.attestationKey, keys.attestationProof),
    ),
  };
}

async function measureStakes(world: World) {
  const { nodeStaking, nodeRegistry, operator, net } = world;
  const staking = nodeStaking.connect(operator);
  const stake = await gasOf(staking.stake(idOf(1), 100n * TOKEN));
  const unstake = await gasOf(staking.unstake(idOf(1), 50n * TOKEN));
  await net.networkHelpers.time.increase(15 * DAY);
  const withdrawStake = await gasOf(staking.withdrawStake(idOf(1), operator.address));
  const exit = await gasOf(nodeRegistry.connect(operator).exit(idOf(2)));
  return { stake, unstake, withdrawStake, exit };
}

async function measureFaults(world: World): Promise<NodeFigures["faults"]> {
  const { faultProofs, nodeSeats, stranger, net } = world;
  const receipts = [stored(3, 1_000n), stored(3, 2_000n)] as const;
  const salt = `0x${"5a".repeat(32)}` as const;
  const evidence = faultEvidence(receipts, { reporter: toAddress(stranger.address), salt });
  if (!evidence) throw new Error("the receipts show no fault");
  const to = await faultProofs.getAddress();
  const commit = await gasOf(stranger.sendTransaction({ to, data: evidence.commitData }));
  await net.networkHelpers.time.increase(60);
  const revealEquivocation = await gasOf(stranger.sendTransaction({ to, data: evidence.revealData() }));
  await net.networkHelpers.time.increase(8 * DAY);
  const execute = await gasOf(faultProofs.connect(stranger).execute(1n));
  if ((await nodeSeats.seatMinimumOf(idOf(3))) !== 0n) throw new Error("the measured slash cost no seat");
  return { commit, revealEquivocation, execute };
}

/** A stored OriginatorEnvelope of the i-th node over a message of 300 bytes. */
function stored(i: number, originatorNs: bigint): Uint8Array {
  const nodeId = idOf(i);
  const payer = encodePayerEnvelope({
    unsignedClientEnvelope: new Uint8Array(300).fill(7),
    payerSignature: new Uint8Array(65).fill(1),
    targetOriginator: Number(nodeId),
    retentionDays: 60,
  });
  const scalar = (number: number, value: bigint) => field(number, 0, varint(value));
  const numbers = [scalar(1, nodeId), scalar(2, 7n), scalar(3, originatorNs)];
  const unsigned = concatBytes(...numbers, bytesField(4, payer), scalar(7, 5n));
  const signature = signDigest(originatorDigest(unsigned), signingKey(i));
  return concatBytes(bytesField(1, unsigned), bytesField(2, bytesField(1, signature)));
}

/** Two have lost their seats by now: as many are taken again, and one finds none. */
async function measureMany(world: World) {
  const { nodeSeats, nodeRegistry, operator } = world;
  await nodeSeats.connect(world.governance).setMaxSeats(MANY);
  while ((await nodeSeats.seatPrice()).weakest === 0n) {
    await registerNode(world, Number(await nodeRegistry.lastNodeId()) / 100, operator.address);
  }
  const next = Number(await nodeRegistry.lastNodeId()) / 100;
  return measureSeats(world, MANY, await registerNode(world, next, operator.address));
}
