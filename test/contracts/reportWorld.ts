import { bls12_381 } from "@noble/curves/bls12-381.js";
import type { ContractTransactionResponse } from "ethers";

import type { Hex } from "../../src/protocol/bytes.ts";
import { concatBytes, fromHex, toAddress, toHex, uintToBytes } from "../../src/protocol/bytes.ts";
import { attest } from "../../src/protocol/report/bls.ts";
import type { Debit } from "../../src/protocol/report/debits.ts";
import { debitsHash } from "../../src/protocol/report/debits.ts";
import type { LogRange } from "../../src/protocol/report/leaves.ts";
import { logsTree, rangeTree } from "../../src/protocol/report/leaves.ts";
import type { Report } from "../../src/protocol/report/report.ts";
import { NO_PARENT, reportDigest, rollCallDigest } from "../../src/protocol/report/report.ts";
import { TreeTag, emptyRoot } from "../../src/protocol/report/tree.ts";
import type { World } from "./fixtures.ts";
import { EPOCH, deployedWorld, passEpochs, registerNode } from "./fixtures.ts";

const { ORDER } = bls12_381.fields.Fr;

/** The i-th node's attestation key as a number, as `registrationOf` takes it. */
export const attester = (i: number): bigint => 0x3000n + BigInt(i);

/** Seats of the operator's from the first epoch on, in the epoch after it, with a registry version of the first. */
export async function reportWorld(seats: number, changes: Parameters<typeof deployedWorld>[0] = {}): Promise<World> {
  const world = await deployedWorld({ maxSeats: Math.max(seats, 3), ...changes });
  await seat(world, seats);
  return world;
}

/** Registers nodes and writes the version in which they have seats; an epoch later that epoch can be reported. */
export async function seat(world: World, seats: number): Promise<void> {
  for (let i = 0; i < seats; i++) await registerNode(world, i, world.operator.address);
  await passEpochs(world, 1);
  await world.nodeSeats.rollOver();
  await passEpochs(world, 1);
}

/** The epoch under way. */
export async function currentEpoch(world: World): Promise<bigint> {
  return BigInt(Math.floor((await world.net.networkHelpers.time.latest()) / EPOCH));
}

/** A report of the last whole epoch on the head of shard 0, in which nothing happened, with what a test changes. */
export async function nextReport(world: World, changes: Partial<Report> = {}): Promise<Report> {
  const epoch = changes.epoch ?? (await currentEpoch(world)) - 1n;
  const { digest, count, round } = await world.epochReports.headOf(changes.shard ?? 0);
  return {
    shard: 0,
    epoch,
    round: Number(round),
    parent: count === 0n ? NO_PARENT : (digest as Hex),
    registryVersion: await world.nodeSeats.versionAt(epoch),
    logsRoot: emptyRoot(TreeTag.logs),
    usageRoot: emptyRoot(TreeTag.usage),
    stampChargesRoot: emptyRoot(TreeTag.charges),
    stampPayoutsRoot: emptyRoot(TreeTag.payouts),
    debitsHash: debitsHash([]),
    absentSeats: 0n,
    ...changes,
  };
}

export const bitmap = (positions: number[]): bigint => positions.reduce((bits, i) => bits | (1n << BigInt(i)), 0n);
export const firstSeats = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

export async function domainOf(world: Pick<World, "chainId" | "epochReports">) {
  return { chainId: world.chainId, epochReports: toAddress(await world.epochReports.getAddress()) };
}

export async function digestOf(world: World, report: Report): Promise<Hex> {
  return toHex(reportDigest(await domainOf(world), report));
}

/** The sum of the attestations of some nodes: that of the sum of their keys. */
export function attestedBy(digest: Uint8Array, nodes: number[]): Uint8Array {
  const sum = nodes.map(attester).reduce((a, b) => a + b, 0n) % ORDER;
  return attest(digest, uintToBytes(sum, 32));
}

/** Submits a report that the nodes at these positions signed; the i-th node has position i unless `nodes` says so. */
export async function submit(
  world: World,
  report: Report,
  positions: number[],
  nodes = positions,
): Promise<ContractTransactionResponse> {
  const signature = attestedBy(reportDigest(await domainOf(world), report), nodes);
  return world.epochReports.submit(report, bitmap(positions), signature);
}

/** An accepted report of the last whole epoch, signed by the first so many seats. */
export async function accepted(world: World, seats: number, changes: Partial<Report> = {}): Promise<Report> {
  const report = await nextReport(world, changes);
  await submit(world, report, firstSeats(seats));
  return report;
}

/** Lets the veto window of what was just accepted pass. */
export async function passVetoWindow(world: World): Promise<void> {
  await world.net.networkHelpers.time.increase(await world.epochReports.vetoWindowSeconds());
}

/** The answer of some nodes to a roll call. */
export async function rollCallAnswer(world: World, number: bigint, nodes: number[]): Promise<Uint8Array> {
  return attestedBy(rollCallDigest(await domainOf(world), number), nodes);
}

/** A range of an originator, with envelopes at these sequence ids. */
export function rangeOf(originatorId: number, first: bigint, last: bigint, ids: bigint[] = []): LogRange {
  const entries = ids.map((sequenceId) => ({ sequenceId, payerEnvelopeHash: hashOf(originatorId, sequenceId) }));
  return {
    originatorId,
    firstSequenceId: first,
    lastSequenceId: last,
    firstMinute: 30_000_000,
    lastMinute: 30_000_700,
    count: BigInt(ids.length),
    root: rangeTree(entries).root,
  };
}

/** The payer envelope hash that stands for a sequence id of an originator. */
export function hashOf(originatorId: number, sequenceId: bigint): Hex {
  return toHex(concatBytes(uintToBytes(BigInt(originatorId), 16), uintToBytes(sequenceId + 1n, 16)));
}

export const logsRootOf = (ranges: LogRange[]): Hex => logsTree(ranges).root;

/** Ranges as `announce` takes them, each with the index of its payer report. */
export function packedRanges(ranges: LogRange[], indices: number[]): Uint8Array {
  return concatBytes(
    ...ranges.map((range, i) =>
      concatBytes(
        uintToBytes(BigInt(range.originatorId), 4),
        uintToBytes(range.firstSequenceId, 8),
        uintToBytes(range.lastSequenceId, 8),
        uintToBytes(BigInt(range.firstMinute), 4),
        uintToBytes(BigInt(range.lastMinute), 4),
        uintToBytes(range.count, 8),
        fromHex(range.root),
        uintToBytes(BigInt(indices[i]!), 4),
      ),
    ),
  );
}

export type { Debit };
