import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const START_TIMEOUT_MS = 60_000;

/** A `pennyblack` process. */
export interface Service {
  /** What it printed when it was ready, such as its url. */
  ready: Record<string, string>;
  /** Of its process. */
  pid: number;
  /** True until the process has ended. */
  isRunning(): boolean;
  /** Sends a signal and waits until the process has ended. */
  end(signal: "SIGTERM" | "SIGKILL"): Promise<void>;
}

/**
 * Starts `pennyblack <command> --config <file>` and waits until it serves. Its log goes to `logFile`.
 * @param script takes the place of `pennyblack <command>`
 */
export async function startService(
  command: string,
  configFile: string,
  logFile: string,
  script?: string,
): Promise<Service> {
  const program = script ? [script] : [MAIN, command];
  const child = spawn(process.execPath, ["--import", "tsx", ...program, "--config", configFile], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const log = createWriteStream(logFile, { flags: "a" });
  child.stderr.pipe(log);
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const killWithUs = () => child.kill("SIGKILL");
  process.once("exit", killWithUs);
  void ended.then(() => process.off("exit", killWithUs));
  try {
    const ready = await readyLine(child, command, logFile);
    return {
      ...{ ready, pid: child.pid! },
      isRunning: () => child.exitCode === null && child.signalCode === null,
      end: async (signal) => {
        child.kill(signal);
        await ended;
      },
    };
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
}

function readyLine(child: ChildProcess, command: string, logFile: string): Promise<Record<string, string>> {
  return new Promise((resolve, reject) => {
    const fail = (problem: string) => reject(new Error(`pennyblack ${command} ${problem}: see ${logFile}`));
    const timer = setTimeout(() => fail(`was not ready within ${START_TIMEOUT_MS / 1000} s`), START_TIMEOUT_MS);
    child.once("exit", (code) => {
      clearTimeout(timer);
      fail(`ended with code ${code} before it was ready`);
    });
    createInterface({ input: child.stdout! }).once("line", (line) => {
      clearTimeout(timer);
      resolve(JSON.parse(line) as Record<string, string>);
    });
  });
}
