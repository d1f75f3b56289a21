/**
 * A gateway without postage, in a process of its own: it signs payer envelopes, sends them to one node and answers when
 * that serves them, as XMTP asks of every gateway, and does nothing else. What has to go on chain it hands to the gateway behind, which pays gas.
 */
import { parseArgs } from "node:util";

import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-node";

import { Health, HealthCheckResponse_ServingStatus } from "#proto/grpc/health/v1/health_pb.ts";
import { D14nMigrationApi } from "#proto/xmtp/migration/api/v1/migration_pb.ts";
import type { ClientEnvelope, OriginatorEnvelope } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";
import { ClientEnvelopeSchema, PayerEnvelopeSchema } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";
import { GatewayApi } from "#proto/xmtp/xmtpv4/gateway_api/gateway_api_pb.ts";
import { PublishApi } from "#proto/xmtp/xmtpv4/message_api/message_api_pb.ts";
import { PayerApi } from "#proto/xmtp/xmtpv4/payer_api/payer_api_pb.ts";

import { untilStopped } from "../../../src/cli/untilStopped.ts";
import { connectGrpcNode } from "../../../src/client/adapters/grpcNode.ts";
import { LogFollower } from "../../../src/client/nodes/logFollower.ts";
import { systemClock } from "../../../src/platform/clock.ts";
import { fastSignDigest } from "../../../src/platform/fastEcdsa.ts";
import { startGrpcServer } from "../../../src/platform/grpcServer.ts";
import { fromHex } from "../../../src/protocol/bytes.ts";
import {
  COMMIT_ORIGINATOR,
  IDENTITY_ORIGINATOR,
  destinationOf,
  readClientEnvelope,
  readOriginatorEnvelope,
  signPayerEnvelope,
} from "../../../src/protocol/envelope.ts";

const RETENTION_DAYS = 60;
const MOST_BYTES = 8 * 1024 * 1024;

const text = { type: "string" } as const;
const { values } = parseArgs({ options: { node: text, nodeId: text, behind: text, key: text } });
const nodeId = Number(values.nodeId);
const transport = (baseUrl: string) => createGrpcWebTransport({ baseUrl, httpVersion: "1.1" });
const node = createClient(PublishApi, transport(values.node!));
const behind = createClient(PayerApi, transport(values.behind!));
const key = fromHex(values.key!);
const client = connectGrpcNode({ id: nodeId, httpAddress: values.node! });
const followers = new Map(
  [nodeId, IDENTITY_ORIGINATOR, COMMIT_ORIGINATOR].map((originatorId) => [
    originatorId,
    new LogFollower({ client, originatorId, clock: systemClock, nodeTimeoutMs: 10_000 }),
  ]),
);

/** What the gateway behind published too: this node is not among those that it waits for. */
async function served(envelopes: readonly OriginatorEnvelope[], signal: AbortSignal): Promise<void> {
  const places = envelopes.map((envelope) => readOriginatorEnvelope(envelope));
  await Promise.all(
    places.map(({ originatorId, sequenceId }) => followers.get(originatorId)!.wait(sequenceId, signal)),
  );
}

async function publishClientEnvelopes(
  { envelopes }: { envelopes: ClientEnvelope[] },
  { signal }: { signal: AbortSignal },
) {
  const read = envelopes.map((envelope) => readClientEnvelope(toBinary(ClientEnvelopeSchema, envelope)));
  if (read.some((one) => destinationOf(one) !== "node")) {
    const { originatorEnvelopes } = await behind.publishClientEnvelopes({ envelopes });
    await served(originatorEnvelopes, signal);
    return { originatorEnvelopes };
  }
  const payerEnvelopes = envelopes.map((envelope) => {
    const unsignedClientEnvelope = toBinary(ClientEnvelopeSchema, envelope);
    const fields = { unsignedClientEnvelope, targetOriginator: nodeId, retentionDays: RETENTION_DAYS };
    return fromBinary(PayerEnvelopeSchema, signPayerEnvelope(fields, key, fastSignDigest));
  });
  const { originatorEnvelopes } = await node.publishPayerEnvelopes({ payerEnvelopes });
  await served(originatorEnvelopes, signal);
  return { originatorEnvelopes };
}

const payer = { publishClientEnvelopes, getNodes: () => ({ nodes: { [nodeId]: values.node! } }) };
const server = await startGrpcServer({
  ...{ host: "127.0.0.1", port: 0, maxMessageBytes: MOST_BYTES },
  routes: (router) => {
    router.service(PayerApi, payer);
    router.service(GatewayApi, payer);
    router.service(Health, { check: () => ({ status: HealthCheckResponse_ServingStatus.SERVING }) });
    router.service(D14nMigrationApi, { fetchD14nCutover: () => ({ timestampNs: 0n }) });
  },
});
console.log(JSON.stringify({ ready: true, url: server.url }));
await untilStopped();
await server.close();
process.exit(0);
