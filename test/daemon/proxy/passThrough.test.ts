import { connect } from "node:http2";

import { create, toBinary } from "@bufbuild/protobuf";
import { EmptySchema } from "@bufbuild/protobuf/wkt";
import type { Transport } from "@connectrpc/connect";
import { Code, ConnectError } from "@connectrpc/connect";
import { expect } from "chai";

import {
  PublishPayerEnvelopesRequestSchema,
  SubscribeTopicsResponse_SubscriptionStatus as Status,
} from "#proto/xmtp/xmtpv4/message_api/message_api_pb.ts";
import { PayerEnvelopeSchema } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";
import { fromBinary } from "@bufbuild/protobuf";

import { connectUpstream } from "../../../src/daemon/adapters/grpcUpstream.ts";
import { proxyRoutes } from "../../../src/daemon/proxy/passThrough.ts";
import type { Upstream } from "../../../src/daemon/proxy/ports.ts";
import { startGrpcServer } from "../../../src/platform/grpcServer.ts";
import { readOriginatorEnvelope } from "../../../src/protocol/envelope.ts";
import { topicBytes } from "../../../src/protocol/topics.ts";
import { payerEnvelope } from "../../support/envelopes.ts";
import { call, grpcClient } from "../../support/stockNode/protos.ts";
import { NODE_ID, PAYER_KEY } from "../support.ts";
import type { World } from "./support.ts";
import { clientOf, errorOf, publish, startWorld } from "./support.ts";

const GROUP_TOPIC = topicBytes(0, new Uint8Array(16).fill(0xab));

/** A request of HTTP/2 as a stranger may form it; answers the status, of HTTP and of gRPC. */
async function raw(url: string, path: string, body: Uint8Array, type = "application/grpc"): Promise<unknown[]> {
  const session = connect(url);
  const request = session.request({ ":path": path, ":method": "POST", "content-type": type, te: "trailers" });
  const head = Buffer.alloc(5);
  head.writeUInt32BE(body.length, 1);
  request.end(Buffer.concat([head, body]));
  const headers = await new Promise<Record<string, unknown>>((resolve) => request.once("response", resolve));
  let trailers: Record<string, unknown> = {};
  request.once("trailers", (got) => (trailers = got));
  request.resume();
  await new Promise((resolve) => request.once("close", resolve));
  session.close();
  return [headers[":status"], headers["grpc-status"] ?? trailers["grpc-status"]];
}

describe("daemon/proxy, what it passes on", function () {
  this.timeout(180_000);
  let world: World;
  beforeEach(async () => (world = await startWorld()));
  afterEach(() => world.close());

  it("answers queries as the node does, over both protocols, and the node's own errors", async () => {
    const { proxy, client } = world;
    const [envelope] = await publish(client, 1);
    const { sequenceId } = readOriginatorEnvelope(envelope!);
    for (const protocol of ["grpc", "grpc-web"] as const) {
      const api = clientOf(proxy, protocol);
      const { envelopes } = await api.queryEnvelopes({ query: { topics: [GROUP_TOPIC] }, limit: 10 });
      expect(envelopes.map((one) => readOriginatorEnvelope(one).sequenceId)).to.deep.equal([sequenceId]);
      const { results } = await api.getNewestEnvelope({ topics: [GROUP_TOPIC, topicBytes(0, new Uint8Array(16))] });
      expect(results.map(({ originatorEnvelope }) => originatorEnvelope !== undefined)).to.deep.equal([true, false]);
      const error = (await errorOf(api.queryEnvelopes({}))) as ConnectError;
      expect([error.code, error.rawMessage]).to.deep.equal([Code.InvalidArgument, "Error: missing query"]);
    }
  });

  it("streams frames as they come, each once, and ends the node's stream when the reader leaves", async () => {
    const { proxy, stock, client } = world;
    const own = stock.streams;
    await publish(client, 1);
    const ended = new AbortController();
    const stream = clientOf(proxy, "grpc").subscribeTopics(
      { filters: [{ topic: GROUP_TOPIC, lastSeen: {} }] },
      { signal: ended.signal },
    );
    const frames = stream[Symbol.asyncIterator]();
    const next = async () => {
      const { response } = ((await frames.next()) as { value: { response: { case: string; value: object } } }).value;
      return response.case === "statusUpdate" ? (response.value as { status: Status }).status : "envelopes";
    };
    expect([await next(), await next(), await next()]).to.deep.equal([
      Status.STARTED,
      "envelopes",
      Status.CATCHUP_COMPLETE,
    ]);
    await publish(client, 2);
    let frame = await next();
    while (frame === Status.WAITING) frame = await next();
    expect(frame).to.equal("envelopes");
    expect(stock.streams).to.equal(own + 1);
    ended.abort();
    await world.until(() => stock.streams === own, 0);
  });

  it("holds more streams than one connection to the node takes", async () => {
    const { proxy, stock } = world;
    const own = stock.streams;
    const ended = new AbortController();
    const api = clientOf(proxy);
    const open = Array.from({ length: 100 }, async () => {
      const filter = { originatorNodeIds: [NODE_ID], lastSeen: { nodeIdToSequenceId: {} } };
      const frames = api.subscribeOriginators({ filter }, { signal: ended.signal })[Symbol.asyncIterator]();
      await frames.next();
    });
    await Promise.all(open);
    expect(stock.streams).to.equal(own + 100);
    ended.abort();
    await world.until(() => stock.streams === own, 0);
  });

  it("lets nothing be published but through the gate, however the request is spelled", async () => {
    const { proxy, stock } = world;
    const payerEnvelopes = [fromBinary(PayerEnvelopeSchema, payerEnvelope(1, NODE_ID, PAYER_KEY))];
    const schema = PublishPayerEnvelopesRequestSchema;
    const body = toBinary(schema, create(schema, { payerEnvelopes }));
    const base = "/xmtp.xmtpv4.message_api";
    const gated = [`${base}.PublishApi/PublishPayerEnvelopes`, `${base}.ReplicationApi/PublishPayerEnvelopes`];
    for (const path of [...gated, `${gated[0]}?a=b`]) {
      expect(await raw(proxy.url, path, body), path).to.deep.equal([200, String(Code.FailedPrecondition)]);
    }
    const strange = [
      `${base}.PublishApi/%50ublishPayerEnvelopes`,
      `${base}.PublishApi//PublishPayerEnvelopes`,
      `/.${base}.PublishApi/PublishPayerEnvelopes`,
      `${base}.PublishApi/x/../PublishPayerEnvelopes`,
      `${base}.publishApi/publishPayerEnvelopes`,
      `${base}.QueryApi/PublishPayerEnvelopes`,
      "/xmtp.xmtpv4.payer_api.PayerApi/PublishClientEnvelopes",
    ];
    for (const path of strange) expect(await raw(proxy.url, path, body), path).to.deep.equal([404, undefined]);
    const types = ["application/json", "application/connect+proto", "application/proto"];
    for (const type of types) expect((await raw(proxy.url, gated[0]!, body, type))[0], type).to.equal(415);
    expect(stock.calls).to.have.length(0);
  });

  it("serves the daemon's own routes on the same address", async () => {
    const { proxy } = world;
    const unknown = await fetch(`${proxy.url}/postage/channels/0x${"12".repeat(20)}`);
    expect(unknown.status).to.equal(404);
    const gossip = await fetch(`${proxy.url}/postage/vouchers`, { method: "POST", body: new Uint8Array(80) });
    expect(await gossip.json()).to.deep.equal({ taken: 0 });
  });

  it("is healthy when the gate is open and the node is", async () => {
    const { proxy, stock, daemon, until } = world;
    const health = async () => {
      const client = grpcClient("health", proxy.url);
      try {
        return (await call<{ status: number }>(client, "check", {})).status;
      } finally {
        client.close();
      }
    };
    expect(await health()).to.equal(1);
    stock.crash();
    await until(() => !daemon.gate.isOpen());
    expect(await health()).to.equal(2);
    await stock.up();
    await until(() => daemon.gate.isOpen());
    expect(await health()).to.equal(1);
  });
});

describe("daemon/proxy, messages that it does not know", () => {
  it("asks the node for no more than the reader takes, and stops when it leaves", async () => {
    let given = 0;
    let isEnded = false;
    const message = create(EmptySchema);
    message.$unknown = [
      { no: 1, wireType: 2, data: Buffer.concat([Buffer.from([0x80, 0x80, 4]), Buffer.alloc(65_536)]) },
    ];
    const transport = {
      stream: async (...[method, signal]: Parameters<Transport["stream"]>) => {
        async function* frames() {
          try {
            while (!signal!.aborted) {
              given++;
              yield message;
            }
          } finally {
            isEnded = true;
          }
        }
        const [header, trailer] = [new Headers(), new Headers()];
        return { stream: true, service: method.parent, method, header, trailer, message: frames() };
      },
    } as unknown as Transport;
    const proxy = await startGrpcServer({
      ...{ host: "127.0.0.1", port: 0, maxMessageBytes: 1_000 },
      routes: proxyRoutes({
        publisher: { publish: () => Promise.reject(new ConnectError("no")) },
        gate: { isOpen: () => true },
        upstream: { takeStreamTransport: () => ({ transport, release: () => {} }) } as unknown as Upstream,
      }),
    });
    const session = connect(proxy.url);
    session.on("error", () => {});
    const path = "/xmtp.xmtpv4.message_api.ReplicationApi/SubscribeOriginators";
    const request = session.request({ ":path": path, ":method": "POST", "content-type": "application/grpc" });
    request.on("error", () => {});
    request.end(Buffer.alloc(5));
    const pause = () => new Promise((resolve) => setTimeout(resolve, 200));
    while (given === 0) await pause();
    await pause();
    const held = given;
    await pause();
    expect(given).to.equal(held);
    expect(held).to.be.lessThan(50);
    session.destroy();
    for (let i = 0; i < 20 && !isEnded; i++) await pause();
    expect(isEnded).to.equal(true);
    await proxy.close();
  });

  it("passes unknown fields, a node's token and gRPC-Web nodes on as they are", async () => {
    const seen: { header: string | null; voucher: string | null; bytes: string }[] = [];
    const { MetadataApi, OpaqueSchema } = await import("#proto/xmtp/xmtpv4/metadata_api/metadata_api_pb.ts");
    const node = await startGrpcServer({
      ...{ host: "127.0.0.1", port: 0, maxMessageBytes: 1_000 },
      routes: (router) =>
        router.rpc(MetadataApi.method.getVersion, (request, { requestHeader }) => {
          const bytes = Buffer.from(toBinary(OpaqueSchema, request)).toString("hex");
          const [header, voucher] = [requestHeader.get("node-authorization"), requestHeader.get("x-postage-voucher")];
          seen.push({ header, voucher, bytes });
          return fromBinary(OpaqueSchema, Buffer.from("0a02abcd", "hex"));
        }),
    });
    for (const protocol of ["grpc", "grpc-web"] as const) {
      const upstream = connectUpstream({ url: node.url, protocol });
      const publisher = { publish: () => Promise.reject(new ConnectError("no")) };
      const proxy = await startGrpcServer({
        ...{ host: "127.0.0.1", port: 0, maxMessageBytes: 1_000 },
        routes: proxyRoutes({ publisher, gate: { isOpen: () => true }, upstream }),
      });
      const there = connectUpstream({ url: proxy.url, protocol: "grpc" });
      const request = fromBinary(OpaqueSchema, Buffer.from("1203010203", "hex"));
      const headers = { "node-authorization": "token", "x-postage-voucher": "mine" };
      const { message } = await there.unary.unary(
        MetadataApi.method.getVersion,
        undefined,
        undefined,
        headers,
        request,
      );
      expect(Buffer.from(toBinary(OpaqueSchema, message)).toString("hex"), protocol).to.equal("0a02abcd");
      there.close();
      upstream.close();
      await proxy.close();
    }
    const expected = { header: "token", voucher: null, bytes: "1203010203" };
    expect(seen).to.deep.equal([expected, expected]);
    await node.close();
  });
});
