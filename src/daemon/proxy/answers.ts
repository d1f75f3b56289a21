import { fromBinary, toBinary } from "@bufbuild/protobuf";

import type { OriginatorEnvelope } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";
import { OriginatorEnvelopeSchema, PayerEnvelopeSchema } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";

import { equalBytes } from "../../protocol/bytes.ts";
import type { ReadOriginatorEnvelope, ReadPayerEnvelope } from "../../protocol/envelope.ts";
import { payerDigest, readOriginatorEnvelope, readPayerEnvelope } from "../../protocol/envelope.ts";
import type { KeyRing } from "../keyRing.ts";

/** An envelope of a publish call, with the key under which it is stored once. */
export interface Candidate {
  key: string;
  read: ReadPayerEnvelope;
}

export interface Answer {
  envelope: OriginatorEnvelope;
  sequenceId: bigint;
}

/** The node's answer is none: what it stored, if anything, is not known from it. */
export class BadAnswerError extends Error {
  override readonly name = "BadAnswerError";
}

/** The node gives ids out again: its database is an old copy. */
export class OldIdError extends BadAnswerError {}

export interface AnswerRules {
  nodeId: number;
  keys: KeyRing;
  /** Highest id that was known before the call: each one of the answer is above it. */
  above: bigint;
}

/** Checks what the node answered for envelopes, one by one. Throws BadAnswerError, or what the chain's reader throws. */
export async function checkAnswers(
  envelopes: readonly OriginatorEnvelope[],
  asked: readonly Candidate[],
  { nodeId, keys, above }: AnswerRules,
): Promise<Map<string, Answer>> {
  if (envelopes.length !== asked.length) {
    throw new BadAnswerError(`the node answered ${envelopes.length} envelopes for ${asked.length}`);
  }
  const answers = new Map<string, Answer>();
  for (const [i, { key, read }] of asked.entries()) {
    const envelope = envelopes[i]!;
    const served = decode(envelope);
    if (!served) throw new BadAnswerError("the node's answer cannot be read");
    const { originatorId, sequenceId, payerEnvelope } = served;
    if (originatorId !== nodeId) throw new BadAnswerError(`the node's answer is of ${originatorId}, not of ${nodeId}`);
    if (!equalBytes(payerEnvelope, read.bytes)) {
      throw new BadAnswerError("the node's answer holds another payer envelope than was sent");
    }
    if (!(await keys.isSigned(served))) {
      throw new BadAnswerError(`the node signs with a key that the registry does not have for node ${nodeId}`);
    }
    if (sequenceId <= above) {
      throw new OldIdError(
        `the node gave out sequence id ${sequenceId}, and ${above} before: its database is an old copy`,
      );
    }
    answers.set(key, { envelope, sequenceId });
  }
  return answers;
}

/** Of envelopes that the node serves, the one that holds what a payer signed; undefined when none does. */
export async function findAnswer(
  envelopes: readonly OriginatorEnvelope[],
  { read }: Candidate,
  { nodeId, keys }: Omit<AnswerRules, "above">,
): Promise<Answer | undefined> {
  for (const envelope of envelopes) {
    const served = decode(envelope);
    if (served?.originatorId !== nodeId || !holds(served.payerEnvelope, read)) continue;
    if (await keys.isSigned(served)) return { envelope, sequenceId: served.sequenceId };
  }
  return undefined;
}

function decode(envelope: OriginatorEnvelope): ReadOriginatorEnvelope | undefined {
  try {
    return readOriginatorEnvelope(envelope);
  } catch {
    return undefined;
  }
}

/** Whether bytes carry the same client envelope of the same payer, in whatever form. */
function holds(payerEnvelope: Uint8Array, { bytes, digest, payer }: ReadPayerEnvelope): boolean {
  if (equalBytes(payerEnvelope, bytes)) return true;
  try {
    const { targetOriginator, unsignedClientEnvelope } = fromBinary(PayerEnvelopeSchema, payerEnvelope);
    // The signature is dear: most envelopes of a page are others.
    if (!equalBytes(payerDigest(targetOriginator, unsignedClientEnvelope), digest)) return false;
    return readPayerEnvelope(payerEnvelope).payer === payer;
  } catch {
    return false;
  }
}

export function sizeOf({ envelope }: Answer): number {
  return toBinary(OriginatorEnvelopeSchema, envelope).length;
}
