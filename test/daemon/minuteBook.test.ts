import { expect } from "chai";

import { MinuteBook } from "../../src/daemon/minuteBook.ts";
import type { MeterBatch } from "../../src/daemon/ports.ts";

const NODE = 100;

/** A store whose reads are answered when the test says. */
class Reads {
  readonly asked: [number, bigint, bigint][] = [];
  answer: (counts: Map<bigint, bigint>) => void = () => {};
  fail: (error: Error) => void = () => {};

  minuteCounts(originatorId: number, from: bigint, to: bigint): Promise<Map<bigint, bigint>> {
    this.asked.push([originatorId, from, to]);
    return new Promise((resolve, reject) => {
      this.answer = resolve;
      this.fail = reject;
    });
  }
}

const batch = (originatorId: number, counts: [bigint, bigint][]): MeterBatch => ({
  ...{ originatorId, after: 0n, upTo: 1n, charges: [] },
  minuteCounts: new Map(counts),
});

describe("daemon/minuteBook", () => {
  it("reads a minute and its window once, and follows what is metered", async () => {
    const reads = new Reads();
    const book = new MinuteBook(reads, false);
    const [one, other] = [book.countsAt(NODE, 50n, 0), book.countsAt(NODE, 50n, 10_000)];
    reads.answer(new Map([[49n, 7n]]));
    expect(await one).to.deep.equal(new Map([[49n, 7n]]));
    book.note(batch(NODE, [[49n, 8n], [50n, 1n]])); // prettier-ignore
    book.note(batch(200, [[50n, 99n]]));
    expect(await book.countsAt(NODE, 50n, 20_000)).to.deep.equal(new Map([[49n, 8n], [50n, 1n]])); // prettier-ignore
    expect(await other).to.equal(await one);
    expect(reads.asked).to.deep.equal([[NODE, 46n, 50n]]);
    void book.countsAt(NODE, 51n, 20_000);
    expect(reads.asked.at(-1)).to.deep.equal([NODE, 47n, 51n]);
  });

  it("has what was metered while it read, whichever was first at the database", async () => {
    for (const found of [3n, 4n, 5n]) {
      const reads = new Reads();
      const book = new MinuteBook(reads, false);
      const counts = book.countsAt(NODE, 50n, 0);
      book.note(batch(NODE, [[50n, 4n]]));
      reads.answer(new Map([[50n, found]]));
      expect((await counts).get(50n)).to.equal(found > 4n ? found : 4n);
    }
  });

  it("reads again after a read that failed, and when nobody knows what was written", async () => {
    const reads = new Reads();
    const book = new MinuteBook(reads, false);
    const failed = book.countsAt(NODE, 50n, 0).catch((error: Error) => error.message);
    reads.fail(new Error("away"));
    expect(await failed).to.equal("away");
    void book.countsAt(NODE, 50n, 0);
    expect(reads.asked).to.have.length(2);
    book.forget();
    void book.countsAt(NODE, 50n, 0);
    expect(reads.asked).to.have.length(3);
  });

  it("reads a shared database again after a quarter of a second", () => {
    const reads = new Reads();
    const book = new MinuteBook(reads, true);
    for (const ms of [0, 249, 250, 499]) void book.countsAt(NODE, 50n, ms);
    expect(reads.asked).to.have.length(2);
  });
});
