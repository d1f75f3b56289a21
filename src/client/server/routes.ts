import type { ConnectRouter, HandlerContext } from "@connectrpc/connect";
import { Code, ConnectError } from "@connectrpc/connect";

import { Health, HealthCheckResponse_ServingStatus } from "#proto/grpc/health/v1/health_pb.ts";
import { PostageRefusalSchema } from "#proto/pennyblack/v1/postage_pb.ts";
import { D14nMigrationApi } from "#proto/xmtp/migration/api/v1/migration_pb.ts";
import type { ClientEnvelope } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";
import { GatewayApi } from "#proto/xmtp/xmtpv4/gateway_api/gateway_api_pb.ts";
import { PayerApi } from "#proto/xmtp/xmtpv4/payer_api/payer_api_pb.ts";

import type { Log } from "../../platform/log.ts";
import { fromHex } from "../../protocol/bytes.ts";
import type { GatewayErrorCode } from "../errors.ts";
import { GatewayError } from "../errors.ts";
import type { GatewayRecorder } from "../metrics/catalogue.ts";
import type { NodeDirectory } from "../nodes/nodeDirectory.ts";
import type { Publisher } from "../publish/publisher.ts";
import type { Callers } from "./callers.ts";

const STATUS: Record<GatewayErrorCode, Code> = {
  invalid_envelope: Code.InvalidArgument,
  invalid_identity_update: Code.InvalidArgument,
  too_many_envelopes: Code.InvalidArgument,
  unauthenticated: Code.Unauthenticated,
  rate_limited: Code.ResourceExhausted,
  budget_exhausted: Code.ResourceExhausted,
  out_of_money: Code.ResourceExhausted,
  stamp_needed: Code.FailedPrecondition,
  sender_blocked: Code.PermissionDenied,
  too_busy: Code.ResourceExhausted,
  no_node: Code.Unavailable,
  no_rates: Code.Unavailable,
  chain_unavailable: Code.Unavailable,
  refused_by_chain: Code.FailedPrecondition,
  refused_by_nodes: Code.Unavailable,
  not_served_yet: Code.Unavailable,
  bad_receipt: Code.Unavailable,
  demand_above_ledger: Code.Unavailable,
  ledger_conflict: Code.Internal,
  store_unavailable: Code.Unavailable,
  in_progress: Code.Unavailable,
  timeout: Code.Unavailable,
  shutting_down: Code.Unavailable,
};

/** The gRPC status of an error, with a `pennyblack.v1.PostageRefusal` that says the same to programs. */
export function toConnectError(error: unknown): ConnectError {
  if (!(error instanceof GatewayError)) {
    return error instanceof ConnectError
      ? error
      : new ConnectError("the gateway failed: see its log", Code.Internal, undefined, undefined, error);
  }
  const { code, message, numbers, renewsAt = 0, retryable } = error;
  const amounts = numbers ? { ...numbers, channel: fromHex(numbers.channel) } : {};
  const value = { code, message, retryable, ...amounts, renewsAt: BigInt(Math.ceil(renewsAt / 1_000)) };
  return new ConnectError(message, STATUS[code], undefined, [{ desc: PostageRefusalSchema, value }], error);
}

export interface GatewayRoutesOptions {
  publisher: Publisher;
  callers: Callers;
  directory: NodeDirectory;
  isReady: () => boolean;
  recorder: Pick<GatewayRecorder, "count">;
  log: Log;
}

/** What a stock XMTP client asks of a gateway. */
export function gatewayRoutes({ publisher, callers, directory, isReady, recorder, log }: GatewayRoutesOptions) {
  const payer = {
    async publishClientEnvelopes(
      { envelopes }: { envelopes: ClientEnvelope[] },
      { requestHeader, signal }: Pick<HandlerContext, "requestHeader" | "signal">,
    ) {
      try {
        const caller = await callers.admit(requestHeader, envelopes.length, signal);
        const originatorEnvelopes = await publisher.publish(envelopes, signal, caller);
        recorder.count("calls", 1, { result: "accepted" });
        return { originatorEnvelopes };
      } catch (error) {
        recorder.count("calls", 1, {
          result: error instanceof GatewayError ? error.code : signal.aborted ? "gone" : "failed",
        });
        if (!(error instanceof GatewayError) && !signal.aborted) {
          log.error(
            { error: String(error), stack: error instanceof Error ? error.stack : undefined },
            "a publish failed",
          );
        } else {
          log.info({ error: String(error), envelopes: envelopes.length }, "a publish was not answered");
        }
        throw toConnectError(error);
      }
    },
    getNodes() {
      return { nodes: Object.fromEntries(directory.available().map(({ node }) => [node.id, node.httpAddress])) };
    },
  };
  const { SERVING, NOT_SERVING } = HealthCheckResponse_ServingStatus;
  return (router: ConnectRouter): void => {
    router.service(PayerApi, payer);
    router.service(GatewayApi, payer);
    router.service(Health, { check: () => ({ status: isReady() ? SERVING : NOT_SERVING }) });
    router.service(D14nMigrationApi, { fetchD14nCutover: () => ({ timestampNs: 0n }) });
  };
}
