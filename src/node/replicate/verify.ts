import { create, toBinary } from "@bufbuild/protobuf";

import type { OriginatorEnvelope } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";
import { OriginatorEnvelopeSchema } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";

import { fastRecoverAddress } from "../../platform/fastEcdsa.ts";
import type { Address } from "../../protocol/bytes.ts";
import {
  PAYLOAD_LENGTH,
  destinationOf,
  readOriginatorEnvelope,
  readPayerEnvelope,
  recoverOriginator,
} from "../../protocol/envelope.ts";
import { readAsGo } from "../../protocol/goEnvelope.ts";
import { isNodeOnly } from "../../protocol/topics.ts";
import { describe } from "../errors.ts";
import { MAX_INT64 } from "../limits.ts";
import type { NewEnvelope } from "../store/writer.ts";

/**
 * What a message needs around it at most. Should its originator sign another one in its place, FaultProofs has to read
 * both within one transaction, field by field but for the payer envelopes; an honest one has less than 200 bytes there.
 */
const MOST_AROUND_PAYLOAD = 4_096;
const MOST_AROUND_PAYER_ENVELOPE = 1_024;

/**
 * - `forged`: the originator did not sign it, so it says nothing about the originator's log.
 * - `unfit`: the originator signed it, but nobody may store it; its place in the log is passed over.
 */
export type Verdict =
  | { kind: "good"; envelope: NewEnvelope }
  | { kind: "unfit"; sequenceId: bigint; why: string }
  | { kind: "forged"; why: string };

/**
 * Checks an envelope that a peer sent for `originatorId`. `isKey` says whether a key was the originator's at a time; when
 * it rejects, nothing is known of the envelope, and so does this.
 */
export async function verifyReplica(
  message: OriginatorEnvelope,
  originatorId: number,
  isKey: (signer: Address, originatorNs: bigint) => Promise<boolean>,
): Promise<Verdict> {
  let read;
  try {
    read = readOriginatorEnvelope(message);
  } catch (error) {
    return { kind: "forged", why: describe(error) };
  }
  if (read.originatorId !== originatorId) {
    return { kind: "forged", why: `it is of originator ${read.originatorId}, not of ${originatorId}` };
  }
  const recovered = recoverOriginator(read, fastRecoverAddress);
  if (!recovered) return { kind: "forged", why: "nobody signed it" };
  if (!(await isKey(recovered, read.originatorNs)))
    return { kind: "forged", why: `${recovered} signed it, which is no key of its` };
  const { sequenceId, originatorNs } = read;
  const unfit = (why: string): Verdict => ({ kind: "unfit", sequenceId, why });
  if (sequenceId < 1n || sequenceId > MAX_INT64) return { kind: "forged", why: `sequence id ${sequenceId}` };
  if (originatorNs < 0n) return unfit("its time is before 1970");
  if (!isShowable(read.unsigned)) return unfit("FaultProofs could not read it");
  let payer;
  try {
    payer = readPayerEnvelope(read.payerEnvelope, fastRecoverAddress);
  } catch (error) {
    return unfit(describe(error));
  }
  if (payer.targetOriginator !== originatorId) return unfit(`its payer meant originator ${payer.targetOriginator}`);
  // A client that gets a commit from anybody but the chain cannot publish any more.
  if (destinationOf(payer.client) !== "node") return unfit("it belongs on chain");
  if (isNodeOnly(payer.client.topic.kind)) return unfit("it is a report between stock nodes");
  const bytes = toBinary(
    OriginatorEnvelopeSchema,
    create(OriginatorEnvelopeSchema, { unsignedOriginatorEnvelope: read.unsigned, proof: read.proof }),
  );
  const topic = payer.client.topicBytes;
  return { kind: "good", envelope: { originatorId, sequenceId, originatorNs, topic, bytes } };
}

function isShowable(unsigned: Uint8Array): boolean {
  if (unsigned.length > PAYLOAD_LENGTH.most + MOST_AROUND_PAYLOAD) return false;
  // As FaultProofs does: in odd bytes protobuf-es sees a payer envelope where Go sees fields.
  const reading = readAsGo(unsigned);
  return reading !== undefined && unsigned.length - reading.payerEnvelope.length <= MOST_AROUND_PAYER_ENVELOPE;
}
