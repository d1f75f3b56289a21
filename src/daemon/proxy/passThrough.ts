import type { DescMethod, DescMethodServerStreaming, DescMethodUnary } from "@bufbuild/protobuf";
import { EmptySchema } from "@bufbuild/protobuf/wkt";
import type { ConnectRouter, HandlerContext } from "@connectrpc/connect";

import { Health, HealthCheckResponse_ServingStatus as Serving } from "#proto/grpc/health/v1/health_pb.ts";
import { D14nMigrationApi } from "#proto/xmtp/migration/api/v1/migration_pb.ts";
import { PublishApi, QueryApi, ReplicationApi } from "#proto/xmtp/xmtpv4/message_api/message_api_pb.ts";
import type { PublishPayerEnvelopesRequest } from "#proto/xmtp/xmtpv4/message_api/message_api_pb.ts";
import { MetadataApi } from "#proto/xmtp/xmtpv4/metadata_api/metadata_api_pb.ts";
import { HealthCheckRequestSchema, HealthCheckResponseSchema } from "#proto/grpc/health/v1/health_pb.ts";

import { SENDER_HEADER, WAIVER_HEADER, stampHeadersOf } from "../../protocol/stamps/headers.ts";
import { VOUCHER_HEADER } from "../../protocol/voucher.ts";
import { callerOf } from "../../platform/caller.ts";
import type { Gate } from "../gate.ts";
import { HeldBytes } from "./heldBytes.ts";
import type { ProxyPublisher } from "./publisher.ts";
import type { Upstream } from "./ports.ts";

/** For this proxy alone. */
const OURS = new Set([VOUCHER_HEADER, WAIVER_HEADER, SENDER_HEADER]);
/** Of the connection and its framing, not of the call. */
const NOT_PASSED =
  /^(host|connection|content-.*|te|trailer|transfer-encoding|upgrade|keep-alive|accept.*|user-agent|origin|referer|grpc-.*|x-grpc-web|x-user-agent|sec-.*|cookie)$/;

export interface ProxyRoutesOptions {
  publisher: Pick<ProxyPublisher, "publish">;
  gate: Pick<Gate, "isOpen">;
  upstream: Upstream;
}

/**
 * The node API with postage: publishes go through the gate, reads and streams to the node as they are. Messages that are
 * passed on are not looked into: a field that we do not know arrives as it was sent. Methods that are not listed here are
 * not there, so nothing that writes slips by.
 */
export function proxyRoutes({ publisher, gate, upstream }: ProxyRoutesOptions): (router: ConnectRouter) => void {
  const publish = async ({ payerEnvelopes }: PublishPayerEnvelopesRequest, context: HandlerContext) => ({
    originatorEnvelopes: await publisher.publish(payerEnvelopes, {
      voucherHeader: context.requestHeader.get(VOUCHER_HEADER),
      stampHeaders: stampHeadersOf(context.requestHeader),
      caller: callerOf(context),
    }),
  });
  const held = new HeldBytes();
  const check = { ...Health.method.check, input: HealthCheckRequestSchema, output: HealthCheckResponseSchema };
  return (router) => {
    router.rpc(PublishApi.method.publishPayerEnvelopes, publish);
    router.rpc(ReplicationApi.method.publishPayerEnvelopes, publish);
    // Whether a publish would be taken, as gateways ask: by the gate and by the node.
    router.rpc(Health.method.check, async (request, context) => {
      if (!gate.isOpen()) return { status: Serving.NOT_SERVING };
      const header = passed(context.requestHeader);
      return (await upstream.unary.unary(check, context.signal, context.timeoutMs(), header, request)).message;
    });
    for (const service of [QueryApi, ReplicationApi, MetadataApi, D14nMigrationApi]) {
      for (const method of service.methods.filter(({ name }) => name !== "PublishPayerEnvelopes")) {
        passOn(router, method, upstream, held);
      }
    }
  };
}

function passOn(router: ConnectRouter, method: DescMethod, upstream: Upstream, held: HeldBytes): void {
  // Everything in an empty message is an unknown field, and those are kept as they are.
  const opaque = { ...method, input: EmptySchema, output: EmptySchema };
  if (method.methodKind === "unary") {
    const unary = opaque as DescMethodUnary<typeof EmptySchema, typeof EmptySchema>;
    router.rpc(unary, async (request, { signal, timeoutMs, requestHeader }) => {
      return (await upstream.unary.unary(unary, signal, timeoutMs(), passed(requestHeader), request)).message;
    });
  }
  if (method.methodKind === "server_streaming") {
    const streaming = opaque as DescMethodServerStreaming<typeof EmptySchema, typeof EmptySchema>;
    router.rpc(streaming, async function* (request, { signal, timeoutMs, requestHeader }) {
      const { transport, release } = upstream.takeStreamTransport();
      try {
        const input = (async function* () {
          yield request;
        })();
        const header = passed(requestHeader);
        const { message } = await transport.stream(streaming, signal, timeoutMs(), header, input);
        yield* held.pass(message, ({ $unknown }) => ($unknown ?? []).reduce((sum, { data }) => sum + data.length, 0));
      } finally {
        release();
      }
    });
  }
}

/** What a caller says about itself, such as a node's token. */
function passed(header: Headers): Headers {
  const kept = new Headers();
  header.forEach((value, name) => {
    if (!OURS.has(name) && !NOT_PASSED.test(name)) kept.set(name, value);
  });
  return kept;
}
