/** `npm run bench:gas`: what the money contracts cost, as they are deployed. */
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";

import type { World } from "../../test/contracts/fixtures.ts";
import { DATA_FEE } from "./baseDataFee.ts";
import { checkAgainstSnapshot, checkAgainstTargets, flatten } from "./checkGas.ts";
import { FLOOR_PER_ROW, PEERS, TARGETS, XMTP } from "./gasTargets.ts";
import type { GasFigures } from "./measureGas.ts";
import { BATCHES, measureGas } from "./measureGas.ts";
import { buildProduction } from "../deploy/productionBuild.ts";
import { productionWorld } from "./productionWorld.ts";

const SNAPSHOT = "test/assurance/gas.snapshot.json";
const USAGE = `npm run bench:gas -- [--json FILE] [--check | --update]
  --json FILE  also write the figures as JSON
  --check      fail when a figure passes its target or differs from ${SNAPSHOT}
  --update     write the figures there`;

function readOptions(): { json?: string; check: boolean; update: boolean } {
  const options = { json: { type: "string" }, check: { type: "boolean" }, update: { type: "boolean" } } as const;
  try {
    const { values } = parseArgs({ options });
    return { json: values.json, check: values.check ?? false, update: values.update ?? false };
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${USAGE}`);
    process.exit(2);
  }
}

const cell = (value: number | string | undefined, width: number) =>
  (typeof value === "number" ? value.toLocaleString("en-US") : (value ?? "-")).padStart(width);

function print(figures: GasFigures): void {
  console.log("gas per row of settle, whole transaction over rows (production profile, simulated Base)");
  const columns = BATCHES.map(String);
  const row = (name: string, signed: string, values: Record<string, number | undefined>, calldata?: number) =>
    console.log(
      `  ${name.padEnd(24)}${signed.padStart(7)}${columns.map((c) => cell(values[c], 9)).join("")}${cell(calldata, 12)}`,
    );
  console.log(
    `  ${"".padEnd(24)}${"signed".padStart(7)}${columns.map((c) => cell(c, 9)).join("")}${cell("calldata B", 12)}`,
  );
  row("Pennyblack", "yes", figures.settle.gasPerRow, figures.settle.calldataPerRow);
  row("theoretical floor", "yes", Object.fromEntries(columns.map((c) => [c, FLOOR_PER_ROW])), 80);
  for (const { name, signed, gasPerRow, calldata } of PEERS) row(name, signed ? "yes" : "no", gasPerRow, calldata);

  console.log("\ntransactions, gas" + " ".repeat(22) + "Pennyblack     target       XMTP");
  for (const [key, value] of Object.entries(flatten(figures))) {
    if (/^(dataFeeWei|settle\.gasPerRow|nodes)\./.test(key)) continue;
    console.log(`  ${key.padEnd(36)}${cell(value, 11)}${cell(TARGETS[key], 11)}${cell(XMTP[key], 11)}`);
  }

  console.log("\nnodes, gas");
  for (const [key, value] of Object.entries(flatten(figures.nodes)))
    console.log(`  ${key.padEnd(36)}${cell(value, 11)}`);

  const { l1BaseFeeWei, l1BlobBaseFeeWei } = DATA_FEE;
  console.log(
    `\nsimulated data fee of Base, wei (L1 base fee ${l1BaseFeeWei}, blob base fee ${l1BlobBaseFeeWei}, assumed)`,
  );
  for (const [key, value] of Object.entries(flatten(figures.dataFeeWei))) {
    console.log(`  ${key.padEnd(24)}${cell(value, 18)}`);
  }
}

const options = readOptions();
buildProduction();
const reportWorlds: [World, World] = [await productionWorld(), await productionWorld()];
const figures = await measureGas(await productionWorld(), await productionWorld(), reportWorlds);
print(figures);
const text = `${JSON.stringify(figures, null, 2)}\n`;
if (options.json) writeFileSync(options.json, text);
if (options.update) writeFileSync(SNAPSHOT, text);
const { problems, open } = checkAgainstTargets(figures);
if (options.check) {
  problems.push(...checkAgainstSnapshot(figures, JSON.parse(readFileSync(SNAPSHOT, "utf8")) as GasFigures));
}
for (const text of open) console.log(`\nNOT REACHED ${text}`);
for (const problem of problems) console.error(`FAILED ${problem}`);
if (problems.length === 0)
  console.log(
    `\nok: within ${open.length > 0 ? "the other targets" : "every target"}${options.check ? ` and as in ${SNAPSHOT}` : ""}`,
  );
// The simulated chain would keep the process.
process.exit(problems.length === 0 ? 0 : 1);
