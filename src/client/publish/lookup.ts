import { fromBinary } from "@bufbuild/protobuf";

import type { OriginatorEnvelope } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";
import { PayerEnvelopeSchema } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";

import type { Clock } from "../../platform/clock.ts";
import type { Log } from "../../platform/log.ts";
import { equalBytes } from "../../protocol/bytes.ts";
import type { ReadOriginatorEnvelope } from "../../protocol/envelope.ts";
import { readOriginatorEnvelope } from "../../protocol/envelope.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import { withTimeout } from "../async.ts";
import type { NodeStatus } from "../nodes/nodeDirectory.ts";

const PAGE = 100;

export interface LookupOptions {
  clock: Clock;
  log: Log;
  nodeTimeoutMs: number;
  mostLookupPages: number;
}

export interface FoundEnvelope {
  envelope: OriginatorEnvelope;
  read: ReadOriginatorEnvelope;
}

/** Reads everything that one node serves on a topic, oldest first, up to a bound of pages. Rejects when it fails. */
export async function* readTopic(
  options: LookupOptions,
  status: NodeStatus,
  topic: Uint8Array,
  signal: AbortSignal,
): AsyncGenerator<FoundEnvelope> {
  const { clock, log, mostLookupPages, nodeTimeoutMs } = options;
  const lastSeen = new Map<number, bigint>();
  const what = `node ${status.node.id}'s answer to a query`;
  for (let page = 0; page < mostLookupPages; page++) {
    const query = { topics: [topic], originatorIds: [], lastSeen, limit: PAGE };
    const envelopes = await withTimeout(clock, nodeTimeoutMs, signal, what, (own) => status.client.query(query, own));
    let isNew = false;
    for (const envelope of envelopes) {
      const read = readOriginatorEnvelope(envelope);
      if (read.sequenceId > (lastSeen.get(read.originatorId) ?? 0n)) {
        lastSeen.set(read.originatorId, read.sequenceId);
        isNew = true;
      }
      yield { envelope, read };
    }
    // A node may cap its pages below what was asked; the last one brings nothing new.
    if (!isNew) return;
  }
  log.warn({ node: status.node.id, pages: mostLookupPages }, "a topic is longer than a look-up reads");
}

/** The client envelope inside a payer envelope. Throws ProtocolError. */
export function clientEnvelopeOf(payerEnvelope: Uint8Array): Uint8Array {
  try {
    return fromBinary(PayerEnvelopeSchema, payerEnvelope).unsignedClientEnvelope;
  } catch (cause) {
    throw new ProtocolError("malformed_envelope", "the payer envelope is not valid protobuf", { cause });
  }
}

/** What these very bytes became at `originatorId`, as one node serves it. */
export async function findStored(
  options: LookupOptions,
  status: NodeStatus,
  wanted: { topic: Uint8Array; originatorId: number; payerEnvelope: Uint8Array },
  signal: AbortSignal,
): Promise<FoundEnvelope | undefined> {
  for await (const found of readTopic(options, status, wanted.topic, signal)) {
    const { originatorId, payerEnvelope } = found.read;
    if (originatorId === wanted.originatorId && equalBytes(payerEnvelope, wanted.payerEnvelope)) return found;
  }
  return undefined;
}
