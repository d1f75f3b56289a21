import { expect } from "chai";

import { beside, sharedFor } from "../../src/platform/sharedFor.ts";
import { ManualClock } from "../support/manualClock.ts";

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe("platform/sharedFor", () => {
  it("reads once for all who ask within a while or meanwhile, and keeps no failure", async () => {
    const clock = new ManualClock();
    let reads = 0;
    let fails = false;
    let letGo = () => {};
    const read = sharedFor(1_000, clock, async () => {
      reads++;
      if (fails) throw new Error("away");
      await new Promise<void>((resolve) => (letGo = resolve));
      return reads;
    });
    const one = read();
    clock.advance(5_000);
    const two = read();
    letGo();
    expect(await Promise.all([one, two]), "it is still being read").to.deep.equal([1, 1]);
    fails = true;
    expect(await read().catch(() => "failed")).to.equal("failed");
    await turn();
    expect(await read().catch(() => "failed")).to.equal("failed");
    expect(reads).to.equal(3);
  });

  it("does not hold up what it stands beside", async () => {
    const clock = new ManualClock();
    const failures: string[] = [];
    let reads = 0;
    let letGo: (value: string) => void = () => {};
    let fails = false;
    const read = beside(
      { everyMs: 60_000, waitMs: 2_000, clock },
      () => {
        reads++;
        return fails ? Promise.reject(new Error("away")) : new Promise<string>((resolve) => (letGo = resolve));
      },
      (error) => failures.push(String(error)),
    );
    const first = read();
    await turn();
    clock.advance(2_001);
    expect(await first, "too late").to.equal(undefined);
    letGo("there");
    expect(await read(), "for the next one who asks").to.equal("there");
    fails = true;
    clock.advance(60_001);
    expect(await read()).to.equal(undefined);
    expect(await read(), "not asked again at once").to.equal(undefined);
    expect([reads, failures]).to.deep.equal([2, ["Error: away"]]);
  });
});
