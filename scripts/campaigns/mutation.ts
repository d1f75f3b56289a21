/**
 * `npm run campaign:mutation -- [--group money|nodes|identity|governance|reports] [--only REGEXP] [--limit N] [--workers N] [--resume]`:
 * changes contracts one small step at a time and lets forge run the Solidity tests that import them. A mutant that no
 * test notices survives: it is listed, and explained in docs/assurance.md or answered with a test. The work happens on
 * copies; the sources are never touched. Fates are kept in tmp/mutation/fates.jsonl: `--resume` judges only what they do not cover.
 */
import { appendFileSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";

import { GOVERNANCE_FILES, IDENTITY_FILES, MONEY_FILES, NODE_FILES, REPORT_FILES } from "../forge/coverage.ts";
import { EQUIVALENT } from "./equivalents.ts";
import { CLOSURES, digestOf, sha256, testsOf } from "./closures.ts";
import { PASSES, type Pass, forgeTest, prepareCopy, startSolc } from "./forgeCopy.ts";
import { type Mutant, mutantsOf } from "./mutants.ts";

/** What is changed. Tests are found by what they import. */
const GROUPS: Record<string, string[]> = {
  money: MONEY_FILES,
  nodes: NODE_FILES,
  identity: IDENTITY_FILES,
  governance: GOVERNANCE_FILES,
  reports: REPORT_FILES,
};

const WORK = "tmp/mutation";
const FATES = join(WORK, "fates.jsonl");
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
  FeeDistributor: ["Reverts", "Standings", "Logs", "Bounds"].map((part) => `FeeDistributor${part}`),
  StreamMath: ["StreamMath"],
  SeatMath: ["SeatMath"],
  FaultProofs: ["FaultProofs", "FaultProofsEvidence"],
  NodeStaking: ["NodeStakingReverts", "NodeStaking"],
  NodeSeats: ["NodeSeatsReverts", "NodeSeats"],
  NodeRegistry: ["NodeRegistry"],
  NodeKeys: ["NodeKeys", "NodeRegistry"],
  RegistryVersions: ["NodeSeats", "NodeWorld"],
  BlsVerifier: ["BlsVerifier"],
  Bls12381: ["BlsVerifier"],
  EnvelopeReader: ["EnvelopeReader"],
  HttpAddress: ["NodeRegistry"],
  Secp256k1: ["NodeKeys"],
  IdentityRegistry: ["IdentityRegistryReverts", "IdentityRegistry", "IdentityRegistryBatch"],
  Membership: ["IdentityRegistry"],
  IdentityVerifier: ["IdentityVerifier", "IdentityVerifierReverts"],
  CanonicalProto: ["CanonicalProto"],
  ClientData: ["ClientData"],
  Identifiers: ["Identifiers"],
  IdentityText: ["IdentityText"],
  PasskeySignature: ["PasskeySignature"],
  SmartAccount: ["SmartAccount"],
  Guardian: ["Guardian"],
  VotingPower: ["VotingPower"],
  EpochReports: [
    "EpochReportsReverts",
    "EpochReportsPenalties",
    "EpochReportsPlaces",
    "LogTrees",
    "PayerReports",
    "RollCalls",
  ],
  Attestations: ["EpochReportsReverts"],
  PayerReports: ["PayerReports"],
  RollCalls: ["RollCalls"],
  LogTrees: ["LogTrees"],
  MerkleTree: ["MerkleTree"],
  ReportLeaves: ["MerkleTree"],
  SeatBlob: ["SeatBlob"],
};
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

/** A kill rests on the test that did it, every other verdict on all tests of the file. */
function basisOf(mutant: Mutant, { by }: Verdict): string {
  return digestOf(by && CLOSURES.has(by) ? [by] : testsOf(mutant.file));
}

const idOf = (mutant: Mutant) => `${mutant.file}:${sha256(mutant.text)}`;

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
  const copy = prepareCopy(join(WORK, name), tests);
  const solc = await startSolc(copy);
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

/** As equivalents.ts names it. */
function keyOf({ file, line, before, after }: Mutant): string {
  const text = readFileSync(file, "utf8").split("\n")[line - 1]!.trim();
  const isLeftOut = after === "(left out)";
  return `${basename(file)} | ${text} | ${isLeftOut ? "left out" : `${before.split("\n")[0]} -> ${after}`}`;
}

const explained = withFate("survived").filter((mutant) => EQUIVALENT[keyOf(mutant)] !== undefined);
const unexplained = withFate("survived").filter((mutant) => !explained.includes(mutant));
// One entry may stand for two places of a line, of which one is noticed.
const explainedKeys = new Set(explained.map(keyOf));
const noticed = new Set(
  withFate("killed")
    .map(keyOf)
    .filter((key) => EQUIVALENT[key] && !explainedKeys.has(key)),
);
for (const mutant of unexplained) console.log(`SURVIVED ${describe(mutant)}`);
for (const key of noticed) console.log(`NOTICED all the same, take it out of equivalents.ts: ${key}`);
const [killed, survived] = [withFate("killed").length, unexplained.length];
const score = killed + survived === 0 ? 0 : (100 * killed) / (killed + survived);
const raw = killed === 0 ? 0 : (100 * killed) / (killed + survived + explained.length);
console.log(
  `mutation: ${killed} killed, ${survived} survived, ${explained.length} equivalent and explained, ` +
    `${withFate("invalid").length} do not compile; score ${score.toFixed(1)} %, ${raw.toFixed(1)} % of all that compile`,
);
process.exitCode = score >= 95 && noticed.size === 0 ? 0 : 1;
