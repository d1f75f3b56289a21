import { fastRecoverAddress } from "../../platform/fastEcdsa.ts";
import type { Hex } from "../../protocol/bytes.ts";
import { toHex } from "../../protocol/bytes.ts";
import type { ReadOriginatorEnvelope, ReadPayerEnvelope } from "../../protocol/envelope.ts";
import { canonicalPayerEnvelopeSize, destinationOf, readPayerEnvelope } from "../../protocol/envelope.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import { baseFeePico, ratesAt } from "../../protocol/fees.ts";
import { keccak256 } from "../../protocol/keccak.ts";
import { isNodeOnly } from "../../protocol/topics.ts";
import type { NetworkRates, RegisteredNode } from "../ports.ts";
import type { SigningKeys } from "../receipts/signingKeys.ts";

/** An envelope that its originator signed and its payer meant for it, whoever serves it. */
export interface LogEntry {
  read: ReadOriginatorEnvelope;
  payer: ReadPayerEnvelope;
  /** keccak256 of the client envelope. */
  envelopeHash: Hex;
}

/**
 * What an entry of `node`'s log proves: undefined when a signature does not hold or nobody can be charged for it. Rejects
 * as SigningKeys does.
 */
export async function proveLogEntry(
  read: ReadOriginatorEnvelope,
  node: RegisteredNode,
  keys: Pick<SigningKeys, "signerOf">,
  signal: AbortSignal,
): Promise<LogEntry | undefined> {
  if (!(await keys.signerOf(read, node, signal))) return undefined;
  try {
    const payer = readPayerEnvelope(read.payerEnvelope, fastRecoverAddress);
    if (payer.targetOriginator !== node.id) return undefined;
    if (isNodeOnly(payer.client.topic.kind) || destinationOf(payer.client) !== "node") return undefined;
    return { read, payer, envelopeHash: toHex(keccak256(payer.unsignedClientEnvelope)) };
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}

/** As every meter computes it: at the network's retention and the canonical size, whatever bytes carried it. */
export function entryBaseFeePico({ payer, read }: LogEntry, { history, retentionDays }: NetworkRates): bigint {
  const rates = ratesAt(history, read.originatorNs / 1_000_000_000n);
  return baseFeePico(rates, canonicalPayerEnvelopeSize({ ...payer, retentionDays }), retentionDays);
}
