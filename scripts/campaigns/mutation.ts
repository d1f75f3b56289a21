/**
 * `npm run campaign:mutation -- [--limit N] [--only TEXT]`: changes the money contracts one small step at a time and
 * lets forge run their Solidity tests. A mutant that no test notices survives: it is listed, and explained in
 * docs/assurance.md or answered with a test. The work happens on a copy; the sources are never touched.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";

import { MONEY_FILES } from "../forge/coverage.ts";
import { forgeBinary } from "./tools.ts";

const COPY = resolve("tmp/mutation");
const TESTS = "(ChannelMath|PostageChannels|FeeDistributor|EpochTrace|ManyChannels|SeatMath|StreamMath)";
const RUNS = { FOUNDRY_FUZZ_RUNS: "64", FOUNDRY_INVARIANT_RUNS: "8", FOUNDRY_INVARIANT_DEPTH: "40" };

/** What each mutant changes: the text that is found and what takes its place. */
const OPERATORS: [RegExp, string][] = [
  [/(?<=[\w)\]] )<(?= [\w(])/g, "<="],
  [/(?<=[\w)\]] )>(?= [\w(])/g, ">="],
  [/(?<=[\w)\]] )<=(?= [\w(])/g, "<"],
  [/(?<=[\w)\]] )>=(?= [\w(])/g, ">"],
  [/(?<=[\w)\]] )==(?= [\w(])/g, "!="],
  [/(?<=[\w)\]] )!=(?= [\w(])/g, "=="],
  [/(?<=[\w)\]] )\+(?= [\w(])/g, "-"],
  [/(?<=[\w)\]] )-(?= [\w(])/g, "+"],
  [/(?<=[\w)\]] )\*(?= [\w(])/g, "/"],
  [/(?<=[\w)\]] )\/(?= [\w(])/g, "*"],
  [/(?<=[\w)\]] )\+=(?= )/g, "-="],
  [/(?<=[\w)\]] )-=(?= )/g, "+="],
  [/&&/g, "||"],
  [/\|\|/g, "&&"],
  [/<<(?= \d)/g, ">>"],
  [/>>(?= \d)/g, "<<"],
  [/\b0\b(?=[;,)])/g, "1"],
  [/\btrue\b/g, "false"],
  [/\bfalse\b/g, "true"],
  // Statements that do something: left out.
  [/^( +)(_\w+\([^{}]*\);|emit [^{}]*\);|if \([^{}]*\) revert [^{}]*;|[\w.[\]]+ [+-]?= [^;{}]*;)$/gm, "$1"],
  [/ (nonReentrant|restricted)\b/g, ""],
];

interface Mutant {
  file: string;
  line: number;
  before: string;
  after: string;
  text: string;
}

function isComment(text: string, at: number): boolean {
  const line = text.slice(text.lastIndexOf("\n", at) + 1, at);
  return /^\s*(\/\/|\*|\/\*)/.test(line) || line.includes("// ") || /^(import|pragma|using)/.test(line);
}

function mutantsOf(file: string): Mutant[] {
  const text = readFileSync(file, "utf8");
  return OPERATORS.flatMap(([pattern, replacement]) =>
    [...text.matchAll(pattern)].flatMap((match) => {
      const at = match.index;
      if (isComment(text, at)) return [];
      const after = replacement.replace("$1", match[1] ?? "");
      const mutated = text.slice(0, at) + after + text.slice(at + match[0].length);
      const line = text.slice(0, at).split("\n").length;
      return [{ file, line, before: match[0].trim(), after: after.trim() || "(left out)", text: mutated }];
    }),
  );
}

type Fate = "killed" | "survived" | "invalid";

function forge(args: string[]): { status: number | null; output: string } {
  const env = { ...process.env, ...RUNS };
  const { status, stdout, stderr } = spawnSync(forgeBinary(), args, {
    cwd: COPY,
    env,
    encoding: "utf8",
    timeout: 300_000,
  });
  return { status, output: stdout + stderr };
}

function fateOf(mutant: Mutant): Fate {
  const target = join(COPY, mutant.file);
  const original = readFileSync(target, "utf8");
  writeFileSync(target, mutant.text);
  try {
    if (forge(["build", "--skip", "FeeDistributorNever"]).status !== 0) return "invalid";
    // A mutant that never ends is noticed as well: the status is null then.
    return forge(["test", "--match-contract", TESTS, "--fail-fast"]).status === 0 ? "survived" : "killed";
  } finally {
    writeFileSync(target, original);
  }
}

const { values } = parseArgs({ options: { limit: { type: "string" }, only: { type: "string" } } });
rmSync(COPY, { recursive: true, force: true });
mkdirSync(COPY, { recursive: true });
for (const entry of ["contracts", "test", "foundry.toml", "package.json"]) {
  cpSync(entry, join(COPY, entry), { recursive: true });
}
cpSync("scripts/forge", join(COPY, "scripts/forge"), { recursive: true });
symlinkSync(resolve("node_modules"), join(COPY, "node_modules"));

const unchanged = forge(["test", "--match-contract", TESTS]);
if (unchanged.status !== 0) throw new Error(`the tests fail without a mutant:\n${unchanged.output.slice(-3_000)}`);

const all = MONEY_FILES.flatMap(mutantsOf).filter(({ file }) => !values.only || file.includes(values.only));
const limit = Number(values.limit ?? all.length);
// Spread over all of them, so that a short campaign is a sample.
const chosen = all.filter(
  (_, i) => Math.floor((i * limit) / all.length) !== Math.floor(((i - 1) * limit) / all.length),
);
const counts = { killed: 0, survived: 0, invalid: 0 };
for (const [i, mutant] of chosen.entries()) {
  const fate = fateOf(mutant);
  counts[fate]++;
  if (fate === "survived") {
    console.log(`SURVIVED ${mutant.file}:${mutant.line}  ${mutant.before.split("\n")[0]}  ->  ${mutant.after}`);
  }
  if (i % 20 === 19) console.log(`${i + 1} of ${chosen.length}: ${JSON.stringify(counts)}`);
}
const judged = counts.killed + counts.survived;
const score = judged === 0 ? 0 : (100 * counts.killed) / judged;
console.log(
  `mutation: ${chosen.length} of ${all.length} mutants, ${counts.killed} killed, ${counts.survived} survived, ` +
    `${counts.invalid} do not compile; score ${score.toFixed(1)} %`,
);
process.exit(judged > 0 && score >= 95 ? 0 : 1);
