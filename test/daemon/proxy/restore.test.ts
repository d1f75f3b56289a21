import { expect } from "chai";
import { Code } from "@connectrpc/connect";
import type { ConnectError } from "@connectrpc/connect";

import { PostageRefusalSchema } from "#proto/pennyblack/v1/postage_pb.ts";

import { readOriginatorEnvelope } from "../../../src/protocol/envelope.ts";
import { toHex } from "../../../src/protocol/bytes.ts";
import { originatorEnvelope, payerEnvelope } from "../../support/envelopes.ts";
import { StockNode } from "../../support/stockNode/stockNode.ts";
import { NODE_ID, PAYER_KEY, storeAt } from "../support.ts";
import type { World } from "./support.ts";
import { NODE_KEY, errorOf, moving, publish, startWorld } from "./support.ts";

const notReady = async (call: Promise<unknown>) => {
  const error = (await errorOf(call)) as ConnectError;
  return [error.code, error.findDetails(PostageRefusalSchema)[0]?.code];
};
const SHUT = [Code.Unavailable, "not_ready"];

/** What peers say follows in this node's log. */
const peersWith = (sequenceIds: bigint[], key = NODE_KEY) => ({
  read: async (_: string, { after, limit }: { after: bigint; limit: number }) =>
    sequenceIds
      .filter((id) => id > after)
      .slice(0, limit)
      .map((sequenceId) =>
        originatorEnvelope(
          payerEnvelope(7, NODE_ID, PAYER_KEY),
          { originatorId: NODE_ID, sequenceId, originatorNs: 1n },
          key,
        ),
      ),
});

describe("daemon/proxy, a node that was restored", function () {
  this.timeout(180_000);
  let world: World;
  afterEach(() => world.close());

  it("53: an old database at the start keeps the gate shut, says what to do, and opens with the newest one", async () => {
    const stock = await StockNode.start({ nodeId: NODE_ID, signingKey: toHex(NODE_KEY), keepAliveMs: 50 });
    const store = await storeAt();
    await store.ledger.raiseHighWater(3n);
    world = await startWorld({ stock, store });
    expect(await notReady(publish(world.client, 1))).to.deep.equal(SHUT);
    const { ready, highWater } = await world.status();
    expect([ready, highWater.reached, highWater.sequenceId]).to.deep.equal([false, false, "3"]);
    expect(highWater.problem).to.include("restore the newest one");
    expect(await healthOf(world)).to.equal(2);
    expect(stock.calls).to.have.length(0);
    // Reads are served all the same.
    expect((await world.client.queryEnvelopes({ query: { originatorNodeIds: [NODE_ID] } })).envelopes).to.have.length(
      0,
    );

    for (const n of [1, 2, 3]) ingest(stock, n);
    await world.until(() => world.daemon.gate.isOpen());
    const [envelope] = await publish(world.client, 9);
    expect(readOriginatorEnvelope(envelope!).sequenceId).to.equal(4n);
    expect((await world.status()).highWater.problem).to.equal(null);
  });

  it("53: a database that is exchanged while the daemon runs shuts the gate before anything is published", async () => {
    world = await startWorld();
    const { stock, client, daemon, until, clock } = world;
    await publish(client, [1, 2, 3]);
    stock.crash();
    stock.restore(1n);
    await stock.up();
    await until(() => !daemon.gate.isOpen());
    await until(async () => (await world.status()).highWater.problem !== null);
    expect(await notReady(publish(client, 4))).to.deep.equal(SHUT);
    expect(stock.calls).to.have.length(1);
    // The operator has moved the node's sequence on by hand, and says so.
    stock.nextId = 4n;
    const trusted = await fetch(`${daemon.operatorUrl}/trust-log`, { method: "POST" });
    expect(await trusted.json()).to.deep.equal({ above: "3" });
    const [envelope] = await moving(clock, publish(client, 4));
    expect(readOriginatorEnvelope(envelope!).sequenceId).to.equal(4n);
  });

  it("53: the first id that is given out again is not passed on, and the last", async () => {
    world = await startWorld();
    const { stock, client, daemon, clock } = world;
    await publish(client, [1, 2, 3]);
    // Without a break of any connection.
    stock.restore(1n);
    const error = (await moving(clock, errorOf(publish(client, 4)))) as ConnectError;
    expect(error.code).to.equal(Code.Unavailable);
    await world.until(async () => (await world.status()).highWater.problem !== null);
    expect(daemon.gate.isOpen()).to.equal(false);
    expect(await notReady(publish(client, 5))).to.deep.equal(SHUT);
  });

  it("53: asks peers for what the node has signed, and believes its signature only", async () => {
    world = await startWorld({ peers: peersWith([1n, 2n, 900n]) });
    expect((await world.status()).highWater).to.include({ reached: false, sequenceId: "900" });
    await world.close();
    world = await startWorld({ peers: peersWith([1n, 2n, 900n], new Uint8Array(32).fill(0x55)) });
    expect((await world.status()).highWater).to.include({ reached: true, sequenceId: "0" });
    await world.close();
    const away = async () => {
      throw new Error("connection refused");
    };
    world = await startWorld({ peers: { read: away } });
    expect((await world.status()).highWater).to.include({ reached: true, sequenceId: "0" });
  });
});

async function healthOf({ proxy }: World): Promise<number> {
  const { call, grpcClient } = await import("../../support/stockNode/protos.ts");
  const client = grpcClient("health", proxy.url);
  const { status } = await call<{ status: number }>(client, "check", {});
  client.close();
  return status;
}

/** A message that the node has from before. */
function ingest(stock: StockNode, n: number): void {
  const sequenceId = BigInt(n);
  const bytes = originatorEnvelope(
    payerEnvelope(n, NODE_ID, PAYER_KEY),
    { originatorId: NODE_ID, sequenceId, originatorNs: 1n },
    NODE_KEY,
  );
  stock.ingestBytes(bytes);
  stock.nextId = sequenceId + 1n;
}
