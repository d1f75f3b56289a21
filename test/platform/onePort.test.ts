import { connect as connectHttp2 } from "node:http2";
import type { Socket } from "node:net";
import { connect } from "node:net";

import { expect } from "chai";

import { Health, HealthCheckResponse_ServingStatus as Serving } from "#proto/grpc/health/v1/health_pb.ts";

import type { GrpcServer, GrpcServerOptions } from "../../src/platform/grpcServer.ts";
import { startGrpcServer } from "../../src/platform/grpcServer.ts";
import { call, grpcClient } from "../support/stockNode/protos.ts";

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function open(url: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(url).port), "127.0.0.1", () => resolve(socket));
    socket.once("error", reject);
  });
}

/** Everything that comes until the other side ends the connection. */
function allOf(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    socket.on("data", (part) => (text += part.toString("latin1")));
    socket.on("error", () => {});
    socket.once("close", () => resolve(text));
  });
}

describe("platform/grpcServer, one port for both HTTP", function () {
  this.timeout(180_000);
  let server: GrpcServer;
  let answer: () => Promise<Serving>;

  async function start(options: Partial<GrpcServerOptions> = {}): Promise<string> {
    answer = async () => Serving.SERVING;
    server = await startGrpcServer({
      ...{ host: "127.0.0.1", port: 0, maxMessageBytes: 1_000 },
      routes: (router) => router.service(Health, { check: async () => ({ status: await answer() }) }),
      fallback: (request, response) => response.end(`plain ${request.method} ${request.url}`),
      ...options,
    });
    return server.url;
  }

  afterEach(() => server.close());

  const checkOverH2c = async (url: string) => {
    const client = grpcClient("health", url);
    try {
      return (await call<{ status: number }>(client, "check", {})).status;
    } finally {
      client.close();
    }
  };

  it("takes plain HTTP/1 with methods that begin like HTTP/2 does, and bytes that come one by one", async () => {
    const url = await start();
    for (const method of ["POST", "PUT", "PROPFIND", "PATCH", "GET"]) {
      const socket = await open(url);
      const all = allOf(socket);
      for (const byte of `${method} /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`) {
        socket.write(byte);
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect(await all, method).to.match(new RegExp(`^HTTP/1.1 200 OK[^]*plain ${method} /x`));
    }
  });

  it("serves what is no RPC over HTTP/2, too, with CORS", async () => {
    const session = connectHttp2(await start());
    const request = session.request({ ":path": "/postage/x", ":method": "GET" });
    let text = "";
    const [headers] = await new Promise<[Record<string, unknown>]>((resolve) => {
      request.on("response", (got) => resolve([got]));
    });
    for await (const part of request) text += String(part);
    expect([headers[":status"], headers["access-control-allow-origin"], text]).to.deep.equal([
      200,
      "*",
      "plain GET /postage/x",
    ]);
    session.close();
  });

  it("refuses the Connect protocol on both", async () => {
    const url = await start();
    const path = "/grpc.health.v1.Health/Check";
    for (const type of ["application/json", "application/proto", "application/connect+proto", "application/grpc"]) {
      const { status } = await fetch(url + path, { method: "POST", headers: { "content-type": type }, body: "{}" });
      expect(status, type).to.equal(415);
    }
    const session = connectHttp2(url);
    const request = session.request({ ":path": path, ":method": "POST", "content-type": "application/json" });
    request.end("{}");
    const status = await new Promise((resolve) => request.once("response", (got) => resolve(got[":status"])));
    expect(status).to.equal(415);
    session.destroy();
  });

  it("takes no harm from a scanner's garbage, half a preface, resets and connections that never speak", async () => {
    const url = await start({ firstBytesMs: 100 });
    const garbage = [
      "\x16\x03\x01\x02\x00\x01",
      "\0".repeat(5_000),
      "P",
      "PRI",
      "PRI * HTTP/1.1\r\n\r\n",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nxxxxxxxxxxxxxxxxxxxx",
      "SSH-2.0-x\r\n",
    ];
    const closed: Promise<string>[] = [];
    for (let i = 0; i < 20; i++) {
      for (const text of [...garbage, undefined]) {
        const socket = await open(url);
        closed.push(allOf(socket));
        if (text !== undefined) socket.write(Buffer.from(text, "latin1"));
        if (i % 4 === 1) socket.resetAndDestroy();
        if (i % 4 === 2) socket.end();
      }
    }
    expect(await checkOverH2c(url)).to.equal(Serving.SERVING);
    await Promise.all(closed);
    expect(await checkOverH2c(url)).to.equal(Serving.SERVING);
    expect((await fetch(`${url}/y`)).status).to.equal(200);
  });

  it("drops a connection whose first bytes do not come, and only that one", async () => {
    const url = await start({ firstBytesMs: 50 });
    const silent = await open(url);
    const slow = await open(url);
    slow.write("G");
    const ended = allOf(slow);
    await allOf(silent);
    slow.write("ET /z HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    expect(await ended).to.include("plain GET /z");
  });

  it("answers what is under way before it closes, over both HTTP, and nothing after", async () => {
    const url = await start({ drainMs: 5_000 });
    let release: (status: Serving) => void = () => {};
    let asked = 0;
    answer = () => new Promise((resolve) => (asked++, (release = bothOf(release, resolve))));
    const client = grpcClient("health", url);
    const overH2c = call<{ status: number }>(client, "check", {});
    const overHttp1 = fetch(`${url}/grpc.health.v1.Health/Check`, {
      method: "POST",
      headers: { "content-type": "application/grpc-web+proto" },
      body: new Uint8Array(5),
    });
    while (asked < 2) await sleep(5);
    let isClosed = false;
    const closing = server.close().then(() => (isClosed = true));
    await sleep(100);
    expect(isClosed).to.equal(false);
    const late = await call(grpcClient("health", url), "check", {}, {}, { deadline: Date.now() + 2_000 }).catch(
      (error: unknown) => error,
    );
    expect(late).to.be.instanceOf(Error);
    release(Serving.NOT_SERVING);
    expect((await overH2c).status).to.equal(Serving.NOT_SERVING);
    expect((await overHttp1).status).to.equal(200);
    const startedAt = Date.now();
    await closing;
    expect(Date.now() - startedAt).to.be.lessThan(1_000);
    client.close();
  });

  it("cuts what does not end in time", async () => {
    const url = await start({ drainMs: 50 });
    answer = () => new Promise(() => {});
    const client = grpcClient("health", url);
    const never = call(client, "check", {}).catch((error: unknown) => error);
    await sleep(100);
    await server.close();
    expect(await never).to.be.instanceOf(Error);
    client.close();
  });
});

function bothOf<T>(one: (value: T) => void, other: (value: T) => void): (value: T) => void {
  return (value) => {
    one(value);
    other(value);
  };
}
