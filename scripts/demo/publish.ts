import { createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-node";
import { fromBinary } from "@bufbuild/protobuf";

import { ClientEnvelopeSchema } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";
import { PayerApi } from "#proto/xmtp/xmtpv4/payer_api/payer_api_pb.ts";

import type { ReadOriginatorEnvelope } from "../../src/protocol/envelope.ts";
import { readOriginatorEnvelope } from "../../src/protocol/envelope.ts";
import { stableOrder } from "../../src/protocol/nodeChoice.ts";
import { topicBytes } from "../../src/protocol/topics.ts";

/** A group, by the byte its id is filled with, whose messages belong to a node while all of these are there. */
export function groupOf(nodeId: number, nodeIds: readonly number[]): number {
  const group = Array.from({ length: 256 }, (_, fill) => fill).find(
    (fill) => stableOrder(topicBytes(0, new Uint8Array(16).fill(fill)), nodeIds)[0] === nodeId,
  );
  if (group === undefined) throw new Error(`no group belongs to node ${nodeId}`);
  return group;
}

/** Publishes a client envelope through a gateway, which pays for it, and answers what the node that took it signed. */
export async function publish(gatewayUrl: string, clientEnvelope: Uint8Array): Promise<ReadOriginatorEnvelope> {
  const api = createClient(PayerApi, createGrpcWebTransport({ baseUrl: gatewayUrl, httpVersion: "1.1" }));
  const envelopes = [fromBinary(ClientEnvelopeSchema, clientEnvelope)];
  const { originatorEnvelopes } = await api.publishClientEnvelopes({ envelopes });
  return readOriginatorEnvelope(originatorEnvelopes[0]!);
}
