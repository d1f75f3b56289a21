import { connect } from "node:net";

import { expect } from "chai";

import { publicHandler } from "../../src/daemon/http.ts";
import type { HttpHandler } from "../../src/platform/grpcServer.ts";
import { startGrpcServer } from "../../src/platform/grpcServer.ts";
import { silentLog } from "../../src/platform/log.ts";

/** Sends one raw request and answers the status line. */
function statusOf(url: string, target: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    let text = "";
    socket.on("data", (part) => (text += part.toString()));
    socket.once("error", reject);
    socket.once("close", () => resolve(text.split("\r\n")[0]!));
    socket.write(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
  });
}

describe("platform/grpcServer", () => {
  async function withServer(fallback: HttpHandler, use: (url: string) => Promise<void>): Promise<void> {
    const options = { host: "127.0.0.1", port: 0, routes: () => {}, maxMessageBytes: 1_000, fallback };
    const server = await startGrpcServer(options);
    try {
      await use(server.url);
    } finally {
      await server.close();
    }
  }

  it("survives request targets that are no URL", async () => {
    const judged = { health: () => ({ ok: true, reasons: [] }), ready: async () => ({ ok: true, reasons: [] }) };
    const routes = { receiveVouchers: async () => 0, account: async () => undefined, ...judged };
    await withServer(publicHandler(routes, silentLog), async (url) => {
      for (const target of ["//", "http://[", "*", "/%", "//:0", "/x"]) {
        expect(await statusOf(url, target), target).to.equal("HTTP/1.1 404 Not Found");
      }
    });
  });

  it("answers 400 when a handler throws, and goes on", async () => {
    const throwing: HttpHandler = () => {
      throw new Error("a bug");
    };
    await withServer(throwing, async (url) => {
      expect(await statusOf(url, "/a")).to.equal("HTTP/1.1 400 Bad Request");
      expect(await statusOf(url, "/b")).to.equal("HTTP/1.1 400 Bad Request");
    });
  });
});
