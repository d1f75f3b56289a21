import { expect } from "chai";

import { startLoop } from "../../src/daemon/loop.ts";
import { silentLog } from "../../src/platform/log.ts";
import { ManualClock } from "../support/manualClock.ts";

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe("daemon/loop", () => {
  it("gathers what wakes it into one more step, and stops while it does", async () => {
    const clock = new ManualClock();
    let steps = 0;
    const step = async () => void steps++;
    const loop = startLoop("one", 1_000, step, { clock, log: silentLog, gatherMs: 100 });
    await settled();
    expect(steps).to.equal(1);
    for (let i = 0; i < 5; i++) {
      loop.wake();
      await settled();
    }
    clock.advance(99);
    await settled();
    expect(steps).to.equal(1);
    clock.advance(1);
    await settled();
    expect(steps).to.equal(2);
    clock.advance(1_000);
    await settled();
    expect(steps, "nobody woke it: nothing is gathered").to.equal(3);
    loop.wake();
    await settled();
    await loop.stop();
    expect(steps).to.equal(3);
  });

  it("runs at once when it is woken and gathers nothing", async () => {
    const clock = new ManualClock();
    let steps = 0;
    const loop = startLoop("one", 1_000, async () => void steps++, { clock, log: silentLog });
    await settled();
    loop.wake();
    await settled();
    expect(steps).to.equal(2);
    await loop.stop();
  });
});
