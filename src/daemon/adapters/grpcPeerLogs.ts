import { create } from "@bufbuild/protobuf";
import { createGrpcWebTransport } from "@connectrpc/connect-node";

import { EnvelopesAsServedSchema } from "#proto/pennyblack/v1/postage_pb.ts";
import { QueryApi, QueryEnvelopesRequestSchema } from "#proto/xmtp/xmtpv4/message_api/message_api_pb.ts";

import type { PeerLogs } from "../faults/ports.ts";

/** A hundred envelopes of the largest size, and some. More is not read, whatever a peer sends. */
const MOST_BYTES = 32 * 1024 * 1024;
const QUERY = { ...QueryApi.method.queryEnvelopes, output: EnvelopesAsServedSchema };

/** The API that every XMTP node has. */
export const grpcPeerLogs: PeerLogs = {
  async read(httpAddress, { originatorId, after, limit }, signal) {
    const transport = createGrpcWebTransport({
      baseUrl: httpAddress,
      httpVersion: "1.1",
      readMaxBytes: MOST_BYTES,
      // A connection of its own: a kept one may belong to the process that was there before a restart.
      nodeOptions: { agent: false },
    });
    const lastSeen = { nodeIdToSequenceId: { [originatorId]: after } };
    const request = create(QueryEnvelopesRequestSchema, {
      query: { originatorNodeIds: [originatorId], lastSeen },
      limit,
    });
    const { message } = await transport.unary(QUERY, signal, undefined, undefined, request);
    return message.envelopes.slice(0, limit);
  },
};
