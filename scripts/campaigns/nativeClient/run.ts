import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";

const MOST_MS = 180_000;

export interface TalkOptions {
  script: string;
  /** Where @xmtp/node-sdk is installed. */
  folder: string;
  gatewayUrl: string;
  messages: number;
  logDirectory: string;
}

/** Messages that each side read, by kind of conversation. Rejects when the clients do not load or do not finish. */
export function talk({
  script,
  folder,
  gatewayUrl,
  messages,
  logDirectory,
}: TalkOptions): Promise<Record<string, number[]>> {
  const logFile = join(logDirectory, "clients.log");
  const log = openSync(logFile, "a");
  const args = ["--import", "tsx", script, folder, gatewayUrl, String(messages)];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", log] });
  let output = "";
  child.stdout!.on("data", (part) => (output += String(part)));
  const timer = setTimeout(() => child.kill("SIGKILL"), MOST_MS);
  return new Promise((resolve, reject) => {
    child.once("exit", (code, signal) => {
      clearTimeout(timer);
      closeSync(log);
      const last = output.trimEnd().split("\n").at(-1) ?? "";
      if (code === 0) resolve(JSON.parse(last) as Record<string, number[]>);
      else reject(new Error(`the native clients ended with ${signal ?? code}: see ${logFile}`));
    });
  });
}
