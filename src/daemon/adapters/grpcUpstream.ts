import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";

import { fromBinary } from "@bufbuild/protobuf";
import type { Transport } from "@connectrpc/connect";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";

import { PayerEnvelopeSchema } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";
import { PublishApi, QueryApi, ReplicationApi } from "#proto/xmtp/xmtpv4/message_api/message_api_pb.ts";

import { Http2Connection } from "../../platform/http2Connection.ts";
import { causedByRefusedConnection } from "../../platform/refusedConnection.ts";
import type { Upstream, UpstreamOutcome } from "../proxy/ports.ts";

export interface UpstreamAddress {
  url: string;
  /** gRPC over HTTP/2 (without TLS for http:), or gRPC-Web over HTTP/1.1. */
  protocol: "grpc" | "grpc-web";
}

const MOST_ANSWER_BYTES = 64 * 1024 * 1024;
/** Streams of one HTTP/2 connection: servers allow 100 or more. */
const STREAMS_PER_CONNECTION = 64;
/** What a node says about a request before it stores anything of it. */
const BEFORE_STORING: ReadonlySet<Code> = new Set([
  Code.InvalidArgument,
  Code.Unimplemented,
  Code.Unauthenticated,
  Code.PermissionDenied,
]);

/** Talks to the stock node behind a proxy. */
export function connectUpstream(address: UpstreamAddress): Upstream {
  const connections = new Connections(address);
  const unary = connections.open();
  const publishApi = createClient(PublishApi, unary);
  const queryApi = createClient(QueryApi, unary);
  return {
    unary,
    takeStreamTransport: () => connections.take(),
    async publish(payerEnvelopes, signal) {
      try {
        const request = { payerEnvelopes: payerEnvelopes.map((bytes) => fromBinary(PayerEnvelopeSchema, bytes)) };
        const { originatorEnvelopes } = await publishApi.publishPayerEnvelopes(request, { signal });
        return { kind: "answered", envelopes: originatorEnvelopes };
      } catch (error) {
        return outcomeOf(error);
      }
    },
    async query({ topics, originatorIds, lastSeen, limit }, signal) {
      const nodeIdToSequenceId = Object.fromEntries(lastSeen);
      const query = { topics, originatorNodeIds: originatorIds, lastSeen: { nodeIdToSequenceId } };
      return (await queryApi.queryEnvelopes({ query, limit }, { signal })).envelopes;
    },
    async *subscribe(lastSeen, signal) {
      const { transport, release } = connections.take();
      try {
        const cursor = { nodeIdToSequenceId: Object.fromEntries(lastSeen) };
        const filter = { originatorNodeIds: [...lastSeen.keys()], lastSeen: cursor };
        const frames = createClient(ReplicationApi, transport).subscribeOriginators({ filter }, { signal });
        for await (const { response } of frames) yield response.case === "envelopes" ? response.value.envelopes : [];
      } finally {
        release();
      }
    },
    close: () => connections.close(),
  };
}

/** Connections for streams: one more whenever the others are full. */
class Connections {
  readonly #address: UpstreamAddress;
  readonly #agent: HttpAgent;
  readonly #connections: Http2Connection[] = [];
  readonly #pool: { transport: Transport; streams: number }[] = [];

  constructor(address: UpstreamAddress) {
    this.#address = address;
    const Agent = address.url.startsWith("https:") ? HttpsAgent : HttpAgent;
    this.#agent = new Agent({ keepAlive: true });
  }

  open(): Transport {
    const { url: baseUrl, protocol } = this.#address;
    const options = { baseUrl, readMaxBytes: MOST_ANSWER_BYTES };
    if (protocol === "grpc-web") {
      return createGrpcWebTransport({ ...options, httpVersion: "1.1", nodeOptions: { agent: this.#agent } });
    }
    const sessionManager = new Http2Connection(baseUrl);
    this.#connections.push(sessionManager);
    return createGrpcTransport({ ...options, sessionManager });
  }

  take(): { transport: Transport; release: () => void } {
    let free = this.#pool.find(({ streams }) => streams < STREAMS_PER_CONNECTION);
    if (!free) this.#pool.push((free = { transport: this.open(), streams: 0 }));
    const connection = free;
    connection.streams++;
    return { transport: connection.transport, release: () => void connection.streams-- };
  }

  close(): void {
    this.#agent.destroy();
    for (const connection of this.#connections) connection.close();
  }
}

/** What a failed publish says about whether anything is stored. */
export function outcomeOf(reason: unknown): UpstreamOutcome {
  const error = ConnectError.from(reason);
  const isCertain = BEFORE_STORING.has(error.code) || causedByRefusedConnection(error);
  return { kind: isCertain ? "notStored" : "unknown", error };
}
