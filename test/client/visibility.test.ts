import { expect } from "chai";

import type { NodeDirectory, NodeStatus } from "../../src/client/nodes/nodeDirectory.ts";
import { Visibility } from "../../src/client/nodes/visibility.ts";
import { ManualClock } from "../support/manualClock.ts";

const LATE_MS = 1_000;

async function pass(clock: ManualClock, ms: number): Promise<void> {
  for (let i = 0; i < ms; i += 50) {
    clock.advance(50);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe("client/nodes/visibility", () => {
  it("holds it against no node that it does not serve what only another one's word says is stored", async () => {
    const clock = new ManualClock();
    const late: number[] = [];
    const client = { query: async () => [] };
    const available = () => (late.length > 0 ? [] : [{ node: { id: 200 }, client } as unknown as NodeStatus]);
    const directory = { available, markLate: (id: number) => late.push(id) } as unknown as NodeDirectory;
    const visibility = new Visibility({ directory, clock, nodeTimeoutMs: 100, lateNodeMs: LATE_MS });
    let isStored = false;
    const options = { isStored: () => isStored, isOver: () => false, signal: new AbortController().signal };
    const seen = visibility.waitServed({ originatorId: 100, sequenceId: 2n ** 60n }, options);
    await pass(clock, 5 * LATE_MS);
    expect(late).to.deep.equal([]);
    isStored = true;
    await pass(clock, 2 * LATE_MS);
    expect(late).to.deep.equal([200]);
    expect(await seen).to.equal(undefined);
  });
});
