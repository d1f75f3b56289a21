/**
 * `npm run check:contracts`: what takes long to say about contracts, and says the same until something of theirs changes. When
 * all have passed, the record says of which files. CI asks with `--if-changed`, and waits for them only then.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";

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
/** Contracts, their Solidity tests, the tools with their settings, and the packages, which the compiler is one of. */
const INPUTS = [
  "contracts",
  "test/contracts/*.sol",
  "test/support/*.sol",
  "test/assurance/*.sol",
  "scripts/ed25519",
  "scripts/forge",
  "scripts/campaigns/contracts.ts",
  "scripts/campaigns/judgeFindings.ts",
  "scripts/campaigns/prove.ts",
  "scripts/campaigns/slither*.ts",
  "scripts/campaigns/tools.ts",
  "foundry.toml",
  "hardhat.config.ts",
  "package-lock.json",
];

interface Record {
  /** SHA-256 over names and contents of the files. */
  inputs: string;
  checkedAt: string;
}

function digestOfInputs(): string {
  const options = { encoding: "utf8", maxBuffer: 2 ** 26 } as const;
  const listed = spawnSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "-z", ...INPUTS], options);
  if (listed.status !== 0) throw new Error(`git does not list the files: ${listed.stderr}`);
  const files = [...new Set(listed.stdout.split("\0"))].filter((file) => file && existsSync(file)).sort();
  for (const input of INPUTS) {
    const stem = input.split("*")[0]!;
    if (!files.some((file) => file.startsWith(stem))) throw new Error(`there is nothing at ${input}: mend INPUTS`);
  }
  const digest = createHash("sha256");
  for (const file of files) {
    const content = createHash("sha256").update(readFileSync(file)).digest("hex");
    digest.update(`${content} ${file}\n`);
  }
  return digest.digest("hex");
}

function readRecord(): Record | undefined {
  return existsSync(RECORD) ? (JSON.parse(readFileSync(RECORD, "utf8")) as Record) : undefined;
}

function passes([command, ...args]: readonly string[]): boolean {
  const name = [command, ...args].join(" ");
  const began = Date.now();
  console.log(`== ${name}`);
  const { status } = spawnSync(process.execPath, ["scripts/launch.mjs", command!, ...args], { stdio: "inherit" });
  const verdict = status === 0 ? "passed" : "FAILED";
  console.log(`== ${name}: ${verdict} in ${Math.round((Date.now() - began) / 1_000)} s`);
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
const inputs = digestOfInputs();
const record = readRecord();
if (ifChanged && record?.inputs === inputs) {
  console.log(`unchanged: contracts, their tests and tools are those that passed on ${record.checkedAt} (${RECORD})`);
} else {
  const verdicts = CHECKS.map(passes);
  if (!verdicts.every((passed) => passed)) process.exit(1);
  if (digestOfInputs() !== inputs) throw new Error("files changed while they were checked: run it again");
  const checked: Record = { inputs, checkedAt: new Date().toISOString().slice(0, 10) };
  if (ifChanged) console.log(`all passed; after npm run check:contracts, ${RECORD} says so and CI need not ask again`);
  else writeFileSync(RECORD, `${JSON.stringify(checked, null, 2)}\n`);
}
