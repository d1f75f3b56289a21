/**
 * `npm run campaign:mutation -- [--group money] [--only REGEXP] [--limit N] [--workers N] [--resume]`: changes contracts
 * one small step at a time and lets forge run the Solidity tests that import them. A mutant that no test notices
 * survives: it is listed, and explained in docs/assurance.md or answered with a test. The work happens on copies; the
 * sources are never touched. Fates are kept in tmp/mutation/fates.jsonl: `--resume` judges only what they do not cover.
 */
import { type ChildProcess, execFile, fork } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { appendFileSync, cpSync, existsSync, globSync, mkdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, normalize, resolve } from "node:path";
import { parseArgs } from "node:util";

import { MONEY_FILES } from "../forge/coverage.ts";
import { type Mutant, mutantsOf } from "./mutants.ts";
import { forgeBinary } from "./tools.ts";

/** What is changed. Tests are found by what they import; a group that mocha judges needs a second judge in `fateOf`. */
const GROUPS: Record<string, string[]> = { money: MONEY_FILES };

interface Pass {
  args: string[];
  env: Record<string, string>;
  /** All that import the file, when absent. */
  tests?: string[];
}

const WORK = "tmp/mutation";
const FATES = join(WORK, "fates.jsonl");
/** What a loop that never ends uses up before the clock does; the tests need less than a tenth. */
const GAS_LIMIT = "8000000000";
const TIME_LIMIT_MILLISECONDS = 120_000;
/** The optimizer is most of the time that compiling takes, and no part of what is tested. Runs are repeatable. */
const COMMON = { FOUNDRY_OPTIMIZER: "false", FOUNDRY_FUZZ_SEED: "0x1", FOUNDRY_GAS_LIMIT: GAS_LIMIT };
/** Which tests kill most mutants of a file: they go first and alone, because they compile in a third of the time. */
const KILLERS: Record<string, string[]> = {
  PostageChannels: ["PostageChannelsReverts", "PostageChannelsLogs"],
  ChannelMath: ["ChannelMath"],
  ChannelSlot: ["PostageChannelsLogs"],
  EpochTrace: ["EpochTrace"],
  Balances: ["PostageChannelsLogs", "ChannelMath"],
  SettledRows: ["PostageChannelsLogs", "PostageChannelsRows"],
  VoucherRows: ["PostageChannelsLogs", "PostageChannelsRows", "VoucherRows"],
  PausableEntries: ["PausableEntries", "PostageChannelsLogs"],
  FeeDistributor: ["FeeDistributorReverts", "FeeDistributorStandings", "FeeDistributorLogs"],
  StreamMath: ["StreamMath"],
  SeatMath: ["SeatMath"],
};
/** Few mutants meet the second pass, and fewer what takes long. */
const PASSES: Pass[] = [
  { args: ["--no-match-contract", "Invariants|Many"], env: { FOUNDRY_FUZZ_RUNS: "16" } },
  { args: [], env: { FOUNDRY_FUZZ_RUNS: "64", FOUNDRY_INVARIANT_RUNS: "8", FOUNDRY_INVARIANT_DEPTH: "40" } },
];

interface Verdict {
  fate: "killed" | "survived" | "invalid";
  /** The test that noticed first. */
  by?: string;
}

interface Record_ extends Verdict {
  mutant: string;
  /** What the verdict rests on: it stands as long as none of it changes. */
  basis: string;
}

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

/** A Solidity file and all of ours that it imports. */
function closureOf(file: string, seen = new Set<string>()): Set<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  for (const [, path] of readFileSync(file, "utf8").matchAll(/^import [^;]*?"(\.[^"]+)";/gms)) {
    closureOf(normalize(join(dirname(file), path!)), seen);
  }
  return seen;
}

const CLOSURES = new Map(globSync("test/contracts/*.t.sol").map((test) => [test, closureOf(test)]));

/** As it was at the start: what is edited while a campaign runs must not pass for what was judged. */
const DIGESTS = new Map(
  [...CLOSURES.values()].flatMap((files) => [...files]).map((file) => [file, sha256(readFileSync(file, "utf8"))]),
);

const testsOf = (file: string) => [...CLOSURES].filter(([, files]) => files.has(file)).map(([test]) => test);

function digestOf(tests: string[]): string {
  const files = [...new Set(tests.flatMap((test) => [...CLOSURES.get(test)!]))].sort();
  return sha256(files.map((file) => `${file} ${DIGESTS.get(file)}`).join("\n"));
}

/** A kill rests on the test that did it, every other verdict on all tests of the file. */
function basisOf(mutant: Mutant, { by }: Verdict): string {
  return digestOf(by && CLOSURES.has(by) ? [by] : testsOf(mutant.file));
}

const idOf = (mutant: Mutant) => `${mutant.file}:${sha256(mutant.text)}`;

/** A copy of what the tests are made of, for one worker. */
function prepareCopy(name: string, tests: string[]): string {
  const copy = resolve(WORK, name);
  // What was compiled before stays: forge looks at contents.
  for (const folder of ["contracts", "test"]) rmSync(join(copy, folder), { recursive: true, force: true });
  const files = new Set(tests.flatMap((test) => [...CLOSURES.get(test)!]));
  for (const file of [...files, "foundry.toml", "package.json"]) {
    mkdirSync(dirname(join(copy, file)), { recursive: true });
    cpSync(file, join(copy, file));
  }
  if (!existsSync(join(copy, "node_modules"))) symlinkSync(resolve("node_modules"), join(copy, "node_modules"));
  return copy;
}

/** A compiler of the worker's own, where foundry.toml of its copy looks for solc. */
async function startSolc(copy: string, name: string): Promise<ChildProcess> {
  const socket = join(tmpdir(), `mutation-${process.pid}-${name}.sock`);
  const server = resolve("scripts/campaigns/solcServer.cjs");
  const client = join(copy, "scripts/forge/solc.cjs");
  mkdirSync(dirname(client), { recursive: true });
  const script = `#!/usr/bin/env node\nrequire(${JSON.stringify(server)}).ask(${JSON.stringify(socket)});\n`;
  writeFileSync(client, script, { mode: 0o755 });
  const child = fork(server, [socket], { execArgv: [] });
  await once(child, "message");
  return child;
}

function forgeTest(cwd: string, tests: string[], pass: Pass) {
  const args = ["test", "--fail-fast", "--match-path", `{${(pass.tests ?? tests).join(",")}}`, ...pass.args];
  const options = {
    cwd,
    env: { ...process.env, ...COMMON, ...pass.env },
    timeout: TIME_LIMIT_MILLISECONDS,
    killSignal: "SIGKILL" as const,
    maxBuffer: 2 ** 28,
  };
  return new Promise<{ passed: boolean; timedOut: boolean; output: string }>((done) => {
    execFile(forgeBinary(), args, options, (error, stdout, stderr) =>
      done({ passed: error === null, timedOut: error?.killed === true, output: stdout + stderr }),
    );
  });
}

/** The tests that kill most mutants of a file, alone: what they do not need is not even compiled. */
function killersPass({ file }: Mutant): Pass {
  const tests = KILLERS[basename(file, ".sol")]?.map((name) => `test/contracts/${name}.t.sol`) ?? testsOf(file);
  return { ...PASSES[0]!, tests, env: { ...PASSES[0]!.env, SOLC_ONLY: tests.join(",") } };
}

async function judge(copy: string, mutant: Mutant, passes: Pass[]): Promise<Verdict> {
  const target = join(copy, mutant.file);
  writeFileSync(target, mutant.text);
  try {
    for (const pass of passes) {
      const { passed, timedOut, output } = await forgeTest(copy, testsOf(mutant.file), pass);
      if (passed) continue;
      // A mutant that never ends is noticed as well.
      if (timedOut) return { fate: "killed", by: "time limit" };
      if (/Compiler run failed/.test(output)) return { fate: "invalid" };
      const by = /Encountered \d+ failing tests? in ([^:]+):/.exec(output)?.[1];
      if (!by) throw new Error(`forge failed without a failing test:\n${output.slice(-3_000)}`);
      return { fate: "killed", by };
    }
    return { fate: "survived" };
  } finally {
    cpSync(mutant.file, target);
  }
}

function storedRecords(): Record_[] {
  const lines = existsSync(FATES) ? readFileSync(FATES, "utf8").split("\n").filter(Boolean) : [];
  return lines.map((line) => JSON.parse(line) as Record_);
}

async function requireSoundTests(copy: string, tests: string[]): Promise<void> {
  const digest = digestOf(tests);
  if (storedRecords().some(({ mutant, basis }) => mutant === "none" && basis === digest)) return;
  for (const pass of PASSES) {
    const { passed, output } = await forgeTest(copy, tests, pass);
    if (!passed) throw new Error(`the tests fail without a mutant:\n${output.slice(-3_000)}`);
  }
  appendFileSync(FATES, `${JSON.stringify({ mutant: "none", basis: digest, fate: "survived" })}\n`);
}

/** Verdicts of earlier runs whose basis is what it was. */
function standingVerdicts(mutants: Mutant[]): Map<string, Verdict> {
  const byId = new Map(mutants.map((mutant) => [idOf(mutant), mutant]));
  const standing = new Map<string, Verdict>();
  for (const record of storedRecords()) {
    const mutant = byId.get(record.mutant);
    if (mutant && record.basis === basisOf(mutant, record)) standing.set(record.mutant, record);
  }
  return standing;
}

const describe = ({ file, line, before, after }: Mutant) => `${file}:${line}  ${before.split("\n")[0]}  ->  ${after}`;

const { values } = parseArgs({
  options: {
    group: { type: "string", default: "money" },
    only: { type: "string", default: "" },
    limit: { type: "string" },
    workers: { type: "string", default: "2" },
    resume: { type: "boolean", default: false },
  },
});
const files = GROUPS[values.group];
if (!files) throw new Error(`no group ${values.group}; there are ${Object.keys(GROUPS).join(", ")}`);
const all = files.filter((file) => new RegExp(values.only).test(file)).flatMap(mutantsOf);
const limit = Number(values.limit ?? all.length);
// Spread over all of them, so that a short campaign is a sample.
const isChosen = (i: number) => Math.floor((i * limit) / all.length) !== Math.floor(((i - 1) * limit) / all.length);
const chosen = all.filter((_, i) => isChosen(i));

mkdirSync(WORK, { recursive: true });
if (!values.resume) rmSync(FATES, { force: true });
const verdicts = standingVerdicts(chosen);
const open = chosen.filter((mutant) => !verdicts.has(idOf(mutant)));
console.log(`mutation: ${chosen.length} of ${all.length} mutants, ${verdicts.size} judged before`);

/** What the killers left alive. */
const rest: Mutant[] = [];

function keep(mutant: Mutant, verdict: Verdict): void {
  verdicts.set(idOf(mutant), verdict);
  const record: Record_ = { mutant: idOf(mutant), basis: basisOf(mutant, verdict), ...verdict };
  appendFileSync(FATES, `${JSON.stringify({ ...record, what: describe(mutant) })}\n`);
  if (verdicts.size % 20 === 0) console.log(`${verdicts.size} of ${chosen.length}, ${rest.length} left for later`);
}

async function work(name: string, isFirst: boolean): Promise<void> {
  const tests = [...new Set(chosen.flatMap(({ file }) => testsOf(file)))];
  const copy = prepareCopy(name, tests);
  const solc = await startSolc(copy, name);
  if (isFirst) await requireSoundTests(copy, tests);
  for (let mutant = open.shift(); mutant; mutant = open.shift()) {
    const verdict = await judge(copy, mutant, [killersPass(mutant)]);
    if (verdict.fate === "survived") rest.push(mutant);
    else keep(mutant, verdict);
  }
  // Forge takes what was left out for compiled.
  rmSync(join(copy, "tmp"), { recursive: true });
  for (let mutant = rest.shift(); mutant; mutant = rest.shift()) {
    keep(mutant, await judge(copy, mutant, PASSES));
  }
  solc.kill();
}
if (open.length > 0)
  await Promise.all(Array.from({ length: Number(values.workers) }, (_, i) => work(`copy${i}`, i === 0)));

const withFate = (fate: string, file = "") =>
  chosen.filter((mutant) => mutant.file.includes(file) && verdicts.get(idOf(mutant))!.fate === fate);
for (const file of files) {
  const [killed, survived] = [withFate("killed", file).length, withFate("survived", file).length];
  if (killed + survived > 0) console.log(`${file.padEnd(40)} ${killed} of ${killed + survived} killed`);
}
for (const mutant of withFate("survived")) console.log(`SURVIVED ${describe(mutant)}`);
const [killed, survived] = [withFate("killed").length, withFate("survived").length];
const score = killed + survived === 0 ? 0 : (100 * killed) / (killed + survived);
console.log(
  `mutation: ${killed} killed, ${survived} survived, ${withFate("invalid").length} do not compile; ` +
    `score ${score.toFixed(1)} %`,
);
process.exitCode = score >= 95 ? 0 : 1;
