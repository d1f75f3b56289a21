import { expect } from "chai";

import { Batcher, BatcherFullError } from "../../src/platform/batcher.ts";

describe("platform/batcher", () => {
  it("takes what comes in one turn of the event loop, and during a batch, in one go", async () => {
    const batches: number[][] = [];
    let finish = () => {};
    const run = async (items: readonly number[]) => {
      batches.push([...items]);
      await new Promise<void>((resolve) => (finish = resolve));
      return items.map((item) => item * 10);
    };
    const batcher = new Batcher({ run, mostPerBatch: 3, mostWaiting: 10 });
    const first = [1, 2].map((item) => batcher.add(item));
    await new Promise((resolve) => setImmediate(resolve));
    const later = [3, 4, 5, 6].map((item) => batcher.add(item));
    expect(batches).to.deep.equal([[1, 2]]);
    finish();
    expect(await Promise.all(first)).to.deep.equal([10, 20]);
    await new Promise((resolve) => setImmediate(resolve));
    finish();
    await new Promise((resolve) => setImmediate(resolve));
    finish();
    expect(await Promise.all(later)).to.deep.equal([30, 40, 50, 60]);
    expect(batches).to.deep.equal([[1, 2], [3, 4, 5], [6]]);
  });

  it("fails all of a batch that fails, and goes on with the next", async () => {
    let isBroken = true;
    const run = async (items: readonly number[]) => {
      if (isBroken) throw new Error("disk full");
      return items;
    };
    const batcher = new Batcher({ run, mostPerBatch: 10, mostWaiting: 10 });
    const outcomes = await Promise.allSettled([batcher.add(1), batcher.add(2)]);
    expect(outcomes.map(({ status }) => status)).to.deep.equal(["rejected", "rejected"]);
    isBroken = false;
    expect(await batcher.add(3)).to.equal(3);
  });

  it("turns away what is more than it lets wait", async () => {
    const batcher = new Batcher({ run: async (items: readonly number[]) => items, mostPerBatch: 2, mostWaiting: 2 });
    const outcomes = await Promise.allSettled([1, 2, 3].map((item) => batcher.add(item)));
    expect(outcomes.map(({ status }) => status)).to.deep.equal(["fulfilled", "fulfilled", "rejected"]);
    expect((outcomes[2] as PromiseRejectedResult).reason).to.be.instanceOf(BatcherFullError);
  });

  it("waits for more while more comes, and no longer", async () => {
    const batches: number[][] = [];
    const run = async (items: readonly number[]) => {
      batches.push([...items]);
      return items;
    };
    const batcher = new Batcher({ run, mostPerBatch: 100, mostWaiting: 100, mostTurns: 3 });
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    const added: Promise<number>[] = [];
    for (let i = 0; i < 12; i++) {
      added.push(batcher.add(i));
      await turn();
    }
    await Promise.all(added);
    expect(batches.length, `${batches.map(({ length }) => length).join(", ")}`).to.be.within(3, 5);
    expect(batches.flat()).to.deep.equal(Array.from({ length: 12 }, (_, i) => i));
    expect(await batcher.add(12), "alone").to.equal(12);
  });
});
