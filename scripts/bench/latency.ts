/**
 * `npm run bench:latency`: what postage adds to a send, as a stock XMTP client feels it. In one run, by turns: through
 * the gateway to a node behind its gate, and through a gateway that only signs payer envelopes to a node that takes all.
 */
import { fork, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import type { LocalNetwork } from "../local/localNetwork.ts";
import { startLocalNetwork } from "../local/localNetwork.ts";
import type { LatencyOrder, LatencyReport } from "./latency/clients.ts";

const USAGE = `npm run bench:latency -- [--rounds N] [--json FILE]
  --rounds  sends of each kind (default 400)
  --json    write the figures there`;
/** assurance.md section 6. */
const TARGET_RATIO = 1.15;
const USD = 1_000_000n;
const path = (name: string) => fileURLToPath(new URL(`./latency/${name}.ts`, import.meta.url));

function readOptions(): { rounds: number; json: string | undefined } {
  try {
    const { values } = parseArgs({ options: { rounds: { type: "string" }, json: { type: "string" } } });
    const rounds = Number(values.rounds ?? "400");
    if (!Number.isInteger(rounds) || rounds < 1 || rounds > 100_000) throw new Error("--rounds takes 1 to 100000");
    return { rounds, json: values.json };
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${USAGE}`);
    process.exit(2);
  }
}

async function startPlainGateway(network: LocalNetwork, node: { nodeId: number; url: string }) {
  const key = randomBytes(32).toString("hex");
  const flags = ["--node", node.url, "--nodeId", String(node.nodeId), "--behind", network.gateway.url, "--key", key];
  const child = spawn(process.execPath, ["--import", "tsx", path("plainGateway"), ...flags], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout });
  const [line] = (await once(lines, "line")) as [string];
  return { url: (JSON.parse(line) as { url: string }).url, end: () => child.kill() };
}

async function timeClients(order: LatencyOrder, logFile: string): Promise<Exclude<LatencyReport, { problem: string }>> {
  const log = openSync(logFile, "a");
  const child = fork(path("clients"), { stdio: ["ignore", log, log, "ipc"], execArgv: ["--import", "tsx"] });
  try {
    const answer = once(child, "message") as Promise<[LatencyReport]>;
    const exit = once(child, "exit").then(([code]) => ({ problem: `the clients ended with ${String(code)}` }));
    child.send(order);
    const report = await Promise.race([answer.then(([one]) => one), exit]);
    if ("problem" in report) throw new Error(`${report.problem}; see ${logFile}`);
    return report;
  } finally {
    child.kill();
  }
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return Math.round(sorted[Math.floor((sorted.length - 1) * share)]! * 100) / 100;
}

const { rounds, json } = readOptions();
const directory = mkdtempSync(join(tmpdir(), "pennyblack-latency-"));
const network = await startLocalNetwork({ directory, nodes: 1, deposit: 1_000n * USD, headroom: USD });
try {
  const plainNode = await network.addNode(path("plainNode"));
  const plainGateway = await startPlainGateway(network, plainNode);
  const order = { withUrl: network.gateway.url, withoutUrl: plainGateway.url, rounds };
  // It is nobody's service: without this it would outlive a bench that fails.
  const took = await timeClients(order, join(directory, "clients.log")).finally(() => plainGateway.end());
  await plainNode.service.end("SIGTERM");
  const [medianMsWith, medianMsWithout] = [percentile(took.with, 0.5), percentile(took.without, 0.5)];
  const ratio = Math.round((medianMsWith / medianMsWithout) * 1_000) / 1_000;
  console.log(`${rounds} sends each, by turns, of stock libxmtp clients; milliseconds`);
  console.log(`  with postage     median ${medianMsWith}, p95 ${percentile(took.with, 0.95)}`);
  console.log(`  without postage  median ${medianMsWithout}, p95 ${percentile(took.without, 0.95)}`);
  console.log(`  ratio of medians ${ratio}, at most ${TARGET_RATIO}`);
  if (json) writeFileSync(json, `${JSON.stringify({ medianMsWith, medianMsWithout, ratio }, null, 2)}\n`);
} finally {
  await network.close();
}
rmSync(directory, { recursive: true });
process.exit(0);
