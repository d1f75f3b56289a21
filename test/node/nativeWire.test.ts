import { connect as connectHttp2 } from "node:http2";

import * as grpc from "@grpc/grpc-js";
import { expect } from "chai";

import { PostageRefused } from "../../src/daemon/refusal.ts";
import { payerEnvelope } from "../support/envelopes.ts";
import { call, grpcClient, services, stream } from "../support/stockNode/protos.ts";
import type { EnvelopeMessage } from "../support/stockNode/log.ts";
import { bytesOf } from "../support/stockNode/wire.ts";
import { GROUP_TOPIC, POSTAGE_KEY, TestNetwork, query } from "./support/network.ts";

/** As grpc-js wants it. */
function payerMessage(n: number) {
  const bytes = payerEnvelope(n, 100, POSTAGE_KEY);
  return {
    unsignedClientEnvelope: bytesOf(bytes, 1)!,
    payerSignature: { bytes: bytesOf(bytesOf(bytes, 2)!, 1)! },
    targetOriginator: 100,
    messageRetentionDays: 60,
  };
}

interface Frame {
  envelopes?: { envelopes: EnvelopeMessage[] };
}

describe("node over gRPC (h2c), as native clients speak it", function () {
  this.timeout(180_000);
  let network: TestNetwork;
  const clients: grpc.Client[] = [];
  const clientOf = (service: "publish" | "query" | "replication" | "health", url: string) => {
    const client = grpcClient(service, url);
    clients.push(client);
    return client;
  };

  beforeEach(() => (network = new TestNetwork()));
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    await network.close();
  });

  it("publishes, queries and subscribes on the port that gRPC-Web has", async () => {
    const node = await network.start(100);
    const replication = clientOf("replication", node.url);
    const feed = stream<Frame>(replication, "subscribeOriginators", {
      filter: { originatorNodeIds: [100], lastSeen: { nodeIdToSequenceId: {} } },
    });
    const frames = feed[Symbol.asyncIterator]();
    expect((await frames.next()).value.envelopes?.envelopes ?? []).to.have.length(0);

    const publish = clientOf("publish", node.url);
    const answer = await call<{ originatorEnvelopes: EnvelopeMessage[] }>(publish, "publishPayerEnvelopes", {
      payerEnvelopes: [payerMessage(1), payerMessage(2)],
    });
    expect(answer.originatorEnvelopes).to.have.length(2);
    const streamed: EnvelopeMessage[] = [];
    while (streamed.length < 2) streamed.push(...((await frames.next()).value.envelopes?.envelopes ?? []));
    expect(streamed).to.deep.equal(answer.originatorEnvelopes);
    feed.on("error", () => {});
    feed.cancel();

    const asked = { query: { topics: [Buffer.from(GROUP_TOPIC)] }, limit: 10 };
    const found = await call<{ envelopes: EnvelopeMessage[] }>(clientOf("query", node.url), "queryEnvelopes", asked);
    expect(found.envelopes).to.deep.equal(answer.originatorEnvelopes);
    expect(await query(node.client)).to.have.length(2);
    expect(await call<{ status: number }>(clientOf("health", node.url), "check", {})).to.include({ status: 1 });
  });

  it("gives a refusal with its details", async () => {
    const gate = {
      admit: async () => {
        const numbers = {
          channel: "0x00000000000000000000000000000000000000ab" as const,
          required: 7n,
          authorised: 1n,
          available: 9n,
        };
        throw new PostageRefused("voucher_short", "send a larger one", numbers);
      },
      isOpen: () => true,
    };
    const node = await network.start(100, { gate });
    const error = await call(clientOf("publish", node.url), "publishPayerEnvelopes", {
      payerEnvelopes: [payerMessage(1)],
    }).catch((one: unknown) => one as grpc.ServiceError);
    expect(error).to.include({ code: grpc.status.FAILED_PRECONDITION });
    const [details] = (error as grpc.ServiceError).metadata.get("grpc-status-details-bin") as Buffer[];
    expect(details!.toString("latin1")).to.include("pennyblack.v1.PostageRefusal").and.to.include("voucher_short");
  });

  it("forgets a stream whose client left, also one that did not read", async () => {
    const node = await network.start(100, { keepAliveMs: 20 });
    const publish = clientOf("publish", node.url);
    // More than an HTTP/2 window holds.
    for (let i = 0; i < 6; i++) {
      const payerEnvelopes = Array.from({ length: 50 }, (_, n) => payerMessage(i * 50 + n));
      await call(publish, "publishPayerEnvelopes", { payerEnvelopes });
    }
    const filter = { originatorNodeIds: [100], lastSeen: { nodeIdToSequenceId: {} } };
    const reader = stream<Frame>(clientOf("replication", node.url), "subscribeOriginators", { filter });
    reader.on("error", () => {});
    const message = services.replication.service.SubscribeOriginators!.requestSerialize({ filter });
    const lazy = connectHttp2(node.url);
    lazy.on("error", () => {});
    for (let i = 0; i < 50; i++) {
      const path = "/xmtp.xmtpv4.message_api.ReplicationApi/SubscribeOriginators";
      const request = lazy.request({
        ":path": path,
        ":method": "POST",
        "content-type": "application/grpc",
        te: "trailers",
      });
      request.on("error", () => {});
      const head = Buffer.alloc(5);
      head.writeUInt32BE(message.length, 1);
      request.end(Buffer.concat([head, message]));
    }
    await until(() => node.stats().streams === 51);
    await new Promise((resolve) => setTimeout(resolve, 100));
    reader.cancel();
    lazy.destroy();
    await until(() => node.stats().streams === 0);
  });
});

async function until(isSo: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 10_000; !isSo();) {
    if (Date.now() > deadline) throw new Error("it never came to that");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
