import { request } from "node:http";
import { connect } from "node:net";

import { createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-node";
import { expect } from "chai";

import { Health, HealthCheckResponse_ServingStatus } from "#proto/grpc/health/v1/health_pb.ts";
import { D14nMigrationApi } from "#proto/xmtp/migration/api/v1/migration_pb.ts";
import { GatewayApi } from "#proto/xmtp/xmtpv4/gateway_api/gateway_api_pb.ts";

import type { Gateway } from "../../src/client/gateway.ts";
import { fromHex } from "../../src/protocol/bytes.ts";
import { readVoucher } from "../../src/protocol/voucher.ts";
import { groupMessage } from "../support/envelopes.ts";
import { CHANNEL, DOMAIN } from "./support/fakeNetwork.ts";
import { GatewayHarness, publish } from "./support/gatewayHarness.ts";

interface Answer {
  status: number;
  body: Record<string, unknown>;
}

/** node:http, because fetch sets headers of its own. */
function ask(gateway: Gateway, method: string, path: string, headers = {}, body = ""): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const call = request(`${gateway.url}${path}`, { method, headers }, (response) => {
      let text = "";
      response.on("data", (chunk) => (text += String(chunk)));
      response.on("end", () => resolve({ status: response.statusCode!, body: JSON.parse(text) as Answer["body"] }));
    });
    call.on("error", reject);
    call.end(body);
  });
}

/** The first line of the answer to a request target that no client library sends. */
function statusLine(gateway: Gateway, target: string): Promise<string> {
  const { hostname, port } = new URL(gateway.url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => {
      socket.write(`GET ${target} HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\n\r\n`);
    });
    let text = "";
    socket.on("data", (chunk) => (text += String(chunk)));
    socket.on("end", () => resolve(text.split("\r\n")[0]!));
    socket.on("error", reject);
  });
}

describe("client/gateway status", () => {
  let harness: GatewayHarness;
  beforeEach(() => (harness = new GatewayHarness()));
  afterEach(() => harness.stop());

  it("shows amounts as decimal strings, and the nodes", async () => {
    const gateway = await harness.start();
    await harness.settle(publish(gateway, groupMessage(1)));
    const { body } = await ask(gateway, "GET", "/status");
    expect(body).to.include({ channel: CHANNEL, deposited: "100000000", doubles: "0", held: 0 });
    expect(body.usagePico).to.equal(harness.network.chargedPico.toString());
    expect(body.nodes).to.have.length(3);
  });

  it("gives the voucher and takes headroom from this machine only", async () => {
    const gateway = await harness.start({ headroom: 5n });
    expect((await ask(gateway, "GET", "/voucher")).body).to.deep.equal({ row: null });
    await harness.settle(publish(gateway, groupMessage(1)));
    const { row } = (await ask(gateway, "GET", "/voucher")).body;
    expect(readVoucher(DOMAIN, fromHex(String(row))).channel).to.equal(CHANNEL);
    const local = await ask(gateway, "POST", "/headroom", {}, '{"units":"0"}');
    expect(local).to.deep.equal({ status: 200, body: { headroom: "0" } });
    expect(gateway.status().headroom).to.equal(0n);
    for (const headers of [
      { origin: "https://evil.example" },
      { host: "evil.example" },
      { "x-forwarded-for": "203.0.113.9" },
    ]) {
      expect((await ask(gateway, "GET", "/voucher", headers)).status).to.equal(403);
      expect((await ask(gateway, "POST", "/headroom", headers, '{"units":"9"}')).status).to.equal(403);
    }
    for (const body of [
      "",
      "{}",
      '{"units":1}',
      '{"units":"-1"}',
      '{"units":"99999999999999999999"}',
      "x".repeat(2_000),
    ]) {
      expect((await ask(gateway, "POST", "/headroom", {}, body)).status, body.slice(0, 30)).to.equal(400);
    }
    expect(gateway.status().headroom).to.equal(0n);
    expect((await ask(gateway, "GET", "/nothing")).status).to.equal(404);
  });

  it("is ready when nodes, chain and money are there, and says what is missing otherwise", async () => {
    harness.network.chainIsDown = true;
    const gateway = await harness.start();
    const ready = () => ask(gateway, "GET", "/ready");
    const grpc = createGrpcWebTransport({ baseUrl: gateway.url, httpVersion: "1.1" });
    const { NOT_SERVING, SERVING } = HealthCheckResponse_ServingStatus;
    expect((await ready()).body.reasons).to.deep.equal(["the channel could not be read from the chain yet"]);
    expect((await createClient(Health, grpc).check({})).status).to.equal(NOT_SERVING);
    harness.network.chainIsDown = false;
    await harness.run(10_000, 100);
    expect(await ready()).to.deep.equal({ status: 200, body: { ok: true, reasons: [] } });
    expect((await createClient(Health, grpc).check({})).status).to.equal(SERVING);
    harness.network.channel = { ...harness.network.channel, deposited: 0n };
    await harness.run(2_000, 100);
    expect(String((await ready()).body.reasons)).to.contain("out of money");
    for (const node of harness.network.nodes) node.isDown = true;
    await harness.run(2_000, 100);
    expect((await ready()).body.reasons).to.deep.equal(["no node is available"]);
    expect((await ask(gateway, "GET", "/health")).status, "alive all the time").to.equal(200);
  });

  it("answers request targets that are no URL", async () => {
    const gateway = await harness.start();
    for (const target of ["//", "http://[", "http://", "///status", "*"]) {
      expect(await statusLine(gateway, target), target).to.equal("HTTP/1.1 404 Not Found");
    }
    expect(await statusLine(gateway, "/health?verbose")).to.equal("HTTP/1.1 200 OK");
  });

  it("serves the gateway API's new name and the migration question", async () => {
    const gateway = await harness.start();
    const grpc = createGrpcWebTransport({ baseUrl: gateway.url, httpVersion: "1.1" });
    const { nodes } = await createClient(GatewayApi, grpc).getNodes({});
    expect(nodes).to.deep.equal({
      100: "http://node-100.test",
      200: "http://node-200.test",
      300: "http://node-300.test",
    });
    expect((await createClient(D14nMigrationApi, grpc).fetchD14nCutover({})).timestampNs).to.equal(0n);
  });

  it("finishes what is under way when it is closed, and takes nothing new", async () => {
    const gateway = await harness.start();
    let isReplicated = false;
    harness.network.node(100).serves = () => isReplicated;
    const call = publish(gateway, groupMessage(1));
    await harness.run(500);
    const closed = gateway.close();
    await harness.run(100);
    const late = publish(gateway, groupMessage(2)).then(
      () => "answered",
      (error: unknown) => String(error),
    );
    await harness.run(100);
    isReplicated = true;
    expect(await harness.settle(call)).to.have.length(1);
    await harness.settle(closed);
    expect(await harness.settle(late)).to.contain("shutting down");
  });
});
