import { Health, HealthCheckResponse_ServingStatus as Serving } from "#proto/grpc/health/v1/health_pb.ts";
import { PayerApi } from "#proto/xmtp/xmtpv4/payer_api/payer_api_pb.ts";

import type { GrpcServer } from "../../../src/platform/grpcServer.ts";
import { startGrpcServer } from "../../../src/platform/grpcServer.ts";

const MOST_REQUEST_BYTES = 1_000_000;

/** A gateway that knows one node and publishes nothing: its clients read what this node says, or nothing. */
export function startOneNodeGateway(nodeId: number, nodeUrl: string): Promise<GrpcServer> {
  return startGrpcServer({
    host: "127.0.0.1",
    port: 0,
    maxMessageBytes: MOST_REQUEST_BYTES,
    routes: (router) => {
      router.service(PayerApi, { getNodes: () => ({ nodes: { [nodeId]: nodeUrl } }) });
      router.service(Health, { check: () => ({ status: Serving.SERVING }) });
    },
  });
}
