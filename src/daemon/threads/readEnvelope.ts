import { fastRecoverAddress } from "../../platform/recover.ts";
import type { Address } from "../../protocol/bytes.ts";
import { canonicalPayerEnvelopeSize, readOriginatorEnvelope, readPayerEnvelope } from "../../protocol/envelope.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import { isNodeOnly } from "../../protocol/topics.ts";
import { chargeDigest } from "../account.ts";

/** What metering needs of an envelope. Plain data: it crosses from one thread to another. */
export interface MeteredEnvelope {
  originatorNs: bigint;
  payer: Address;
  /** Under which the charge is remembered. */
  digest: string;
  /** Bytes of the canonical encoding at the network's retention, whatever bytes carried it and whatever they ask for. */
  size: number;
  /** Costs nothing and counts for nothing. */
  isFree: boolean;
}

/** An envelope that nobody can be charged for, and why. */
export interface UnreadableEnvelope {
  problem: string;
}

/** Reads many envelopes of a log; results in their order. */
export type ReadEnvelopes = (
  envelopes: readonly Uint8Array[],
  retentionDays: number,
) => Promise<(MeteredEnvelope | UnreadableEnvelope)[]>;

/** Nearly all of its time goes to recovering the payer. */
export function readEnvelope(bytes: Uint8Array, retentionDays: number): MeteredEnvelope | UnreadableEnvelope {
  try {
    const { originatorNs, payerEnvelope } = readOriginatorEnvelope(bytes);
    const read = readPayerEnvelope(payerEnvelope, fastRecoverAddress);
    return {
      originatorNs,
      payer: read.payer,
      digest: chargeDigest(read.digest),
      size: canonicalPayerEnvelopeSize({ ...read, retentionDays }),
      isFree: isNodeOnly(read.client.topic.kind),
    };
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return { problem: error.code };
  }
}
