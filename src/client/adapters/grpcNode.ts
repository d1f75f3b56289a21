import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";

import { fromBinary } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-node";

import { Health, HealthCheckResponse_ServingStatus } from "#proto/grpc/health/v1/health_pb.ts";
import { PostageRefusalSchema } from "#proto/pennyblack/v1/postage_pb.ts";
import { PayerEnvelopeSchema } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";
import { PublishApi, QueryApi } from "#proto/xmtp/xmtpv4/message_api/message_api_pb.ts";

import { causedByRefusedConnection } from "../../platform/refusedConnection.ts";
import { NO_STAMP_HEADERS, SENDER_HEADER, WAIVER_HEADER } from "../../protocol/stamps/headers.ts";
import { VOUCHER_HEADER, voucherToHeader } from "../../protocol/voucher.ts";
import type { ConnectNode, PublishOutcome } from "../ports.ts";

/** Bytes that a node's answer may have: a page of envelopes. */
const MOST_ANSWER_BYTES = 64 * 1024 * 1024;
const MOST_SOCKETS = 64;

/** Answers that say that the envelope is not stored; whether that is true is verified later. */
const REFUSALS: ReadonlySet<Code> = new Set([
  Code.InvalidArgument,
  Code.FailedPrecondition,
  Code.ResourceExhausted,
  Code.PermissionDenied,
  Code.Unauthenticated,
  Code.Unimplemented,
  Code.NotFound,
  Code.OutOfRange,
]);

/** Talks gRPC-Web to a node, over kept connections. */
export const connectGrpcNode: ConnectNode = ({ httpAddress }) => {
  const Agent = httpAddress.startsWith("https:") ? HttpsAgent : HttpAgent;
  const agent = new Agent({ keepAlive: true, maxSockets: MOST_SOCKETS });
  const transport = createGrpcWebTransport({
    baseUrl: httpAddress,
    httpVersion: "1.1",
    nodeOptions: { agent },
    readMaxBytes: MOST_ANSWER_BYTES,
  });
  const publishApi = createClient(PublishApi, transport);
  const queryApi = createClient(QueryApi, transport);
  const healthApi = createClient(Health, transport);
  return {
    async publish(payerEnvelopes, voucherRow, signal, { waiver, sender } = NO_STAMP_HEADERS) {
      const request = { payerEnvelopes: payerEnvelopes.map((bytes) => fromBinary(PayerEnvelopeSchema, bytes)) };
      const headers = {
        [VOUCHER_HEADER]: voucherToHeader(voucherRow),
        ...(waiver === null ? {} : { [WAIVER_HEADER]: waiver }),
        ...(sender === null ? {} : { [SENDER_HEADER]: sender }),
      };
      try {
        const { originatorEnvelopes } = await publishApi.publishPayerEnvelopes(request, { headers, signal });
        return { kind: "accepted", envelopes: originatorEnvelopes };
      } catch (error) {
        return outcomeOf(error);
      }
    },
    async query({ topics, originatorIds, lastSeen, limit }, signal) {
      const nodeIdToSequenceId = Object.fromEntries(lastSeen);
      const query = { topics, originatorNodeIds: originatorIds, lastSeen: { nodeIdToSequenceId } };
      return (await queryApi.queryEnvelopes({ query, limit }, { signal })).envelopes;
    },
    async health(signal) {
      const { status } = await healthApi.check({}, { signal });
      return status === HealthCheckResponse_ServingStatus.SERVING;
    },
    close: () => agent.destroy(),
  };
};

/** What a failed publish says about whether the envelope is stored. */
export function outcomeOf(error: unknown): PublishOutcome {
  const failure = ConnectError.from(error);
  const message = failure.message;
  if (causedByRefusedConnection(failure)) return { kind: "notSent", message };
  // An honest gate says this before anything is stored, whatever the status.
  const [detail] = failure.findDetails(PostageRefusalSchema);
  // But of this one the same node has a part under way: to send it elsewhere may be to pay for it twice.
  if (detail && detail.code !== "in_progress") {
    const { code, required, authorised, available, retryable } = detail;
    const demand = { code, required, authorised, available, retryable };
    return { kind: "refused", reason: "postage", message: detail.message || message, demand };
  }
  if (!REFUSALS.has(failure.code)) return { kind: "unknown", message };
  const reason = failure.code === Code.InvalidArgument ? "invalid" : "other";
  return { kind: "refused", reason, message, demand: undefined };
}
