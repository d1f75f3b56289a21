import { expect } from "chai";
import fc from "fast-check";

import { HighWater } from "../../src/daemon/highWater.ts";
import { KeyRing } from "../../src/daemon/keyRing.ts";
import { newestSequenceId } from "../../src/daemon/newest.ts";
import { silentLog } from "../../src/platform/log.ts";
import { ManualClock } from "../support/manualClock.ts";
import { NODE_ID, storeAt } from "./support.ts";

describe("daemon/highWater", () => {
  it("finds the newest id of any log in few questions", async () => {
    const ids = fc.uniqueArray(fc.bigInt({ min: 1n, max: 2n ** 62n }), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(ids, fc.bigInt({ min: 0n, max: 2n ** 62n }), async (log, from) => {
        const sorted = log.toSorted((a, b) => (a < b ? -1 : 1));
        let questions = 0;
        const next = async (after: bigint) => (questions++, sorted.find((id) => id > after));
        const newest = await newestSequenceId(next, from);
        const last = sorted.at(-1);
        expect(newest).to.equal(last !== undefined && last > from ? last : from);
        expect(questions).to.be.at.most(140);
      }),
      { numRuns: 300 },
    );
  });

  it("ends with a peer that never does", async () => {
    let questions = 0;
    await newestSequenceId(async (after) => (questions++, after + 1n), 0n);
    expect(questions).to.be.at.most(201);
  });

  it("asks all nodes within half a minute, also those that never answer, and others first the next time", async () => {
    const clock = new ManualClock();
    const store = (await storeAt()).ledger;
    const asked: string[] = [];
    const highWater = new HighWater({
      ...{ nodeId: NODE_ID, store, clock, log: silentLog, envelopeLog: { read: async () => [] } },
      others: {
        keys: new KeyRing({ keyOf: async () => undefined }, clock),
        // It does not even heed its signal.
        peers: { read: (address) => (asked.push(address), new Promise(() => {})) },
        announced: { lastOf: async () => 7n },
      },
    });
    const nodes = Array.from({ length: 80 }, (_, i) => {
      return { nodeId: 200 + i * 100, httpAddress: `http://${i}`, isCanonical: true };
    });
    for (let round = 1; round <= 2; round++) {
      let isOver = false;
      const checked = highWater.check(nodes).then(() => (isOver = true));
      const from = clock.elapsed();
      while (!isOver && clock.elapsed() - from < 600_000) {
        for (let i = 0; i < 8; i++) await new Promise((resolve) => setImmediate(resolve));
        if (!isOver) clock.advance(1_000);
      }
      await checked;
      expect(clock.elapsed() - from).to.be.at.most(30_000);
      clock.advance(60_000);
    }
    expect(new Set(asked).size, "nobody twice before the others").to.equal(asked.length);
    expect(highWater.status(), "silent peers hide nothing of what reports say").to.include({ sequenceId: 7n });
  });

  it("takes what the chain announced into account, asks others again while it is shut, and doubts what it saw before", async () => {
    const clock = new ManualClock();
    const store = (await storeAt()).ledger;
    let asked = 0;
    let length = 4n;
    let onRead = () => {};
    const highWater = new HighWater({
      ...{ nodeId: NODE_ID, store, clock, log: silentLog },
      envelopeLog: {
        read: async (_, after) => {
          onRead();
          return after < length ? [{ sequenceId: length, envelope: new Uint8Array() }] : [];
        },
      },
      others: {
        keys: new KeyRing({ keyOf: async () => undefined }, clock),
        peers: { read: async () => (asked++, []) },
        announced: { lastOf: async () => 5n },
      },
    });
    const nodes = [{ nodeId: 200, httpAddress: "http://200", isCanonical: true }];
    await highWater.check(nodes);
    await highWater.check(nodes);
    expect([highWater.isReached, asked]).to.deep.equal([false, 1]);
    clock.advance(60_000);
    await highWater.check(nodes);
    expect([highWater.isReached, asked]).to.deep.equal([false, 2]);
    length = 5n;
    onRead = () => highWater.doubt();
    await highWater.check(nodes);
    expect(highWater.isReached, "doubted while it looked").to.equal(false);
    onRead = () => {};
    await highWater.check(nodes);
    expect(highWater.isReached).to.equal(true);
  });
});
