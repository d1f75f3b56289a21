/**
 * `npm run check:contracts`: what takes long to say about contracts, and says the same of the same files. When all have passed, the
 * record says of which files. CI asks with `--if-changed`, and waits for them only when the record is of others, or old.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";

import { CHECKS, contractInputs, digestOf } from "./contractInputs.ts";

const USAGE = `npm run check:contracts -- [--if-changed]
  --if-changed  ends at once when the files are those of a new record; else runs the checks, and records nothing`;
const RECORD = "test/assurance/contracts.checked.json";
/** A record comes with the change that it is about: whoever wrote it is not believed for ever. */
const MOST_AGE_DAYS = 14;
const DAY_MS = 86_400_000;

interface Checked {
  /** Digest of the files, see `digestOf`. */
  inputs: string;
  /** A day, UTC. */
  checkedAt: string;
}

const digest = () => digestOf(".", contractInputs("."));

function isNew({ checkedAt }: Checked): boolean {
  const ageMs = Date.now() - Date.parse(checkedAt);
  return ageMs >= 0 && ageMs <= MOST_AGE_DAYS * DAY_MS;
}

function passes(check: readonly string[]): boolean {
  const name = check.join(" ");
  const began = Date.now();
  console.log(`== ${name}`);
  const { status } = spawnSync(process.execPath, ["--import", "tsx", ...check], { stdio: "inherit" });
  console.log(`== ${name}: ${status === 0 ? "passed" : "FAILED"} in ${Math.round((Date.now() - began) / 1_000)} s`);
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
const inputs = digest();
const record = existsSync(RECORD) ? (JSON.parse(readFileSync(RECORD, "utf8")) as Checked) : undefined;
if (ifChanged && record?.inputs === inputs && isNew(record)) {
  console.log(`unchanged: contracts, their tests and tools are those that passed on ${record.checkedAt} (${RECORD})`);
} else {
  if (!CHECKS.map(passes).every((passed) => passed)) process.exit(1);
  if (digest() !== inputs) throw new Error("files changed while they were checked: run it again");
  const checked: Checked = { inputs, checkedAt: new Date().toISOString().slice(0, 10) };
  if (ifChanged) console.log(`all passed; npm run check:contracts, and its ${RECORD} committed, spare CI these checks`);
  else writeFileSync(RECORD, `${JSON.stringify(checked, null, 2)}\n`);
}
