/**
 * `npm run bench:flood`: case 60. How long good publishes wait (99th percentile) while one payer sends vouchers of a bad
 * signature at ten times the rate at which the gate takes good ones, against the same load without it, in one run.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { floodedP99Ms, vouchersPerSecond } from "./daemon/measure.ts";
import { openAt, somePayers } from "./daemon/world.ts";

const SECONDS = 8;
const ROUNDS = 3;
/** Of capacity: what good payers send. */
const SHARE = 1 / 10;
const MOST_RATIO = 2;

const payers = somePayers(1_000);
const directory = mkdtempSync(join(tmpdir(), "pennyblack-flood-"));
const store = await openAt(join(directory, "ledger.sqlite"));
const capacity = await vouchersPerSecond(store, payers, 30_000);
const rate = capacity * SHARE;
const ratios: number[] = [];
for (let round = 0; round < ROUNDS; round++) {
  const calm = await floodedP99Ms(store, payers, { rate, seconds: SECONDS, flood: 0 });
  const flooded = await floodedP99Ms(store, payers, { rate, seconds: SECONDS, flood: capacity * 10 });
  ratios.push(flooded.p99Ms / calm.p99Ms);
  const perSecond = Math.round(flooded.refused / SECONDS);
  console.log(
    `capacity ${capacity}/s, good ${Math.round(rate)}/s: p99 ${calm.p99Ms.toFixed(1)} ms; ` +
      `with ${perSecond} bad ones a second refused ${flooded.p99Ms.toFixed(1)} ms`,
  );
}
await store.close();
rmSync(directory, { recursive: true });
const ratio = ratios.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)]!;
console.log(`median ratio ${ratio.toFixed(2)}, at most ${MOST_RATIO}`);
process.exit(ratio <= MOST_RATIO ? 0 : 1);
