import type { Command } from "commander";

import { json } from "../../commands/core/print.ts";
import type { Output } from "../../platform/output.ts";
import { systemClock as clock } from "../../platform/clock.ts";
import { examineAll } from "../doctor/doctor.ts";
import { printFindings } from "../doctor/print.ts";
import type { OperatorConfig } from "../config/operatorConfig.ts";
import { ConfigError } from "../config/readSettings.ts";
import { readOperatorConfig } from "../config/operatorConfig.ts";
import { DaemonSilentError, askOverview } from "./askDaemon.ts";
import { backUp } from "./backup.ts";
import { BackupError } from "./databases.ts";
import { restore } from "./restore.ts";
import type { ExportTyped } from "./runExport.ts";
import { runExport } from "./runExport.ts";
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
  program
    .command("doctor")
    .description("check everything a node needs, each with what to do; exits 1 when something fails. Changes nothing")
    .requiredOption(...CONFIG)
    .option("--json", "print JSON")
    .action(async ({ config, json: asJson }: { config: string; json?: boolean }) => {
      const findings = await examineAll(config, process.env, clock);
      output.out(asJson ? json({ command: "doctor", findings }) : printFindings(findings).join("\n"));
      finish(findings.some(({ state }) => state === "fail") ? 1 : 0);
    });
  program
    .command("export")
    .description(
      "write channels, settlements and claims as CSV, held against ledger and chain; exits 1 on a difference",
    )
    .requiredOption(...CONFIG)
    .requiredOption("--directory <path>", "where the files go")
    .option("--from <block>", "first block whose settlements and claims are listed; all unless told")
    .option("--to <block>", "last block; the newest that the ledger has read unless told")
    .option("--json", "what came of it, as JSON")
    .action(async (typed: ExportTyped) => finish(await runExport(readOperatorConfig(typed.config), typed, output)));
  program
    .command("backup")
    .description("copy the databases of a node, running or not, and check the copies")
    .requiredOption(...CONFIG)
    .requiredOption("--directory <path>", "a new directory for the copies")
    .option("--json", "print JSON")
    .action(async ({ config, directory, json: asJson }: BackupTyped) => {
      finish(
        await answered("backup", asJson, output, async () => {
          const manifest = await backUp(readOperatorConfig(config), directory, Date.now());
          const names = manifest.files.map(({ name }) => name).join(" and ");
          return { text: `${names} of node ${manifest.nodeId} are in ${directory}, and were checked`, data: manifest };
        }),
      );
    });
  program
    .command("restore")
    .description("bring a backup back, unless it is older than what is known of the node; the node must not run")
    .requiredOption(...CONFIG)
    .requiredOption("--directory <path>", "the backup")
    .option("--json", "print JSON")
    .action(async ({ config, directory, json: asJson }: BackupTyped) => {
      finish(
        await answered("restore", asJson, output, async () => {
          const done = await restore(readOperatorConfig(config), directory, Date.now());
          const kept =
            done.kept === undefined ? "nothing was there before" : `what was there before is in ${done.kept}`;
          return { text: `the backup is back; ${kept}`, data: done };
        }),
      );
    });
}

interface BackupTyped {
  config: string;
  directory: string;
  json?: boolean;
}

/** Says what came of it, or what stopped it: 1 then. */
async function answered(
  command: string,
  asJson: boolean | undefined,
  output: Output,
  work: () => Promise<{ text: string; data: object }>,
): Promise<number> {
  try {
    const { text, data } = await work();
    output.out(asJson ? json(data) : text);
    return 0;
  } catch (error) {
    if (!(error instanceof BackupError)) throw error;
    const { code, message } = error;
    if (asJson) output.out(json({ command, error: { code, message } }));
    else output.err(`${message}\n(${code})`);
    return 1;
  }
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
