import { expect } from "chai";

import { BatchFailedError, Quarantine, bisect } from "../../../src/daemon/transactions/batch.ts";
import { silentLog } from "../../../src/platform/log.ts";
import { ManualClock } from "../../support/manualClock.ts";

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);

/** Finds the bad numbers, and counts simulations. */
async function finding(count: number, bad: readonly number[]) {
  let checks = 0;
  const found = await bisect(numbers(count), async (some) => {
    checks++;
    const first = some.find((item) => bad.includes(item));
    return first === undefined ? undefined : `because of ${first}`;
  });
  return { ...found, checks };
}

describe("daemon/transactions/batch", () => {
  it("finds a single bad item at every index, and sends the others in order", async () => {
    for (let at = 0; at < 50; at++) {
      const { good, bad, checks } = await finding(50, [at]);
      expect(bad).to.deep.equal([{ item: at, reason: `because of ${at}` }]);
      expect(good).to.deep.equal(numbers(50).filter((item) => item !== at));
      expect(checks).to.be.at.most(13);
    }
  });

  it("needs one simulation when nothing is wrong, and none for nothing", async () => {
    expect((await finding(500, [])).checks).to.equal(1);
    expect((await finding(0, [])).checks).to.equal(0);
  });

  it("blames nobody when everything fails: the contract is paused, or the endpoint broken", async () => {
    const error = await finding(500, numbers(500)).catch((cause: Error) => cause);
    expect(error).to.be.instanceOf(BatchFailedError);
    expect((error as Error).message).to.match(/a batch of 500 cannot be sent/);
    const lost = await bisect([1, 2], () => Promise.reject(new Error("no answer"))).catch(
      (cause: Error) => cause.message,
    );
    expect(lost).to.equal("no answer");
  });

  it("sends the good ones among any number of bad ones, in a bounded number of simulations and runs", async () => {
    const patterns: Record<string, (n: number) => boolean> = {
      "the first seventeen": (n) => n < 17,
      "the last hundred": (n) => n >= 400,
      "every other": (n) => n % 2 === 0,
      "all but one": (n) => n !== 123,
    };
    for (const [name, isBad] of Object.entries(patterns)) {
      let left = numbers(500);
      const [good, bad]: number[][] = [[], []];
      for (let run = 0; left.length > 0; run++) {
        expect(run, name).to.be.below(8);
        let checks = 0;
        const found = await bisect(left, async (some) => {
          checks++;
          return some.some(isBad) ? "it reverts" : undefined;
        }).catch((error: unknown) => error as BatchFailedError);
        expect(checks, name).to.be.at.most(272);
        if (found instanceof BatchFailedError) {
          expect(name, "one in five hundred may be missed; then nobody is blamed").to.equal("all but one");
          break;
        }
        good!.push(...found.good);
        bad!.push(...found.bad.map(({ item }) => item));
        left = found.undecided;
      }
      expect(good!.some(isBad), name).to.equal(false);
      expect(bad!.every(isBad), name).to.equal(true);
      if (name !== "all but one") expect(good!.length + bad!.length, name).to.equal(500);
    }
  });

  it("tries what it put aside once more after ten minutes, then after a day, and remembers a thousand at most", () => {
    const clock = new ManualClock();
    const quarantine = new Quarantine({ clock, log: silentLog });
    quarantine.put("a", "it reverts");
    expect(quarantine.holds("a")).to.equal(true);
    clock.advance(600_000);
    expect(quarantine.holds("a")).to.equal(false);
    quarantine.put("a", "it reverts");
    clock.advance(600_000);
    expect(quarantine.holds("a")).to.equal(true);
    clock.advance(86_400_000);
    expect(quarantine.holds("a")).to.equal(false);
    for (const n of numbers(1_500)) quarantine.put(String(n), "it reverts");
    expect(quarantine.size).to.equal(1_000);
    expect(quarantine.holds("1499")).to.equal(true);
    quarantine.clear("1499");
    expect(quarantine.holds("1499")).to.equal(false);
  });
});
