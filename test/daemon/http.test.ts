import type { IncomingMessage } from "node:http";
import { createServer } from "node:http";
import { request } from "node:http";
import type { AddressInfo } from "node:net";

import { expect } from "chai";

import { ReorgRefusedError } from "../../src/daemon/follow/ports.ts";
import type { NetworkView, OperatorView } from "../../src/console/views.ts";
import { operatorHandler, publicHandler } from "../../src/daemon/http.ts";
import { watchHandler } from "../../src/platform/watch.ts";
import type { HttpHandler } from "../../src/platform/grpcServer.ts";
import { silentLog } from "../../src/platform/log.ts";

const OPERATOR = {
  status: async () => ({ amount: 2n ** 64n }),
  settle: async () => ({ transactions: [] }),
  distribute: async () => 5n,
  claim: async () => 7n,
  console: async () => ({}) as OperatorView,
  network: async () => ({}) as NetworkView,
  trustLog: async () => 9n,
  overview: async () => ({ now: 1 }),
  health: () => ({ ok: true, reasons: [] }),
  ready: async () => ({ ok: false, reasons: ["a secret of the house"] }),
  metrics: async () => ({ contentType: "text/plain; version=0.0.4", text: "# HELP a b\n" }),
  acceptReorg: async (number: bigint) => {
    if (number !== 12n) throw new ReorgRefusedError("not that block");
  },
  evidence: async (nodeId: number, sequenceId: bigint) => (nodeId === 200 ? { sequenceId } : undefined),
};

/** Answers one request to a handler on a real socket. */
async function ask(handler: HttpHandler, method: string, path: string, headers = {}, body?: Uint8Array) {
  const server = createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  try {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const call = request({ port, host: "127.0.0.1", method, path, headers }, resolve);
      call.once("error", reject);
      call.end(body);
    });
    let text = "";
    for await (const part of response) text += String(part);
    const isJson = response.headers["content-type"] === "application/json";
    return { status: response.statusCode, body: (isJson ? JSON.parse(text) : { text }) as Record<string, unknown> };
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

describe("daemon/http", () => {
  const operator = operatorHandler(OPERATOR, silentLog);
  const open = publicHandler(
    {
      receiveVouchers: async (rows) => rows.length,
      account: async () => undefined,
      health: OPERATOR.health,
      ready: OPERATOR.ready,
    },
    silentLog,
  );

  it("answers the operator, amounts as decimal strings", async () => {
    expect(await ask(operator, "GET", "/status")).to.deep.equal({
      status: 200,
      body: { amount: "18446744073709551616" },
    });
    expect((await ask(operator, "POST", "/claim")).body).to.deep.equal({ claimed: "7" });
    expect((await ask(operator, "GET", "/claim")).status, "a GET moves no money").to.equal(404);
  });

  it("accepts a reorg by a block's number and hash, and says why not", async () => {
    const hash = `0x${"Ab".repeat(32)}`;
    expect((await ask(operator, "POST", `/accept-reorg/12/${hash}`)).body).to.deep.equal({ accepted: "12" });
    const refused = await ask(operator, "POST", `/accept-reorg/13/${hash}`);
    expect(refused).to.deep.equal({ status: 409, body: { error: "not that block" } });
    for (const none of ["/accept-reorg", "/accept-reorg/12", "/accept-reorg/12/0x12", `/accept-reorg/x/${hash}`]) {
      expect((await ask(operator, "POST", none)).status, none).to.equal(404);
    }
    expect((await ask(operator, "GET", `/accept-reorg/12/${hash}`)).status).to.equal(404);
  });

  it("hands out evidence by node and sequence id", async () => {
    const path = "/evidence/200/18446744073709551615";
    expect((await ask(operator, "GET", path)).body).to.deep.equal({ sequenceId: "18446744073709551615" });
    for (const none of ["/evidence/300/1", "/evidence/200/", "/evidence/200/1x", `/evidence/200/${"9".repeat(21)}`]) {
      expect((await ask(operator, "GET", none)).status, none).to.equal(404);
    }
  });

  it("says by its status whether it lives and is ready, with the reasons for the operator alone", async () => {
    expect(await ask(open, "GET", "/health")).to.deep.equal({ status: 200, body: { ok: true } });
    expect(await ask(open, "GET", "/ready")).to.deep.equal({ status: 503, body: { ok: false } });
    const reasons = ["a secret of the house"];
    expect(await ask(operator, "GET", "/ready")).to.deep.equal({ status: 503, body: { ok: false, reasons } });
  });

  it("gives metrics where they are asked for, and nothing else there", async () => {
    const watched = watchHandler(OPERATOR, silentLog);
    for (const handler of [operator, watched]) {
      expect(await ask(handler, "GET", "/metrics")).to.deep.equal({ status: 200, body: { text: "# HELP a b\n" } });
    }
    expect((await ask(watched, "GET", "/ready", { host: "prometheus:9090" })).status).to.equal(503);
    for (const path of ["/status", "/overview", "/evidence/200/1"]) {
      expect((await ask(watched, "GET", path)).status, path).to.equal(404);
    }
    for (const path of ["/metrics", "/settle", "/claim", "/trust-log"]) {
      expect((await ask(watched, "POST", path)).status, path).to.equal(404);
    }
    expect((await ask(open, "GET", "/metrics")).status, "not for strangers").to.equal(404);
  });

  it("refuses web pages and proxies that reach the operator's port", async () => {
    for (const headers of [
      { origin: "https://evil.example" },
      { host: "evil.example" },
      { "x-forwarded-for": "203.0.113.9" },
    ]) {
      expect((await ask(operator, "POST", "/claim", headers)).status).to.equal(403);
    }
  });

  it("bounds what a stranger may post, and knows nothing of operators' paths", async () => {
    expect((await ask(open, "POST", "/postage/vouchers", {}, new Uint8Array(80))).body).to.deep.equal({ taken: 80 });
    const tooMuch = await ask(open, "POST", "/postage/vouchers", {}, new Uint8Array(80_001));
    expect(tooMuch.status).to.equal(400);
    expect(tooMuch.body.error).to.include("at most 80000 bytes");
    for (const path of ["/settle", "/postage/channels/0x12", "/postage/channels/0x" + "ab".repeat(20), "/../etc"]) {
      expect((await ask(open, "GET", path)).status).to.equal(404);
    }
  });
});
