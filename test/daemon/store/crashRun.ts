import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

export const CRASH_NODE_ID = 100;
export const CRASH_ORIGINATOR = 200;

/** What a Node that reads TypeScript by itself needs no help with: half of what a child costs is that help's start. */
const READS_TYPESCRIPT = process.features.typescript ? ["--disable-warning=ExperimentalWarning"] : ["--import", "tsx"];
const CHILD = fileURLToPath(new URL("crashChild.ts", import.meta.url));

/**
 * What the child said before it was killed, so many milliseconds after it began to write. Rejects when it ends by itself.
 * @param beforeKill what else goes down, a moment before the child
 */
export async function runUntilKilled(at: string, ms: number, beforeKill = async () => {}): Promise<string> {
  const args = [...READS_TYPESCRIPT, CHILD, at, String(CRASH_NODE_ID), String(CRASH_ORIGINATOR)];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  const closed = once(child, "close");
  while (!output.includes("ready") && child.exitCode === null) await sleep(5);
  await sleep(ms);
  if (child.exitCode !== null) throw new Error(`the child ended by itself with ${child.exitCode}: ${output}`);
  const takingDown = beforeKill();
  child.kill("SIGKILL");
  await takingDown;
  await closed;
  return output;
}
