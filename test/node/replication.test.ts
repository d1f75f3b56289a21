import { expect } from "chai";

import { TestNetwork, payer, query, reached } from "./support/network.ts";

describe("node/replication", () => {
  let network: TestNetwork;
  beforeEach(() => (network = new TestNetwork()));
  afterEach(() => network.close());

  it("brings what one node originates to all others, byte for byte", async () => {
    const [first, second, third] = [await network.start(100), await network.start(200), await network.start(300)];
    const { originatorEnvelopes } = await first.client.publishPayerEnvelopes({
      payerEnvelopes: [payer(1, 100), payer(2, 100)],
    });
    await Promise.all([reached(second, 100, 2n), reached(third, 100, 2n)]);
    for (const { client } of [first, second, third]) {
      const { envelopes } = await client.queryEnvelopes({ query: { originatorNodeIds: [100] } });
      expect(envelopes).to.deep.equal(originatorEnvelopes);
    }
  });

  it("catches up after it was down, in both directions, without losing or repeating anything", async () => {
    const first = await network.start(100);
    await network.start(200);
    await network.stop(200);
    for (let n = 1; n <= 5; n++) await first.client.publishPayerEnvelopes({ payerEnvelopes: [payer(n, 100)] });
    const again = await network.start(200);
    await again.client.publishPayerEnvelopes({ payerEnvelopes: [payer(6, 200)] });
    await Promise.all([reached(again, 100, 5n), reached(first, 200, 1n)]);
    for (const { client } of [first, again]) {
      const ids = (await query(client)).map(({ originatorId, sequenceId }) => `${originatorId}:${sequenceId}`);
      expect(ids).to.deep.equal(["100:1", "100:2", "100:3", "100:4", "100:5", "200:1"]);
    }
  });

  it("says that it has caught up only when it has what the others took before it started", async () => {
    const first = await network.start(100);
    for (let n = 1; n <= 5; n++) await first.client.publishPayerEnvelopes({ payerEnvelopes: [payer(n, 100)] });
    const late = await network.start(200);
    expect(late.stats().isCaughtUp).to.equal(false);
    while (!late.stats().isCaughtUp) await new Promise((resolve) => setImmediate(resolve));
    expect(late.stats().originators).to.deep.include({ id: 100, lastSequenceId: 5n });
  });

  it("does not wait for a node that is away", async () => {
    await network.start(200);
    await network.stop(200);
    const alone = await network.start(100);
    while (!alone.stats().isCaughtUp) await new Promise((resolve) => setImmediate(resolve));
  });
});
