import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { expect } from "chai";

import { Health, HealthCheckResponse_ServingStatus as Serving } from "#proto/grpc/health/v1/health_pb.ts";
import type { ClientEnvelope, OriginatorEnvelope } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";
import { ClientEnvelopeSchema, PayerEnvelopeSchema } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";
import { PayerApi } from "#proto/xmtp/xmtpv4/payer_api/payer_api_pb.ts";

import type { GrpcServer } from "../../src/platform/grpcServer.ts";
import { startGrpcServer } from "../../src/platform/grpcServer.ts";
import { destinationOf, readClientEnvelope, signPayerEnvelope } from "../../src/protocol/envelope.ts";
import type { RunningNode } from "../../src/node/node.ts";
import type { NodeClient } from "./support/network.ts";
import { POSTAGE_KEY, TestNetwork, clientOf, reached } from "./support/network.ts";

/** The least that a gateway does: chain for what must be ordered, a node for the rest. */
async function startStandInGateway(network: TestNetwork, node: RunningNode): Promise<GrpcServer> {
  const client: NodeClient = clientOf(node.url);
  const sent = { identity: 0n, commit: 0n };
  const publish = async (envelope: ClientEnvelope): Promise<OriginatorEnvelope[]> => {
    const clientEnvelope = toBinary(ClientEnvelopeSchema, envelope);
    const read = readClientEnvelope(clientEnvelope);
    const kind = destinationOf(read);
    if (kind === "node") {
      const fields = { unsignedClientEnvelope: clientEnvelope, targetOriginator: 100, retentionDays: 60 };
      const payerEnvelopes = [fromBinary(PayerEnvelopeSchema, signPayerEnvelope(fields, POSTAGE_KEY))];
      return (await client.publishPayerEnvelopes({ payerEnvelopes })).originatorEnvelopes;
    }
    const id = kind === "identity" ? 1 : 0;
    network.chain.mine({ kind, subject: read.topic.identifier, clientEnvelope });
    sent[kind]++;
    await reached(node, id, sent[kind]);
    const lastSeen = { nodeIdToSequenceId: { [id]: sent[kind] - 1n } };
    return (await client.queryEnvelopes({ query: { originatorNodeIds: [id], lastSeen } })).envelopes;
  };
  return startGrpcServer({
    host: "127.0.0.1",
    port: 0,
    maxMessageBytes: 4_000_000,
    routes: (router) => {
      router.service(PayerApi, {
        getNodes: () => ({ nodes: { 100: node.url } }),
        publishClientEnvelopes: async ({ envelopes }) => {
          const originatorEnvelopes: OriginatorEnvelope[] = [];
          for (const envelope of envelopes) originatorEnvelopes.push(...(await publish(envelope)));
          return { originatorEnvelopes };
        },
      });
      router.service(Health, { check: () => ({ status: Serving.SERVING }) });
    },
  });
}

interface Conversation {
  texts: Record<"alice" | "bob", string[]>;
  streamed: string[];
}

/** Clients never stop by themselves, so they live in a process of their own. */
async function converse(gatewayUrl: string): Promise<Conversation> {
  const script = fileURLToPath(new URL("./support/realClients.ts", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, ["--import=tsx", script, gatewayUrl], {
    maxBuffer: 64 * 1024 * 1024,
    timeout: 60_000,
  });
  return JSON.parse(stdout.trimEnd().split("\n").at(-1)!) as Conversation;
}

describe("node with real clients (libxmtp, wasm-bindings 1.11.0)", function () {
  this.timeout(180_000);
  let network: TestNetwork;
  let gateway: GrpcServer;
  beforeEach(() => (network = new TestNetwork()));
  afterEach(async () => {
    await gateway?.close();
    await network.close();
  });

  it("they register, open a conversation, exchange messages and stream them", async () => {
    gateway = await startStandInGateway(network, await network.start(100));
    const { texts, streamed } = await converse(gateway.url);
    expect(texts.alice).to.have.members(["hello", "hello back", "streamed"]);
    expect(texts.bob).to.have.members(["hello", "hello back", "streamed"]);
    expect(streamed).to.deep.equal(["streamed"]);
  });
});
