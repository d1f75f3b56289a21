import { expect } from "chai";

import { KeyedTurns } from "../../src/platform/keyedTurns.ts";

describe("platform/keyedTurns", () => {
  it("runs what shares a key in turns, the rest at once, also after a failure, and never locks up", async () => {
    const turns = new KeyedTurns();
    const busy = new Map<string, number>();
    let most = 0;
    let running = 0;
    const task = (keys: string[], fails: boolean) => async () => {
      for (const key of keys) {
        busy.set(key, (busy.get(key) ?? 0) + 1);
        expect(busy.get(key)).to.equal(1);
      }
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running--;
      for (const key of keys) busy.set(key, busy.get(key)! - 1);
      if (fails) throw new Error("a task failed");
    };
    const calls = Array.from({ length: 200 }, (_, i) => {
      const keys = [`${i % 7}`, `${(i * 3) % 5}x`].toSorted(() => (i % 2 ? 1 : -1));
      return turns.run(keys, task(keys, i % 11 === 0)).catch(() => "failed");
    });
    await turns.drain();
    const results = await Promise.all(calls);
    expect(results.filter((result) => result === "failed")).to.have.length(19);
    expect(most).to.be.greaterThan(1);
  });
});
