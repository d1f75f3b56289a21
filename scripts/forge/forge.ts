/**
 * The second engine: forge runs the Solidity tests that Hardhat runs, on another EVM and with other random inputs.
 * `npm run forge` runs everything deep, `npm run forge -- money` what is fuzzed about money, `npm run forge -- coverage`
 * measures branches; anything else goes to forge.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";

import { forgeBinary } from "../campaigns/tools.ts";
import { checkCoverage } from "./coverage.ts";

/** 20,000 runs on money paths, invariants 256 x 100: assurance.md section 6. */
const DEEP = { FOUNDRY_FUZZ_RUNS: "20000", FOUNDRY_INVARIANT_RUNS: "256", FOUNDRY_INVARIANT_DEPTH: "100" };

function forge(args: string[], env: Record<string, string> = {}): { status: number; output: string } {
  const { status, stdout, error } = spawnSync(forgeBinary(), args, {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  if (error) throw error;
  return { status: status ?? 1, output: stdout };
}

interface SuiteResult {
  test_results: Record<string, { status: string; reason: string | null; kind: Record<string, { runs?: number }> }>;
}

/** Every fuzzed test about money or stake. In CI these, and those of identity, commits and seats, have Hardhat's runs. */
const NOT_MONEY =
  "^(Identity|CommitBroadcaster|CanonicalProto|Identifiers|ClientData|PasskeySignature|SmartAccount|SeatBlob)";
const MONEY = ["--match-test", "^testFuzz_", "--no-match-contract", NOT_MONEY];
/** Suites that have to be among them: a test that was renamed would be left out unnoticed. */
const MONEY_SUITES = [
  "ChannelMathTest",
  "EpochTraceTest",
  "FeeDistributorTest",
  "MerkleTreeTest",
  "PostageChannelsTest",
  "SeatMathTest",
  "SettledRowsTest",
  "StampsTest",
  "VoucherRowsTest",
];

/** Runs all tests deep and checks that they were: a filter that matches nothing would pass too. */
function deepTest(args: string[], suitesNeeded: string[] = []): number {
  const { status, output } = forge(["test", "--json", ...args], DEEP);
  const start = output.indexOf("{");
  if (start < 0) throw new Error(`forge gave no result:\n${output.slice(0, 2_000)}`);
  const suites = JSON.parse(output.slice(start)) as Record<string, SuiteResult>;
  let passed = 0;
  let failed = 0;
  let shallow = 0;
  for (const [suite, { test_results }] of Object.entries(suites)) {
    for (const [test, { status, reason, kind }] of Object.entries(test_results)) {
      const runs = kind.Fuzz?.runs ?? kind.Invariant?.runs;
      const wanted = kind.Fuzz ? DEEP.FOUNDRY_FUZZ_RUNS : DEEP.FOUNDRY_INVARIANT_RUNS;
      if (status === "Success") passed++;
      else failed++;
      if (status === "Success" && runs !== undefined && runs < Number(wanted)) shallow++;
      console.log(`${status === "Success" ? "ok    " : "FAILED"} ${suite} ${test} ${runs ?? ""} ${reason ?? ""}`);
    }
  }
  for (const needed of suitesNeeded) {
    if (Object.entries(suites).some(([suite]) => suite.endsWith(`:${needed}`))) continue;
    failed++;
    console.log(`FAILED ${needed} has no test that was asked for`);
  }
  console.log(`forge: ${passed} passed, ${failed} failed, ${shallow} with fewer runs than asked for`);
  return status === 0 && failed === 0 && shallow === 0 && passed > 0 ? 0 : 1;
}

function coverage(): number {
  const report = "tmp/forge/lcov.info";
  // forge writes the report, but not into a folder that is not there.
  mkdirSync(dirname(report), { recursive: true });
  // Without the long histories, as every line and branch has a test of its own, and without bounds on gas, as forge
  // measures coverage of code that was not optimized.
  const tests = ["--no-match-test", "^invariant_", "--no-match-contract", "^NodesFullHouse$"];
  const { status, output } = forge(["coverage", "--report", "lcov", "--report-file", report, ...tests]);
  if (status !== 0) {
    console.error(output.slice(-4_000));
    return status;
  }
  return checkCoverage(report);
}

const [command = "deep", ...args] = process.argv.slice(2);
if (command === "money") process.exitCode = deepTest([...MONEY, ...args], MONEY_SUITES);
else if (command === "deep") process.exitCode = deepTest(args);
else if (command === "coverage") process.exitCode = coverage();
else process.exitCode = spawnSync(forgeBinary(), [command, ...args], { stdio: "inherit" }).status ?? 1;
