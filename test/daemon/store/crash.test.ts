import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { expect } from "chai";

import { NODE_ID } from "../support.ts";
import { onBoth } from "./backends.ts";
import { DOMAIN, checkAfterCrash, readReports } from "./crashWork.ts";

const CHILD = fileURLToPath(new URL("crashChild.ts", import.meta.url));
const KILLS = 10;
const ORIGINATOR = 200;

onBoth("store/crash", (fixture) => {
  it(`47: ${KILLS} kills at random points lose nothing that was reported and charge nothing twice (D1, D2)`, async () => {
    let reported = { meter: 0n, raise: 0n, attempt: -1n };
    for (let kill = 0; kill < KILLS; kill++) {
      const output = await runUntilKilled(fixture.place.at, Math.random() * 60);
      reported = readReports(output, reported);
      const store = await fixture.open({ domain: DOMAIN });
      await checkAfterCrash(store, ORIGINATOR, reported);
      await store.close();
    }
    expect(reported.meter > 0n && reported.raise > 0n && reported.attempt >= 0n, "it worked at all").to.equal(true);
  }).timeout(180_000);
});

/** What the child said before it was killed, so many milliseconds after it began to write. */
async function runUntilKilled(at: string, ms: number): Promise<string> {
  const args = ["--import", "tsx", CHILD, at, String(NODE_ID), String(ORIGINATOR)];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  const closed = once(child, "close");
  while (!output.includes("ready") && child.exitCode === null) await sleep(5);
  await sleep(ms);
  child.kill("SIGKILL");
  const [, signal] = (await closed) as [number | null, string | null];
  expect(signal, "it had not ended by itself").to.equal("SIGKILL");
  return output;
}
