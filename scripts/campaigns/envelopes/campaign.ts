import { spawnSync } from "node:child_process";

import { create, fromBinary } from "@bufbuild/protobuf";
import type { Contract } from "ethers";

import { OriginatorEnvelopeSchema, PayerEnvelopeSchema } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";

import { fromHex, toHex } from "../../../src/protocol/bytes.ts";
import { payerEnvelopeHash, readOriginatorEnvelope } from "../../../src/protocol/envelope.ts";
import type { Kind } from "./generate.ts";
import { Dice, KINDS, generateEnvelope } from "./generate.ts";
import type { EnvelopeReading, Trait } from "../../../src/protocol/goEnvelope.ts";
import { readAsGo } from "../../../src/protocol/goEnvelope.ts";

export interface CampaignResult {
  cases: Record<Kind, number>;
  /** Cases that are read, and cases whose target is read. */
  read: number;
  targets: number;
  /** Cases that protobuf-es reads otherwise than Go, by the traits that explain it. */
  codecDiffers: Record<string, number>;
  /** Cases read by Go itself, when its reader was given. */
  readByGo: number;
}

const BATCH = 250;

/**
 * Reads generated envelopes with the contract, with a model of Go's decoder, with the codec of src/protocol and, when
 * its program is given, with Go itself. Throws at the first case where contract, model and Go differ, or where the
 * codec differs from them without a known trait.
 */
export async function runEnvelopeCampaign(
  harness: Contract,
  { cases, seed, goReader }: { cases: number; seed: number; goReader?: string },
): Promise<CampaignResult> {
  const counts = Object.fromEntries(KINDS.map((kind) => [kind, 0])) as Record<Kind, number>;
  const result: CampaignResult = { cases: counts, read: 0, targets: 0, codecDiffers: {}, readByGo: 0 };
  for (let first = 0; first < cases; first += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, cases - first) }, (_, i) => {
      const kind = KINDS[(first + i) % KINDS.length]!;
      counts[kind]++;
      return generateEnvelope(new Dice(seed + first + i), kind);
    });
    const onChain = await readOnChain(harness, batch);
    const inGo = goReader ? readInGo(goReader, batch) : undefined;
    for (const [i, bytes] of batch.entries()) {
      const traits = new Set<Trait>();
      const reading = readAsGo(bytes, traits);
      const expected = describeReading(reading);
      const name = `case ${seed + first + i}, ${toHex(bytes)}`;
      if (onChain[i] !== expected) throw new Error(`the contract reads ${onChain[i]}, the model ${expected}: ${name}`);
      if (inGo && inGo[i] !== expected) throw new Error(`Go reads ${inGo[i]}, the model ${expected}: ${name}`);
      if (inGo) result.readByGo++;
      if (reading) result.read++;
      if (reading?.target !== undefined) result.targets++;
      const codec = describeReading(readWithCodec(bytes));
      if (codec === expected) continue;
      if (traits.size === 0) throw new Error(`the codec reads ${codec}, the model ${expected}: ${name}`);
      for (const trait of traits) result.codecDiffers[trait] = (result.codecDiffers[trait] ?? 0) + 1;
    }
  }
  return result;
}

/** One line that is equal exactly when two readings are. */
export function describeReading(reading: EnvelopeReading | undefined): string {
  if (!reading) return "refused";
  const { originatorNodeId, sequenceId, originatorNs, payerEnvelope, target } = reading;
  return line(originatorNodeId, sequenceId, originatorNs, toHex(payerEnvelopeHash(payerEnvelope)), target);
}

type Value = string | number | bigint;

function line(node: Value, sequenceId: Value, ns: Value, payerEnvelopeHash: string, target: Value = "refused"): string {
  return `${node} ${sequenceId} ${ns} ${payerEnvelopeHash} ${target}`;
}

interface OnChainReading {
  isEnvelope: boolean;
  originatorNodeId: bigint;
  sequenceId: bigint;
  originatorNs: bigint;
  payerEnvelopeHash: string;
  hasTarget: boolean;
  target: bigint;
}

async function readOnChain(harness: Contract, batch: Uint8Array[]): Promise<string[]> {
  const readings = (await harness
    .getFunction("readMany")
    .staticCall(batch, { gasLimit: 1_000_000_000 })) as OnChainReading[];
  return readings.map((reading) => {
    if (!reading.isEnvelope) return "refused";
    const { originatorNodeId, sequenceId, originatorNs, payerEnvelopeHash: hash, hasTarget, target } = reading;
    return line(originatorNodeId, sequenceId, originatorNs, hash, hasTarget ? target : undefined);
  });
}

function readInGo(program: string, batch: Uint8Array[]): string[] {
  const input = batch.map((bytes) => `${toHex(bytes).slice(2)}\n`).join("");
  const { status, stdout, stderr } = spawnSync(program, { input, encoding: "utf8", maxBuffer: 1 << 28 });
  if (status !== 0) throw new Error(`${program} failed: ${stderr}`);
  return stdout
    .trimEnd()
    .split("\n")
    .map((answer) => {
      if (answer === "refused") return answer;
      const [node, sequenceId, ns, payerEnvelope, target] = answer.split(" ");
      return line(node!, sequenceId!, ns!, toHex(payerEnvelopeHash(fromHex(payerEnvelope!.slice(1)))), target);
    });
}

/** As the daemon reads it. */
function readWithCodec(bytes: Uint8Array): EnvelopeReading | undefined {
  try {
    const envelope = create(OriginatorEnvelopeSchema, { unsignedOriginatorEnvelope: bytes });
    const { originatorId, sequenceId, originatorNs, payerEnvelope } = readOriginatorEnvelope(envelope);
    const target = targetWithCodec(payerEnvelope);
    return { originatorNodeId: originatorId, sequenceId, originatorNs, payerEnvelope, target };
  } catch {
    return undefined;
  }
}

function targetWithCodec(payerEnvelope: Uint8Array): number | undefined {
  try {
    return fromBinary(PayerEnvelopeSchema, payerEnvelope).targetOriginator;
  } catch {
    return undefined;
  }
}
