/**
 * `npm run slither`: Slither over our contracts. Every finding of low impact or more fails unless slitherWaivers.ts
 * explains it at that place, and so does an explanation that nothing needs any more.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, delimiter } from "node:path";

import type { Finding, Judgement } from "./judgeFindings.ts";
import { judgeFindings } from "./judgeFindings.ts";
import { WAIVERS } from "./slitherWaivers.ts";
import { forgeBinary, pythonTool } from "./tools.ts";

const OUT = "tmp/slither";
/**
 * What Slither finds by following data depends on the order of Python's sets: one commit gave 72 findings or 81, by the
 * seed of its hashes and the folder it was in. So it is asked several times, and all that is ever found counts.
 */
const SEEDS = [0, 1, 2, 3, 4, 5, 6, 7];
const BLOCKING = ["High", "Medium", "Low"];

/** Compiles, and asks until nothing fails: at least three times, at most with every seed. */
function analyse(): { findings: Finding[] } & Judgement {
  rmSync(OUT, { recursive: true, force: true });
  mkdirSync(OUT, { recursive: true });
  const compiled = [
    "--out",
    `${OUT}/out`,
    "--cache-path",
    `${OUT}/cache`,
    "--build-info-path",
    `${OUT}/out/build-info`,
  ];
  const built = spawnSync(forgeBinary(), ["build", "contracts", "--build-info", ...compiled], { encoding: "utf8" });
  if (built.status !== 0) throw new Error(`forge build ended with ${built.status}\n${built.stdout}${built.stderr}`);
  const slither = `${pythonTool("slither-analyzer", "0.11.6")}/slither`;
  const found = new Map<string, Finding>();
  let answer: { findings: Finding[] } & Judgement = { findings: [], explained: 0, failures: ["nothing was asked"] };
  for (const [asked, seed] of SEEDS.entries()) {
    if (asked >= 3 && answer.failures.length === 0) break;
    for (const finding of findingsOf(slither, seed)) found.set(`${finding.check} ${finding.description}`, finding);
    const findings = [...found.values()].filter(({ impact }) => BLOCKING.includes(impact));
    answer = { findings, ...judgeFindings(findings, WAIVERS) };
  }
  return answer;
}

function findingsOf(slither: string, seed: number): Finding[] {
  const report = `${OUT}/report.${seed}.json`;
  const source = ["--compile-force-framework", "foundry", "--foundry-out-directory", `${OUT}/out`, "--ignore-compile"];
  const scope = ["--filter-paths", "node_modules|test/", "--exclude-informational", "--exclude-optimization"];
  const path = [dirname(forgeBinary()), process.env.PATH].join(delimiter);
  const { status, stdout, stderr } = spawnSync(slither, [".", ...source, ...scope, "--json", report], {
    env: { ...process.env, PATH: path, PYTHONHASHSEED: String(seed) },
    encoding: "utf8",
  });
  // 255 says that there are findings, which are judged here.
  if (status !== 0 && status !== 255)
    throw new Error(`slither ended with ${status}\n${(stdout + stderr).slice(-4_000)}`);
  const { success, results } = JSON.parse(readFileSync(report, "utf8")) as {
    success: boolean;
    results: { detectors?: Finding[] };
  };
  if (!success) throw new Error("slither did not finish its analysis");
  const detectors = results.detectors ?? [];
  // An analysis of nothing finds nothing; our time rules are always found.
  if (detectors.length === 0) throw new Error("slither saw no contract");
  return detectors;
}

const { findings, explained, failures } = analyse();
for (const failure of failures) console.error(`FAILED ${failure}`);
console.log(
  `slither: ${findings.length} findings of low impact or more, ${explained} explained by ${Object.keys(WAIVERS).length} ` +
    `waivers, ${failures.length} failures`,
);
process.exit(failures.length === 0 ? 0 : 1);
