import { spawn } from "node:child_process";
import { openSync } from "node:fs";
import { fileURLToPath } from "node:url";

import type { ClientsOrder, ClientsReport } from "./clients.ts";

const CLIENTS = fileURLToPath(new URL("./clients.ts", import.meta.url));

export interface ClientsOptions extends ClientsOrder {
  logFile: string;
  progress(text: string): void;
  /** Called when half of the messages are sent; the clients wait for it. */
  atHalf(): Promise<void>;
}

/** Runs the clients to their end and answers what they sent and read. Rejects when anything did not arrive. */
export async function runClients(options: ClientsOptions): Promise<{ sent: number; read: number }> {
  const { gatewayUrl, messages, waiveFor, logFile } = options;
  const log = openSync(logFile, "a");
  const child = spawn(process.execPath, ["--import", "tsx", CLIENTS], {
    stdio: ["ignore", log, log, "ipc"],
    // Amounts are bigint.
    serialization: "advanced",
  });
  try {
    return await new Promise((resolve, reject) => {
      const hear = async (report: ClientsReport) => {
        if (report.kind === "progress") options.progress(report.text);
        if (report.kind === "failed") reject(new Error(`the clients failed: ${report.problem}; see ${logFile}`));
        if (report.kind === "done") resolve(report);
        if (report.kind !== "half") return;
        await options.atHalf();
        child.send({});
      };
      child.on("message", (report: ClientsReport) => void hear(report).catch(reject));
      child.once("exit", (code) => reject(new Error(`the clients ended with code ${code}: see ${logFile}`)));
      child.send({ gatewayUrl, messages, ...(waiveFor ? { waiveFor } : {}) } satisfies ClientsOrder);
    });
  } finally {
    child.kill();
  }
}
