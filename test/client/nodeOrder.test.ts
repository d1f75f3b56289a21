import { expect } from "chai";

import type { NodeChoice } from "../../src/client/nodes/nodeOrder.ts";
import { nodeOrder, requireChoice } from "../../src/client/nodes/nodeOrder.ts";
import { stableOrder } from "../../src/protocol/nodeChoice.ts";
import { topicBytes } from "../../src/protocol/topics.ts";
import { groupMessage } from "../support/envelopes.ts";
import { GatewayHarness, publish } from "./support/gatewayHarness.ts";

const TOPIC = topicBytes(0, new Uint8Array(16).fill(0xab));
const NODES = [
  { id: 300, latencyMs: 5 },
  { id: 100, latencyMs: 80 },
  { id: 400, latencyMs: undefined },
  { id: 200, latencyMs: 20 },
];
const order = (choice: NodeChoice, random = () => 0.999) => nodeOrder(choice, TOPIC, NODES, random);

describe("client/nodes/nodeOrder", () => {
  it("goes by the topic, by preference, by a list alone, by latency", () => {
    expect(order({ strategy: "stable" })).to.deep.equal(stableOrder(TOPIC, [100, 200, 300, 400]));
    expect(order({ strategy: "ordered", preferredNodes: [300, 900, 200] })).to.deep.equal([300, 200, 100, 400]);
    expect(order({ strategy: "manual", preferredNodes: [300, 900, 200] })).to.deep.equal([300, 200]);
    expect(order({ strategy: "closest" })).to.deep.equal([300, 200, 100, 400]);
    expect(order({ strategy: "closest", preferredNodes: [100, 200] })).to.deep.equal([200, 100, 300, 400]);
  });

  it("gives every order by chance, each as often", () => {
    const seen = new Map<string, number>();
    let state = 1;
    const random = () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
    for (let i = 0; i < 24_000; i++) {
      const name = order({ strategy: "random" }, random).join();
      seen.set(name, (seen.get(name) ?? 0) + 1);
    }
    expect(seen.size).to.equal(24);
    for (const [name, count] of seen) expect(count, name).to.be.within(800, 1_200);
  });

  it("refuses a strategy without what it chooses from", () => {
    const strategies = ["stable", "ordered", "manual", "random", "closest"] as const;
    const refused = (choice: NodeChoice) => {
      try {
        requireChoice(choice);
        return false;
      } catch (error) {
        expect(error).to.be.instanceOf(RangeError);
        return true;
      }
    };
    expect(strategies.filter((strategy) => refused({ strategy }))).to.deep.equal(["ordered", "manual"]);
    const preferredNodes = [100];
    expect(strategies.filter((strategy) => refused({ strategy, preferredNodes }))).to.deep.equal(["stable", "random"]);
    expect(refused({ strategy: "ordered", preferredNodes: [100, 100] })).to.equal(true);
  });

  for (const strategy of ["ordered", "manual"] as const) {
    it(`a gateway publishes ${strategy}, and ${strategy === "manual" ? "to nobody else" : "fails over to others"}`, async () => {
      const harness = new GatewayHarness();
      const [first, second] = harness.network.nodes;
      const gateway = await harness.start({ nodes: { strategy, preferredNodes: [second!.id] } });
      // Of topics that `stable` spreads.
      const send = (n: number) => harness.settle(publish(gateway, groupMessage(n, { group: n })));
      for (let n = 0; n < 4; n++) await send(n);
      const received = () => [first!, second!].map((node) => node.received.length);
      expect(received()).to.deep.equal([0, 4]);
      second!.isDown = true;
      const sending = send(4);
      await harness.run(3_000, 100);
      expect(received()).to.deep.equal([strategy === "ordered" ? 1 : 0, 4]);
      second!.isDown = false;
      await harness.run(60_000, 500);
      await sending;
      expect(received()).to.deep.equal(strategy === "ordered" ? [1, 4] : [0, 5]);
      await harness.stop();
    });
  }
});
