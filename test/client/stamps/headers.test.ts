import type { IncomingHttpHeaders } from "node:http";

import { expect } from "chai";

import { connectGrpcNode } from "../../../src/client/adapters/grpcNode.ts";
import { listen } from "../../../src/platform/listen.ts";
import { SENDER_HEADER, WAIVER_HEADER } from "../../../src/protocol/stamps/headers.ts";
import { VOUCHER_HEADER } from "../../../src/protocol/voucher.ts";

const NEVER = new AbortController().signal;

describe("client/adapters/grpcNode and stamps", () => {
  it("sends a waiver and a tag where there are any, and no empty headers where there are none", async () => {
    const came: IncomingHttpHeaders[] = [];
    const listener = await listen(
      (request, response) => {
        came.push(request.headers);
        request.resume();
        response.writeHead(500).end();
      },
      { host: "127.0.0.1", port: 0 },
    );
    const client = connectGrpcNode({ id: 100, httpAddress: `http://127.0.0.1:${listener.port}` });
    try {
      await client.publish([], new Uint8Array(80), NEVER, { waiver: "AAAA,BBBB", sender: "CCCC" });
      await client.publish([], new Uint8Array(80), NEVER, { waiver: "AAAA", sender: null });
      await client.publish([], new Uint8Array(80), NEVER);
    } finally {
      client.close();
      await listener.close();
    }
    expect(came.map((one) => [one[WAIVER_HEADER], one[SENDER_HEADER]])).to.deep.equal([
      ["AAAA,BBBB", "CCCC"],
      ["AAAA", undefined],
      [undefined, undefined],
    ]);
    expect(came.every((one) => one[VOUCHER_HEADER] !== undefined)).to.equal(true);
  });
});
