import { expect } from "chai";

import { Doubts } from "../../src/daemon/doubts.ts";
import { ManualClock } from "../support/manualClock.ts";

describe("daemon/doubts", () => {
  const triesOf = (doubts: Doubts, party: string) => {
    let tries = 0;
    while (tries < 1_000 && doubts.mayTry(party)) tries++;
    return tries;
  };

  it("doubts one for ten seconds since its last bad signature", () => {
    const clock = new ManualClock();
    const doubts = new Doubts(clock);
    doubts.add("a");
    clock.advance(9_999);
    expect(doubts.has("a")).to.equal(true);
    expect(doubts.has("b")).to.equal(false);
    doubts.add("a");
    clock.advance(9_999);
    expect(doubts.has("a")).to.equal(true);
    clock.advance(1);
    expect(doubts.has("a")).to.equal(false);
    expect(triesOf(doubts, "a"), "who is not doubted may try on").to.equal(1_000);
  });

  it("60: leaves one twenty tries a second, and all together two hundred", () => {
    const clock = new ManualClock();
    const doubts = new Doubts(clock);
    const parties = Array.from({ length: 15 }, (_, i) => `party ${i}`);
    for (const party of parties) doubts.add(party);
    expect(parties.map((party) => triesOf(doubts, party))).to.deep.equal([...Array(10).fill(20), ...Array(5).fill(0)]);
    clock.advance(500);
    // Another bad signature does not give new tries.
    doubts.add("party 0");
    expect(triesOf(doubts, "party 0")).to.equal(10);
    clock.advance(5_000);
    expect(triesOf(doubts, "party 0"), "what was not used is not saved").to.equal(20);
  });

  it("forgets the oldest of too many", () => {
    const doubts = new Doubts(new ManualClock());
    for (let i = 0; i <= 10_000; i++) doubts.add(`party ${i}`);
    expect(["party 0", "party 1", "party 10000"].map((party) => doubts.has(party))).to.deep.equal([false, true, true]);
  });
});
