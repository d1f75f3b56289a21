import { fastRecoverAddress } from "../../platform/fastEcdsa.ts";
import type { Address } from "../../protocol/bytes.ts";
import { canonicalPayerEnvelopeSize, readOriginatorEnvelope, readPayerEnvelope } from "../../protocol/envelope.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import { keccak256 } from "../../protocol/keccak.ts";
import { welcomeKeyOf } from "../../protocol/stamps/rules.ts";
import { isNodeOnly } from "../../protocol/topics.ts";
import { chargeDigest } from "../account.ts";

/** What reports say of an envelope, whatever it carries. */
export interface CarriedEnvelope {
  originatorNs: bigint;
  /** Of its payer envelope, 64 hex digits. */
  payerEnvelopeHash: string;
}

/** What metering needs of an envelope. Plain data: it crosses from one thread to another. */
export interface MeteredEnvelope extends CarriedEnvelope {
  payer: Address;
  /** Under which the charge is remembered. */
  digest: string;
  /** Bytes of the canonical encoding at the network's retention, whatever bytes carried it and whatever they ask for. */
  size: number;
  /** Costs nothing and counts for nothing. */
  isFree: boolean;
  /** The installation key that a welcome is addressed to. */
  welcomeKey?: Uint8Array;
}

/** An envelope that nobody can be charged for, and why. */
export interface UnreadableEnvelope extends CarriedEnvelope {
  problem: string;
}

/** Reads many envelopes of a log; results in their order. */
export type ReadEnvelopes = (
  envelopes: readonly Uint8Array[],
  retentionDays: number,
) => Promise<(MeteredEnvelope | UnreadableEnvelope)[]>;

/** Nearly all of its time goes to recovering the payer. */
export function readEnvelope(bytes: Uint8Array, retentionDays: number): MeteredEnvelope | UnreadableEnvelope {
  let carried: CarriedEnvelope = { originatorNs: 0n, payerEnvelopeHash: NOTHING_HASH };
  try {
    const { originatorId, originatorNs, payerEnvelope } = readOriginatorEnvelope(bytes);
    carried = { originatorNs, payerEnvelopeHash: digitsOf(keccak256(payerEnvelope)) };
    const read = readPayerEnvelope(payerEnvelope, fastRecoverAddress);
    // Its fee would depend on whose log is metered first: only the log of its target charges it, in every daemon alike.
    if (read.targetOriginator !== originatorId) return { ...carried, problem: "wrong_target" };
    const welcomeKey = welcomeKeyOf(read.client.topic);
    return {
      ...carried,
      ...(welcomeKey ? { welcomeKey: welcomeKey.slice() } : {}),
      payer: read.payer,
      digest: chargeDigest(read.digest),
      size: canonicalPayerEnvelopeSize({ ...read, retentionDays }),
      isFree: isNodeOnly(read.client.topic.kind),
    };
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return { ...carried, problem: error.code };
  }
}

const digitsOf = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const NOTHING_HASH = digitsOf(keccak256(new Uint8Array()));
