/**
 * A node that equivocates, for `npm run demo -- --with-fault`. Behind is the reference node as it is; in front of it, at
 * the registered address, stands this: it passes everything on, and tells every second peer that replicates the node's
 * log another time for each of its envelopes, signed with the node's key. `GET /listeners` says how many replicate it.
 */
import { request as httpRequest } from "node:http";
import { parseArgs } from "node:util";

import { create, fromBinary } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-node";

import type { OriginatorEnvelope } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";
import { OriginatorEnvelopeSchema } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";
import type { SubscribeOriginatorsResponse } from "#proto/xmtp/xmtpv4/message_api/message_api_pb.ts";
import {
  ReplicationApi,
  SubscribeOriginatorsResponseSchema,
  SubscribeOriginatorsResponse_EnvelopesSchema,
} from "#proto/xmtp/xmtpv4/message_api/message_api_pb.ts";

import { openKey } from "../../src/cli/config/openKeys.ts";
import { readNodeConfig } from "../../src/cli/config/operatorConfig.ts";
import { runNode } from "../../src/cli/runNode.ts";
import { untilStopped } from "../../src/cli/untilStopped.ts";
import type { HttpHandler } from "../../src/platform/grpcServer.ts";
import { startGrpcServer } from "../../src/platform/grpcServer.ts";
import { readOriginatorEnvelope, signOriginatorEnvelope } from "../../src/protocol/envelope.ts";

const MOST_MESSAGE_BYTES = 8 * 1024 * 1024;
const ONE_SECOND_NS = 1_000_000_000n;

/** The same message, a second later: a lie, because the node has signed already when it came. */
function otherVersion(envelope: OriginatorEnvelope, signingKey: Uint8Array): OriginatorEnvelope {
  const read = readOriginatorEnvelope(envelope);
  const other = { ...read, originatorNs: read.originatorNs + ONE_SECOND_NS };
  return fromBinary(OriginatorEnvelopeSchema, signOriginatorEnvelope(other, signingKey));
}

/** Who asks gets, for each envelope, the version that the one before did not get. */
function liar(nodeId: number, signingKey: Uint8Array) {
  const told = new Map<bigint, number>();
  return ({ response }: SubscribeOriginatorsResponse): SubscribeOriginatorsResponse => {
    if (response.case !== "envelopes") return create(SubscribeOriginatorsResponseSchema, {});
    const envelopes = response.value.envelopes.map((envelope) => {
      const { originatorId, sequenceId } = readOriginatorEnvelope(envelope);
      if (originatorId !== nodeId) return envelope;
      const times = told.get(sequenceId) ?? 0;
      told.set(sequenceId, times + 1);
      return times % 2 === 0 ? envelope : otherVersion(envelope, signingKey);
    });
    const value = create(SubscribeOriginatorsResponse_EnvelopesSchema, { envelopes });
    return create(SubscribeOriginatorsResponseSchema, { response: { case: "envelopes", value } });
  };
}

let listeners = 0;

/** Passes a request on to the honest node behind, and its answer back. */
function passOn(url: string): HttpHandler {
  return (request, response) => {
    if (request.url === "/listeners") return void response.end(String(listeners));
    const { method, headers } = request;
    const behind = httpRequest(url + request.url!, { method, headers, agent: false }, (answer) => {
      response.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(response);
    });
    behind.on("error", () => response.destroy());
    response.on("close", () => behind.destroy());
    request.pipe(behind);
  };
}

const { values } = parseArgs({ options: { config: { type: "string" } } });
const config = readNodeConfig(values.config!);
const node = await runNode({ ...config, listen: { host: config.listen.host, port: 0 } });
const lie = liar(config.nodeId, await openKey(config.signingKey));
const transport = createGrpcWebTransport({
  ...{ baseUrl: node.url, httpVersion: "1.1", readMaxBytes: 4 * MOST_MESSAGE_BYTES },
  nodeOptions: { agent: false },
});
const behind = createClient(ReplicationApi, transport);
const front = await startGrpcServer({
  ...config.listen,
  maxMessageBytes: MOST_MESSAGE_BYTES,
  routes: (router) =>
    router.rpc(ReplicationApi.method.subscribeOriginators, async function* (request, { signal }) {
      listeners++;
      try {
        for await (const response of behind.subscribeOriginators(request, { signal })) yield lie(response);
      } finally {
        listeners--;
      }
    }),
  fallback: passOn(node.url),
});
console.log(JSON.stringify({ ready: true, url: front.url, operatorUrl: node.operatorUrl }));
await untilStopped();
await front.close();
await node.close();
process.exit(0);
