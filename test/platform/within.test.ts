import { expect } from "chai";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import { startLoop } from "../../src/daemon/loop.ts";
import { systemClock } from "../../src/platform/clock.ts";
import { silentLog } from "../../src/platform/log.ts";
import { within } from "../../src/platform/within.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

async function heapBytes(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return process.memoryUsage().heapUsed;
}

describe("platform/within", () => {
  it("ends a call after its time, or with its parent, and says why", async () => {
    const parent = new AbortController();
    const never = (signal: AbortSignal) =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
    const late = await within(parent.signal, 5, never).catch((error: unknown) => error as Error);
    expect([(late as Error).name, (late as Error).message]).to.deep.equal(["TimeoutError", "no answer within 5 ms"]);
    const ended = within(parent.signal, 60_000, never).catch((error: unknown) => (error as Error).message);
    parent.abort(new Error("we stop"));
    expect(await ended).to.equal("we stop");
    expect(await within(parent.signal, 60_000, async (signal) => signal.aborted)).to.equal(true);
  });

  it("leaves nothing behind in a parent that lives for months", async () => {
    const parent = new AbortController();
    const call = () => within(parent.signal, 10, async (signal) => signal.aborted);
    for (let i = 0; i < 2_000; i++) await call();
    const before = await heapBytes();
    for (let i = 0; i < 30_000; i++) await call();
    expect((await heapBytes()) - before).to.be.below(2_000_000);
  });

  it("a loop that is woken for each message leaves nothing behind", async () => {
    let runs = 0;
    let more = () => {};
    const loop = startLoop("test", 60_000, async () => void (runs++, more()), { clock: systemClock, log: silentLog });
    const run = (count: number) =>
      new Promise<void>((resolve) => {
        const end = runs + count;
        more = () => (runs >= end ? resolve() : void setImmediate(() => loop.wake()));
        loop.wake();
      });
    await run(2_000);
    const before = await heapBytes();
    await run(30_000);
    expect((await heapBytes()) - before).to.be.below(2_000_000);
    await loop.stop();
  });
});
