/** `npm run bench:rpc`: what a daemon asks its endpoints in an hour, at Base's two seconds a block. */
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";

import type { RpcFigures } from "./measureRpc.ts";
import { TARGETS, measureRpc } from "./measureRpc.ts";

const SNAPSHOT = "test/assurance/rpc.snapshot.json";
const USAGE = `npm run bench:rpc -- [--check | --update]
  --check   fail when a figure passes its target or is more than 5 % above ${SNAPSHOT}
  --update  write the figures there`;

function readOptions(): { check: boolean; update: boolean } {
  try {
    const { values } = parseArgs({ options: { check: { type: "boolean" }, update: { type: "boolean" } } });
    return { check: values.check ?? false, update: values.update ?? false };
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${USAGE}`);
    process.exit(2);
  }
}

const options = readOptions();
const figures = await measureRpc();
console.log("JSON-RPC calls (HTTP requests) in an hour, all endpoints together, 2 s a block");
for (const [name, { calls, requests, methods }] of Object.entries(figures)) {
  const split = Object.entries(methods).sort(([, a], [, b]) => b - a);
  console.log(`  ${name.padEnd(44)}${String(calls).padStart(6)} (${requests})  target ${TARGETS[name]}`);
  console.log(`    ${split.map(([method, count]) => `${method} ${count}`).join(", ")}`);
}
if (options.update) writeFileSync(SNAPSHOT, `${JSON.stringify(figures, null, 2)}\n`);
const known = options.check ? (JSON.parse(readFileSync(SNAPSHOT, "utf8")) as RpcFigures) : {};
const problems = Object.entries(figures).flatMap(([name, { calls }]) => [
  ...(calls > TARGETS[name]! ? [`${name}: ${calls} calls, at most ${TARGETS[name]}`] : []),
  ...(known[name] && calls > known[name].calls * 1.05 ? [`${name}: ${calls} calls, ${known[name].calls} before`] : []),
]);
for (const problem of problems) console.error(`FAILED ${problem}`);
process.exit(problems.length === 0 ? 0 : 1);
