import { expect } from "chai";

import { onBoth } from "./backends.ts";
import { CRASH_ORIGINATOR, runUntilKilled } from "./crashRun.ts";
import { DOMAIN, checkAfterCrash, readReports } from "./crashWork.ts";

const KILLS = 10;
/** A machine with other work may not get to do anything before it is killed. */
const MOST_KILLS = 60;

onBoth("store/crash", (fixture) => {
  it(`47: ${KILLS} kills at random points lose nothing that was reported and charge nothing twice (D1, D2)`, async () => {
    let reported = { meter: 0n, raise: 0n, attempt: -1n };
    const hasWorked = () => reported.meter > 0n && reported.raise > 0n && reported.attempt >= 0n;
    for (let kill = 0; kill < KILLS || (!hasWorked() && kill < MOST_KILLS); kill++) {
      const output = await runUntilKilled(fixture.place.at, Math.random() * 60);
      reported = readReports(output, reported);
      const store = await fixture.open({ domain: DOMAIN });
      await checkAfterCrash(store, CRASH_ORIGINATOR, reported);
      await store.close();
    }
    expect(hasWorked(), "it worked at all").to.equal(true);
  }).timeout(360_000);
});
