import { expect } from "chai";

import { FairQueue, QueueFullError } from "../../src/platform/fairQueue.ts";

const OPTIONS = { concurrency: 1, mostPerKey: 100, mostInAll: 200, startsPerTurn: 4 };

describe("platform/fairQueue", () => {
  it("60: serves somebody with one task right after a flood's current one, not behind all of it", async () => {
    const queue = new FairQueue(OPTIONS);
    const order: string[] = [];
    const flood = Array.from({ length: 50 }, (_, i) => queue.run("flood", () => void order.push(`flood ${i}`)));
    const other = queue.run("other", () => void order.push("other"));
    await Promise.all([...flood, other]);
    expect(order.indexOf("other")).to.be.at.most(2);
    expect(order.filter((name) => name !== "other")).to.deep.equal(flood.map((_, i) => `flood ${i}`));
  });

  it("lets the event loop have its turn between tasks that only compute", async () => {
    const queue = new FairQueue(OPTIONS);
    let turns = 0;
    let isRunning = true;
    const count = () => {
      turns++;
      if (isRunning) setImmediate(count);
    };
    setImmediate(count);
    await Promise.all(Array.from({ length: 40 }, () => queue.run("one", () => {})));
    isRunning = false;
    expect(turns).to.be.at.least(8);
  });

  it("runs as many at once as it may, and passes results and errors on", async () => {
    const queue = new FairQueue({ ...OPTIONS, concurrency: 3 });
    let running = 0;
    let most = 0;
    const task = async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running--;
      return "done";
    };
    const results = await Promise.all(Array.from({ length: 12 }, (_, i) => queue.run(`key ${i % 4}`, task)));
    expect(new Set(results)).to.deep.equal(new Set(["done"]));
    expect(most).to.equal(3);
    const failed = queue.run("key", () => {
      throw new RangeError("no");
    });
    const error = await failed.catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(RangeError);
    expect(await queue.run("key", () => 5)).to.equal(5);
  });

  it("60: leaves places to others when one party could take them all", async () => {
    const queue = new FairQueue({ ...OPTIONS, concurrency: 8, mostRunningPerKey: 3 });
    const releases: (() => void)[] = [];
    const blocking = () => new Promise<void>((resolve) => releases.push(resolve));
    const flood = Array.from({ length: 20 }, () => queue.run("flood", blocking));
    await new Promise((resolve) => setImmediate(resolve));
    expect(releases).to.have.length(3);
    expect(await queue.run("other", () => "served")).to.equal("served");
    // And goes on with one that rested as soon as it may, in its order.
    for (let served = 0; served < flood.length; served++) {
      while (releases.length === 0) await new Promise((resolve) => setImmediate(resolve));
      releases.shift()!();
      await flood[served];
    }
    expect(queue.waitingCount).to.equal(0);
  });

  it("turns away what one party, or all together, have too much of", async () => {
    const queue = new FairQueue({ ...OPTIONS, mostPerKey: 2, mostInAll: 4 });
    let release = () => {};
    const blocker = queue.run("blocker", () => new Promise<void>((resolve) => (release = resolve)));
    await new Promise((resolve) => setImmediate(resolve));
    const runs = ["a", "a", "a", "b", "b", "c"].map((key) => queue.run(key, () => key));
    const outcomes = Promise.allSettled(runs);
    expect(
      ["a", "b", "c"].map((key) => queue.hasRoom(key)),
      "all together have four",
    ).to.deep.equal([false, false, false]);
    release();
    await blocker;
    const kinds = (await outcomes).map(({ status }) => status);
    expect(kinds).to.deep.equal(["fulfilled", "fulfilled", "rejected", "fulfilled", "fulfilled", "rejected"]);
    const refused = await runs[2]!.catch((reason: unknown) => reason);
    expect(refused).to.be.instanceOf(QueueFullError);
    expect(queue.hasRoom("a")).to.equal(true);
    expect(queue.waitingCount).to.equal(0);
  });
});
