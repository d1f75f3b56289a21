import { toBinary } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-node";

import { OriginatorEnvelopeSchema } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";
import { QueryApi } from "#proto/xmtp/xmtpv4/message_api/message_api_pb.ts";

import type { PeerLogs } from "../faults/ports.ts";

/** A hundred envelopes of the largest size, and some. More is not read, whatever a peer sends. */
const MOST_BYTES = 32 * 1024 * 1024;

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
    const query = { originatorNodeIds: [originatorId], lastSeen: { nodeIdToSequenceId: { [originatorId]: after } } };
    const { envelopes } = await createClient(QueryApi, transport).queryEnvelopes({ query, limit }, { signal });
    // Only the outermost message is written again: what is signed stays as it came.
    return envelopes.slice(0, limit).map((envelope) => toBinary(OriginatorEnvelopeSchema, envelope));
  },
};
