import type { OriginatorEnvelope } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";

import { equalBytes } from "../../protocol/bytes.ts";
import type { ReadOriginatorEnvelope } from "../../protocol/envelope.ts";
import {
  canonicalPayerEnvelopeSize,
  payerEnvelopeHash,
  readOriginatorEnvelope,
  readPayerFields,
} from "../../protocol/envelope.ts";
import { baseFeePico, ratesAt } from "../../protocol/fees.ts";
import { GatewayError } from "../errors.ts";
import type { NetworkRates, RegisteredNode } from "../ports.ts";
import type { SigningKeys } from "./signingKeys.ts";

/** Congestion units are 0 to 100. */
const MOST_CONGESTION_UNITS = 100n;

export function mostCongestionFeePico({ history }: NetworkRates, originatorNs: bigint): bigint {
  return ratesAt(history, originatorNs / 1_000_000_000n).congestionFeePico * MOST_CONGESTION_UNITS;
}

export interface CheckedReceipt {
  envelope: OriginatorEnvelope;
  read: ReadOriginatorEnvelope;
  /** What this publish adds: nothing when the node has carried the envelope since before it. */
  feePico: bigint;
  congestionFeePico: bigint;
}

export interface ReceiptExpectation {
  /** What was sent. */
  payerEnvelope: Uint8Array;
  node: RegisteredNode;
  keys: Pick<SigningKeys, "signerOf">;
  rates: NetworkRates;
  /** Milliseconds since 1970. A receipt dated before is of an earlier publish, and was charged then. */
  notBeforeMs: number;
  /** The node may not date it later. */
  notAfterMs: number;
}

/**
 * Checks an originator envelope as a receipt: the node's signature, our bytes, the right fee. A node that answers
 * anything else cannot be believed to have stored it. Throws GatewayError `bad_receipt`, and as SigningKeys does.
 */
export async function checkReceipt(
  envelope: OriginatorEnvelope,
  expected: ReceiptExpectation,
  signal: AbortSignal,
): Promise<CheckedReceipt> {
  const { node, payerEnvelope } = expected;
  const bad = (what: string): never => {
    throw new GatewayError("bad_receipt", `node ${node.id} gave a receipt that ${what}`, { retryable: true });
  };
  const read = readOriginatorEnvelope(envelope);
  if (read.originatorId !== node.id) bad(`is of originator ${read.originatorId}`);
  if (!equalBytes(payerEnvelopeHash(read.payerEnvelope), payerEnvelopeHash(payerEnvelope))) bad("is for other bytes");
  if (!(await expected.keys.signerOf(read, node, signal))) bad("no key signed that it has, or had at that time");
  const ms = read.originatorNs / 1_000_000n;
  if (ms < 0n || ms > BigInt(expected.notAfterMs)) bad(`is dated ${ms} ms`);
  // Our own bytes, as the hash says.
  const sent = readPayerFields(payerEnvelope);
  const rates = ratesAt(expected.rates.history, ms / 1_000n);
  const base = baseFeePico(rates, canonicalPayerEnvelopeSize(sent), sent.retentionDays);
  if (read.baseFeePico !== base) bad(`charges ${read.baseFeePico} picodollars, the base fee is ${base}`);
  const mostCongestion = mostCongestionFeePico(expected.rates, read.originatorNs);
  if (read.congestionFeePico > mostCongestion) {
    bad(`charges ${read.congestionFeePico} picodollars for congestion, at most ${mostCongestion} are possible`);
  }
  // A node that dates back what is new asks for more than the ledger explains: then the logs decide.
  const isEarlier = ms < BigInt(expected.notBeforeMs);
  const feePico = isEarlier ? 0n : read.baseFeePico + read.congestionFeePico;
  return { envelope, read, feePico, congestionFeePico: read.congestionFeePico };
}
