/** Copies of the project in which forge judges a changed file, each with a compiler of its own. */
import { type ChildProcess, execFile, fork } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";

import { CLOSURES } from "./closures.ts";
import { forgeBinary } from "./tools.ts";

export interface Pass {
  args: string[];
  env: Record<string, string>;
  /** All that import the file, when absent. */
  tests?: string[];
}

/** What a loop that never ends uses up, long before the clock does: a loaded machine must not kill mutants. */
const GAS_LIMIT = "8000000000";
const TIME_LIMIT_MILLISECONDS = 900_000;
/** The optimizer is most of the time that compiling takes, and no part of what is tested. Runs are repeatable. */
const COMMON = { FOUNDRY_OPTIMIZER: "false", FOUNDRY_FUZZ_SEED: "0x1", FOUNDRY_GAS_LIMIT: GAS_LIMIT };
/** Few mutants meet the second pass, and fewer what takes long. */
export const PASSES: Pass[] = [
  { args: ["--no-match-contract", "Invariants|Many"], env: { FOUNDRY_FUZZ_RUNS: "16" } },
  { args: [], env: { FOUNDRY_FUZZ_RUNS: "64", FOUNDRY_INVARIANT_RUNS: "8", FOUNDRY_INVARIANT_DEPTH: "40" } },
];

/** A copy of what the tests are made of, for one worker. */
export function prepareCopy(path: string, tests: string[]): string {
  const copy = resolve(path);
  // Forge would take what an interrupted campaign left out for compiled.
  rmSync(copy, { recursive: true, force: true });
  const files = new Set(tests.flatMap((test) => [...CLOSURES.get(test)!]));
  for (const file of [...files, "foundry.toml", "package.json"]) {
    mkdirSync(dirname(join(copy, file)), { recursive: true });
    cpSync(file, join(copy, file));
  }
  symlinkSync(resolve("node_modules"), join(copy, "node_modules"));
  return copy;
}

/** A compiler of the worker's own, where foundry.toml of its copy looks for solc. */
export async function startSolc(copy: string): Promise<ChildProcess> {
  const socket = join(tmpdir(), `mutation-${process.pid}-${basename(copy)}.sock`);
  const server = resolve("scripts/campaigns/solcServer.cjs");
  const client = join(copy, "scripts/forge/solc.cjs");
  mkdirSync(dirname(client), { recursive: true });
  const script = `#!/usr/bin/env node\nrequire(${JSON.stringify(server)}).ask(${JSON.stringify(socket)});\n`;
  writeFileSync(client, script, { mode: 0o755 });
  const child = fork(server, [socket], { execArgv: [] });
  await once(child, "message");
  return child;
}

export function forgeTest(cwd: string, tests: string[], pass: Pass) {
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
