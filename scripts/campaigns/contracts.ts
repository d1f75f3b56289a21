/**
 * `npm run check:contracts`: what takes long to say about contracts, and says the same until something of theirs changes. When
 * all have passed, the record says of which files. CI asks with `--if-changed`, and waits for them only then.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";

import { contractInputs, digestOf } from "./contractInputs.ts";

const USAGE = `npm run check:contracts -- [--if-changed]
  --if-changed  ends at once when the files are those of the record; else runs the checks, and records nothing`;
const RECORD = "test/assurance/contracts.checked.json";
const CHECKS = [
  ["slither"],
  // assurance.md section 6: 256 x 100.
  ["forge", "deep", "--match-test", "invariant_"],
  ["forge", "coverage"],
  ["prove"],
];

interface Checked {
  /** Digest of the files, see `digestOf`. */
  inputs: string;
  checks: string[];
  /** A day, UTC. */
  checkedAt: string;
}

const nameOf = (check: readonly string[]) => check.join(" ");

function current(): Omit<Checked, "checkedAt"> {
  return { inputs: digestOf(".", contractInputs(".")), checks: CHECKS.map(nameOf) };
}

function isSame(checked: Checked, { inputs, checks }: Omit<Checked, "checkedAt">): boolean {
  return checked.inputs === inputs && checks.every((check) => checked.checks.includes(check));
}

function passes(check: readonly string[]): boolean {
  const began = Date.now();
  console.log(`== ${nameOf(check)}`);
  const { status } = spawnSync(process.execPath, ["scripts/launch.mjs", ...check], { stdio: "inherit" });
  const verdict = status === 0 ? "passed" : "FAILED";
  console.log(`== ${nameOf(check)}: ${verdict} in ${Math.round((Date.now() - began) / 1_000)} s`);
  return status === 0;
}

function readOptions(): { ifChanged: boolean } {
  try {
    const { values } = parseArgs({ options: { "if-changed": { type: "boolean" } } });
    return { ifChanged: values["if-changed"] ?? false };
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${USAGE}`);
    process.exit(2);
  }
}

const { ifChanged } = readOptions();
const before = current();
const record = existsSync(RECORD) ? (JSON.parse(readFileSync(RECORD, "utf8")) as Checked) : undefined;
if (ifChanged && record && isSame(record, before)) {
  console.log(`unchanged: contracts, their tests and tools are those that passed on ${record.checkedAt} (${RECORD})`);
} else {
  if (!CHECKS.map(passes).every((passed) => passed)) process.exit(1);
  if (current().inputs !== before.inputs) throw new Error("files changed while they were checked: run it again");
  const checked: Checked = { ...before, checkedAt: new Date().toISOString().slice(0, 10) };
  if (ifChanged) console.log(`all passed; npm run check:contracts, and its ${RECORD} committed, spare CI these checks`);
  else writeFileSync(RECORD, `${JSON.stringify(checked, null, 2)}\n`);
}
