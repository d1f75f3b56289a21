import { setImmediate } from "node:timers/promises";

import { expect } from "chai";

import type { Leadership } from "../../../src/daemon/transactions/ports.ts";
import { StaleTermError } from "../../../src/daemon/transactions/ports.ts";
import { Term } from "../../../src/daemon/transactions/term.ts";
import { silentLog } from "../../../src/platform/log.ts";
import { ManualClock } from "../../support/manualClock.ts";

const LEASE_MS = 30_000;

/** Knows a leader only by the answer it was given: who asks again before it has it is taken for somebody else. */
class StrictLeadership implements Leadership {
  asked = 0;
  #isTaken = false;
  #isKnown = false;

  async hold(): Promise<bigint | undefined> {
    this.asked++;
    if (this.#isTaken && !this.#isKnown) return undefined;
    this.#isTaken = true;
    await setImmediate();
    this.#isKnown = true;
    return 1n;
  }

  async release(): Promise<void> {}
}

describe("daemon/transactions/term", () => {
  it("D8: two lanes that ask at once lead both", async () => {
    const clock = new ManualClock();
    const leadership = new StrictLeadership();
    const term = new Term({ leadership, holder: "a", leaseMs: LEASE_MS, clock, log: silentLog });
    expect(await Promise.all([term.hold(), term.hold()])).to.deep.equal([1n, 1n]);
    clock.advance(LEASE_MS / 2);
    expect(await Promise.all([term.hold(), term.hold()])).to.deep.equal([1n, 1n]);
    expect(leadership.asked, "once each time").to.equal(2);
  });

  it("53, D8: who was fenced leads again with a later term only, and late news of the old one does not end it", async () => {
    const clock = new ManualClock();
    let answer: bigint | undefined = 1n;
    const leadership: Leadership = { hold: async () => answer, release: async () => {} };
    const term = new Term({ leadership, holder: "a", leaseMs: LEASE_MS, clock, log: silentLog });
    expect(await term.hold()).to.equal(1n);
    term.note(new StaleTermError("term 1 is over", 1n));
    expect(term.isFenced).to.equal(true);
    expect(await term.hold(), "a lease that is not newer").to.equal(undefined);
    answer = undefined;
    expect(await term.hold(), "while the other one leads").to.equal(undefined);
    expect(() => term.requireUnfenced()).to.throw("another process");
    answer = 3n;
    expect(await term.hold()).to.equal(3n);
    expect(term.isFenced).to.equal(false);
    // A call that began in the first term ends now.
    term.note(new StaleTermError("term 1 is over", 1n));
    expect(term.isFenced).to.equal(false);
    term.note(new StaleTermError("term 3 is over", 3n));
    expect(term.isFenced).to.equal(true);
  });
});
