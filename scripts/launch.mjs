#!/usr/bin/env node
// The one entry of every command: `node scripts/launch.mjs <command> [arguments]`. It needs nothing installed.
// It finds a Node that Hardhat accepts (yours, or the one that npm installs with the project), installs what the lock
// asks for when that is missing or older than the lock, and runs the command with that Node first in PATH.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const MODULES = join(ROOT, "node_modules");
const STAMP = join(MODULES, ".pennyblack-lock");
const OLDEST = [22, 13];

// Named by its file: a command of the package runs where its user is, and may be anywhere.
const TSX = ["--import", pathToFileURL(join(MODULES, "tsx", "dist", "loader.mjs")).href];
/** Command -> the steps to run in order; the arguments go to the last one. `build: true` builds first. */
const COMMANDS = {
  build: { steps: [[...TSX, "scripts/build.ts"]] },
  package: { build: true, steps: [[...TSX, "scripts/package.ts"]] },
  demo: { build: true, steps: [[...TSX, "scripts/demo.ts"]] },
  test: { build: true, steps: [[...TSX, "scripts/test.ts"]] },
  "bench:gas": { build: true, steps: [[...TSX, "scripts/bench/gas.ts"]] },
  "bench:rpc": { build: true, steps: [[...TSX, "scripts/bench/rpcCalls.ts"]] },
  "bench:daemon": { build: true, steps: [[...TSX, "scripts/bench/daemon.ts"]] },
  "bench:flood": { build: true, steps: [[...TSX, "scripts/bench/flood.ts"]] },
  "bench:growth": { build: true, steps: [[...TSX, "scripts/bench/growth.ts"]] },
  "bench:latency": { build: true, steps: [[...TSX, "scripts/bench/latency.ts"]] },
  forge: { steps: [[...TSX, "scripts/forge/forge.ts"]] },
  prove: { steps: [[...TSX, "scripts/campaigns/prove.ts"]] },
  "check:contracts": { steps: [[...TSX, "scripts/campaigns/contracts.ts"]] },
  slither: { steps: [[...TSX, "scripts/campaigns/slither.ts"]] },
  "campaign:differential": { build: true, steps: [[...TSX, "scripts/campaigns/differential.ts"]] },
  "campaign:identity": { build: true, steps: [[...TSX, "scripts/campaigns/identity.ts"]] },
  "campaign:ed25519": { build: true, steps: [[...TSX, "scripts/campaigns/ed25519.ts"]] },
  "campaign:identity-clients": { build: true, steps: [[...TSX, "scripts/campaigns/identityClients.ts"]] },
  "campaign:crash": { build: true, steps: [[...TSX, "scripts/campaigns/crash.ts"]] },
  "campaign:simulation": { build: true, steps: [[...TSX, "scripts/campaigns/simulation.ts"]] },
  "campaign:stamps": { build: true, steps: [[...TSX, "scripts/campaigns/stamps.ts"]] },
  "campaign:soak": { build: true, steps: [[...TSX, "scripts/campaigns/soak.ts"]] },
  "campaign:native-client": { build: true, steps: [[...TSX, "scripts/campaigns/nativeClient.ts"]] },
  "campaign:mutation": { steps: [[...TSX, "scripts/campaigns/mutation.ts"]] },
  lint: { build: true, steps: [[...TSX, "scripts/lint.ts"]] },
  typecheck: { build: true, steps: [[join(MODULES, "typescript", "bin", "tsc")]] },
  format: { steps: [[join(MODULES, "prettier", "bin", "prettier.cjs"), "--write", "--log-level", "warn", "."]] },
  hardhat: { steps: [[join(MODULES, "hardhat", "dist", "src", "cli.js")]] },
  "campaign:envelopes": { build: true, steps: [[...TSX, "scripts/campaigns/envelopes.ts"]] },
  "docs:metrics": { steps: [[...TSX, "scripts/docs/metrics.ts"]] },
  cli: { build: true, steps: [[...TSX, join(ROOT, "src", "cli", "main.ts")]] },
};

function fail(message) {
  console.error(`pennyblack: ${message}`);
  process.exit(1);
}

function isNewEnough(version) {
  const [major, minor] = version.split(".").map(Number);
  return major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1]);
}

/** The user's own Node when it is new enough, else the one among the project's optional dependencies. */
function findNode() {
  if (isNewEnough(process.versions.node)) return process.execPath;
  const system = process.platform === "win32" ? "win" : process.platform;
  const node = join(MODULES, `node-${system}-${process.arch}`, "bin", system === "win" ? "node.exe" : "node");
  if (existsSync(node)) return node;
  return fail(
    `Node ${OLDEST.join(".")} or newer is needed, this is ${process.versions.node}, and there is no bundled one for ` +
      `${system}-${process.arch}. Install Node 22 and run the command again.`,
  );
}

function npmCommand(args) {
  // Under `npm run` npm says where its own script is; else take the one that came with this Node.
  const script = process.env.npm_execpath;
  if (script && /npm-cli\.js$/.test(script)) return [process.execPath, [script, ...args]];
  return [process.platform === "win32" ? "npm.cmd" : "npm", args];
}

function install() {
  const digest = createHash("sha256")
    .update(readFileSync(join(ROOT, "package-lock.json")))
    .digest("hex");
  if (existsSync(STAMP) && readFileSync(STAMP, "utf8") === digest) return;
  console.error("pennyblack: installing dependencies (npm ci), once ...");
  const [command, args] = npmCommand(["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
  const { status } = spawnSync(command, args, {
    cwd: ROOT,
    stdio: ["ignore", "inherit", "inherit"],
    shell: process.platform === "win32",
  });
  if (status !== 0)
    fail("npm ci failed; its message is above. Check the network and the free disk space (about 1 GB).");
  mkdirSync(MODULES, { recursive: true });
  writeFileSync(STAMP, digest);
}

function environment(node) {
  const path = [dirname(node), join(MODULES, ".bin"), process.env.PATH].join(delimiter);
  return { ...process.env, PATH: path, HARDHAT_DISABLE_TELEMETRY_PROMPT: "true" };
}

/** Runs one step; SIGINT and SIGTERM go to it, so that a gateway or daemon can drain. */
function run(node, args, cwd = ROOT) {
  return new Promise((resolve) => {
    const child = spawn(node, args, { cwd, stdio: "inherit", env: environment(node) });
    const forward = (signal) => child.kill(signal);
    for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, forward);
    child.on("error", (error) => fail(`cannot start ${node}: ${error.message}`));
    child.on("exit", (code, signal) => {
      for (const name of ["SIGINT", "SIGTERM"]) process.off(name, forward);
      if (code !== 0) process.exit(code ?? (signal === "SIGINT" ? 130 : 143));
      resolve();
    });
  });
}

const [name = "", ...rest] = process.argv.slice(2);
const isOwnCommand = Object.hasOwn(COMMANDS, name);
const command = isOwnCommand ? COMMANDS[name] : COMMANDS.cli;
install();
const node = findNode();
if (command.build) await run(node, COMMANDS.build.steps[0]);
for (const [i, step] of command.steps.entries()) {
  const isLast = i === command.steps.length - 1;
  const args = isLast ? (isOwnCommand ? rest : process.argv.slice(2)) : [];
  // Files that are named to `pennyblack` are where its user is, not where the package is.
  await run(node, [...step, ...args], isOwnCommand ? ROOT : process.cwd());
}
