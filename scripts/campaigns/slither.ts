/**
 * `npm run slither`: Slither over our contracts. Every finding of low impact or more fails unless slitherWaivers.ts
 * explains it, and so does an explanation that nothing needs any more.
 */
import { spawnSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { dirname, delimiter } from "node:path";

import { WAIVED_DETECTORS, WAIVERS } from "./slitherWaivers.ts";
import { forgeBinary, pythonTool } from "./tools.ts";

const OUT = "tmp/slither";
const REPORT = `${OUT}/report.json`;
const BLOCKING = ["High", "Medium", "Low"];

interface Finding {
  check: string;
  impact: string;
  description: string;
  elements: { type: string; name: string; type_specific_fields?: { parent?: { name: string; type: string } } }[];
}

function run(command: string, args: string[], accepted: (status: number) => boolean): void {
  const path = [dirname(forgeBinary()), process.env.PATH].join(delimiter);
  const { status, stdout, stderr } = spawnSync(command, args, {
    env: { ...process.env, PATH: path },
    encoding: "utf8",
  });
  if (status !== null && accepted(status)) return;
  throw new Error(`${command} ended with ${status}\n${(stdout + stderr).slice(-4_000)}`);
}

/** `FeeDistributor.claim`: the function, or else the state variable, that a finding is about. */
function placeOf({ elements }: Finding): string {
  const element = elements.find(({ type }) => type === "function") ?? elements[0];
  if (!element) return "?";
  let parent = element.type_specific_fields?.parent;
  const names = [element.name];
  // A variable of a function: its contract is one level up.
  while (parent) {
    names.unshift(parent.name);
    parent = (parent as { type_specific_fields?: { parent?: typeof parent } }).type_specific_fields?.parent;
  }
  return names.join(".");
}

function analyse(): Finding[] {
  rmSync(OUT, { recursive: true, force: true });
  const compiled = [
    "--out",
    `${OUT}/out`,
    "--cache-path",
    `${OUT}/cache`,
    "--build-info-path",
    `${OUT}/out/build-info`,
  ];
  run(forgeBinary(), ["build", "contracts", "--build-info", ...compiled], (status) => status === 0);
  const slither = `${pythonTool("slither-analyzer", "0.11.6")}/slither`;
  const source = ["--compile-force-framework", "foundry", "--foundry-out-directory", `${OUT}/out`, "--ignore-compile"];
  const scope = ["--filter-paths", "node_modules|test/", "--exclude-informational", "--exclude-optimization"];
  // 255 says that there are findings, which are judged here.
  run(slither, [".", ...source, ...scope, "--json", REPORT], (status) => status === 0 || status === 255);
  const { success, results } = JSON.parse(readFileSync(REPORT, "utf8")) as {
    success: boolean;
    results: { detectors?: Finding[] };
  };
  if (!success) throw new Error("slither did not finish its analysis");
  return (results.detectors ?? []).filter(({ impact }) => BLOCKING.includes(impact));
}

const used = new Set<string>();
let waived = 0;
let failed = 0;
const findings = analyse();
// An analysis of nothing finds nothing; our time rules are always found.
if (findings.length === 0) throw new Error("slither saw no contract");
for (const finding of findings) {
  const key = `${finding.check} ${placeOf(finding)}`;
  const waiver = WAIVED_DETECTORS[finding.check] !== undefined ? finding.check : key;
  if (waiver === finding.check || WAIVERS[key] !== undefined) {
    used.add(waiver);
    waived++;
    continue;
  }
  failed++;
  console.error(`FAILED ${finding.impact} ${key}\n       ${finding.description.trim().split("\n").join("\n       ")}`);
}
for (const waiver of [...Object.keys(WAIVERS), ...Object.keys(WAIVED_DETECTORS)]) {
  if (used.has(waiver)) continue;
  failed++;
  console.error(`FAILED nothing needs the waiver "${waiver}" any more`);
}
console.log(`slither: ${findings.length} findings of low impact or more, ${waived} explained, ${failed} failures`);
process.exit(failed === 0 ? 0 : 1);
