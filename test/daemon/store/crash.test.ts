import { expect } from "chai";

import { onBoth } from "./backends.ts";
import { CRASH_ORIGINATOR, runUntilKilled } from "./crashRun.ts";
import { DOMAIN, checkAfterCrash, readReports } from "./crashWork.ts";

const KILLS = 10;

onBoth("store/crash", (fixture) => {
  it(`47: ${KILLS} kills at random points lose nothing that was reported and charge nothing twice (D1, D2)`, async () => {
    let reported = { meter: 0n, raise: 0n, attempt: -1n };
    for (let kill = 0; kill < KILLS; kill++) {
      const output = await runUntilKilled(fixture.place.at, Math.random() * 60);
      reported = readReports(output, reported);
      const store = await fixture.open({ domain: DOMAIN });
      await checkAfterCrash(store, CRASH_ORIGINATOR, reported);
      await store.close();
    }
    expect(reported.meter > 0n && reported.raise > 0n && reported.attempt >= 0n, "it worked at all").to.equal(true);
  }).timeout(180_000);
});
