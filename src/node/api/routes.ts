import type { ConnectRouter, HandlerContext } from "@connectrpc/connect";

import { Health, HealthCheckResponse_ServingStatus as Serving } from "#proto/grpc/health/v1/health_pb.ts";
import { D14nMigrationApi } from "#proto/xmtp/migration/api/v1/migration_pb.ts";
import type {
  GetInboxIdsRequest,
  GetNewestEnvelopeRequest,
  PublishPayerEnvelopesRequest,
  QueryEnvelopesRequest,
  SubscribeTopicsRequest,
} from "#proto/xmtp/xmtpv4/message_api/message_api_pb.ts";
import { PublishApi, QueryApi, ReplicationApi } from "#proto/xmtp/xmtpv4/message_api/message_api_pb.ts";

import { stampHeadersOf } from "../../protocol/stamps/headers.ts";
import { callerOf } from "../../platform/caller.ts";
import type { Publisher } from "../publish.ts";
import type { FeedPorts } from "./feed.ts";
import { getInboxIds, getNewestEnvelope, queryEnvelopes } from "./query.ts";
import { subscribeEnvelopes, subscribeOriginators, subscribeTopics } from "./subscribe.ts";

export const VOUCHER_HEADER = "x-postage-voucher";

/** The v4 node API. Reads are served whatever happens; the health check says whether a publish would be taken. */
export function nodeRoutes(ports: FeedPorts, publisher: Publisher): (router: ConnectRouter) => void {
  const { store } = ports;
  const publish = {
    publishPayerEnvelopes: async ({ payerEnvelopes }: PublishPayerEnvelopesRequest, context: HandlerContext) => ({
      originatorEnvelopes: await publisher.publish(payerEnvelopes, {
        voucherHeader: context.requestHeader.get(VOUCHER_HEADER),
        stampHeaders: stampHeadersOf(context.requestHeader),
        caller: callerOf(context),
      }),
    }),
  };
  const query = {
    queryEnvelopes: (request: QueryEnvelopesRequest) => queryEnvelopes(store, request),
    getInboxIds: (request: GetInboxIdsRequest) => getInboxIds(store, request),
    getNewestEnvelope: (request: GetNewestEnvelopeRequest) => getNewestEnvelope(store, request),
    subscribeTopics: (request: SubscribeTopicsRequest, { signal }: HandlerContext) =>
      subscribeTopics(ports, request, signal),
  };
  return (router) => {
    router.service(PublishApi, publish);
    router.service(QueryApi, query);
    router.service(ReplicationApi, {
      ...publish,
      ...query,
      subscribeEnvelopes: (request, { signal }) => subscribeEnvelopes(ports, request, signal),
      subscribeOriginators: (request, { signal }) => subscribeOriginators(ports, request, signal),
    });
    router.service(Health, {
      check: () => ({ status: publisher.isReady() ? Serving.SERVING : Serving.NOT_SERVING }),
    });
    // The network has been on v4 from its first day.
    router.service(D14nMigrationApi, { fetchD14nCutover: () => ({ timestampNs: 0n }) });
  };
}
