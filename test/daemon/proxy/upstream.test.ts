import { createServer } from "node:net";
import type { AddressInfo } from "node:net";

import { status } from "@grpc/grpc-js";
import { expect } from "chai";

import { connectUpstream } from "../../../src/daemon/adapters/grpcUpstream.ts";
import { toHex } from "../../../src/protocol/bytes.ts";
import { payerEnvelope } from "../../support/envelopes.ts";
import { StockNode } from "../../support/stockNode/stockNode.ts";
import { NODE_ID, PAYER_KEY } from "../support.ts";
import { NODE_KEY } from "./support.ts";

const ENVELOPE = payerEnvelope(1, NODE_ID, PAYER_KEY);
const soon = () => AbortSignal.timeout(300);

describe("daemon/adapters/grpcUpstream", function () {
  this.timeout(180_000);
  let stock: StockNode;

  beforeEach(async () => {
    stock = await StockNode.start({ nodeId: NODE_ID, signingKey: toHex(NODE_KEY) });
  });
  afterEach(() => stock.close());

  it("tells what is certainly not stored from what may be", async () => {
    const upstream = connectUpstream({ url: stock.url, protocol: "grpc" });
    const outcomes: [Partial<StockNode["quirks"]>, string][] = [
      [{}, "answered"],
      [{ refuses: status.INVALID_ARGUMENT }, "notStored"],
      [{ refuses: status.UNAUTHENTICATED }, "notStored"],
      [{ refuses: status.UNIMPLEMENTED }, "notStored"],
      [{ refuses: status.RESOURCE_EXHAUSTED }, "unknown"],
      [{ refuses: status.FAILED_PRECONDITION }, "unknown"],
      [{ failsAfterStoring: status.INTERNAL }, "unknown"],
      [{ refuses: status.UNAVAILABLE }, "unknown"],
      [{ hangs: true }, "unknown"],
    ];
    const usual = stock.quirks;
    for (const [quirk, kind] of outcomes) {
      stock.quirks = { ...usual, ...quirk };
      expect((await upstream.publish([ENVELOPE], soon())).kind, JSON.stringify(quirk)).to.equal(kind);
    }
    stock.quirks = { ...usual, diesAfterStoring: true };
    expect((await upstream.publish([ENVELOPE], soon())).kind).to.equal("unknown");
    stock.quirks = usual;
    expect((await upstream.publish([ENVELOPE], soon())).kind, "nobody listens").to.equal("notStored");
    await stock.up();
    expect((await upstream.publish([ENVELOPE], soon())).kind, "on a new connection").to.equal("answered");
    upstream.close();
    expect((await upstream.publish([ENVELOPE], soon())).kind).to.equal("unknown");
  });

  it("does not know what became of a call to somebody who takes connections and says nothing", async () => {
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const { port } = silent.address() as AddressInfo;
    for (const protocol of ["grpc", "grpc-web"] as const) {
      const upstream = connectUpstream({ url: `http://127.0.0.1:${port}`, protocol });
      expect((await upstream.publish([ENVELOPE], soon())).kind, protocol).to.equal("unknown");
      upstream.close();
    }
    silent.close();
  });
});
