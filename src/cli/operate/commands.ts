import type { Command } from "commander";

import { json } from "../../commands/core/print.ts";
import type { Output } from "../../platform/output.ts";
import type { OperatorConfig } from "../config.ts";
import { ConfigError, readOperatorConfig } from "../config.ts";
import { DaemonSilentError, askOverview } from "./askDaemon.ts";
import { statusScreen } from "./statusScreen.ts";

const CONFIG = ["--config <file>", "the node's or daemon's settings"] as const;

/** Adds what an operator asks on the machine of the node. `finish` hears the exit code. */
export function addOperatorCommands(program: Command, output: Output, finish: (exitCode: number) => void): void {
  program
    .command("status")
    .description("one screen of a running node: exposure, settlements, deadlines, gas, chain; exits 1 when not ready")
    .requiredOption(...CONFIG)
    .option("--operator-url <url>", "where the operator's routes answer, when operatorPort is 0")
    .option("--json", "everything, as JSON")
    .action(async ({ config, operatorUrl, json: asJson }: { config: string; operatorUrl?: string; json?: boolean }) => {
      finish(await status(operatorUrl ?? operatorUrlOf(readOperatorConfig(config)), asJson ?? false, output));
    });
}

function operatorUrlOf({ file, config }: OperatorConfig): string {
  if (config.operatorPort !== 0) return `http://127.0.0.1:${config.operatorPort}`;
  throw new ConfigError(`${file} has operatorPort 0, which takes any free port: name it with --operator-url`);
}

async function status(operatorUrl: string, asJson: boolean, output: Output): Promise<number> {
  try {
    const data = await askOverview(operatorUrl);
    output.out(asJson ? json(data) : statusScreen(data).join("\n"));
    return data.health.ok && data.ready.ok ? 0 : 1;
  } catch (error) {
    if (!(error instanceof DaemonSilentError)) throw error;
    if (asJson) output.out(json({ command: "status", error: { code: "daemon_silent", message: error.message } }));
    else output.err(error.message);
    return 1;
  }
}
