import { expect } from "chai";

import { observeCalls } from "../../../src/platform/metrics/observeCalls.ts";
import { ManualClock } from "../../support/manualClock.ts";

/** A store with a secret: its methods work on itself alone. */
class Counting {
  readonly #clock: ManualClock;
  #total = 0;

  constructor(clock: ManualClock) {
    this.#clock = clock;
  }

  async add(by: number): Promise<number> {
    this.#clock.advance(250);
    if (by < 0) throw new RangeError("it only grows");
    return (this.#total += by);
  }

  async total(): Promise<number> {
    return this.#total;
  }
}

describe("platform/metrics/observeCalls", () => {
  it("tells how long each call took, how it ended, and what is to be seen in it, and changes nothing", async () => {
    const clock = new ManualClock();
    const told: unknown[] = [];
    const observed = observeCalls(
      new Counting(clock),
      {
        took: (method, seconds) => told.push([method, seconds]),
        failed: (method) => told.push([method, "failed"]),
        after: { add: ([by], total) => void told.push({ by, total }) },
      },
      clock,
    );
    expect(await observed.add(3)).to.equal(3);
    expect(await observed.total()).to.equal(3);
    const refused = await observed.add(-1).catch((error: unknown) => error);
    expect(refused).to.be.instanceOf(RangeError);
    expect(told).to.deep.equal([["add", 0.25], { by: 3, total: 3 }, ["total", 0], ["add", "failed"]]);
  });

  it("observes an object of functions as it observes a class's", async () => {
    const told: string[] = [];
    const plain = { one: async () => 1 };
    const observer = { took: (method: string) => told.push(method), failed: () => {} };
    expect(await observeCalls(plain, observer, new ManualClock()).one()).to.equal(1);
    expect(told).to.deep.equal(["one"]);
  });
});
