import { Command, CommanderError } from "commander";

import { LedgerRolledBackError } from "../daemon/mark.ts";
import { LedgerDomainError, LedgerInUseError, LedgerNodeError } from "../daemon/store/errors.ts";
import { StoreNotDurableError, StoreUnavailableError, StoreVersionError } from "../platform/database/errors.ts";
import { readGatewayConfig } from "./config/gatewayConfig.ts";
import { readDaemonConfig, readNodeConfig } from "./config/operatorConfig.ts";
import { ConfigError } from "./config/readSettings.ts";
import { addDeploymentCommands } from "./deploymentCommands.ts";
import { addNetworkCommands } from "./networkCommands.ts";
import { addOperatorCommands } from "./operate/commands.ts";
import { addReceiptCommands } from "./receipts/commands.ts";
import { runDaemon } from "./runDaemon.ts";
import { runGateway } from "./runGateway.ts";
import { runNode } from "./runNode.ts";
import { addSpendCommand } from "./spendCommand.ts";
import { untilStopped } from "./untilStopped.ts";

/** Keeps a service up until it is told to stop, then lets it drain. */
async function serve(start: Promise<{ url: string; close(): Promise<void> }>): Promise<void> {
  const service = await start;
  // One line on standard output says where; whoever started the process waits for it.
  console.log(JSON.stringify({ ready: true, ...describe(service) }));
  await untilStopped();
  await service.close();
}

function describe(service: object): object {
  return Object.fromEntries(Object.entries(service).filter(([, value]) => typeof value === "string"));
}

// Before the commands are added, so that all of them throw what was typed wrong instead of exiting with 1.
const program = new Command("pennyblack").description("Postage for XMTP.").exitOverride();
program
  .command("node")
  .description("run a reference broadcast node with its settlement daemon")
  .requiredOption("--config <file>", "JSON, see docs/operators.md")
  .action(async ({ config }: { config: string }) => serve(runNode(readNodeConfig(config))));
program
  .command("daemon")
  .description("run the settlement daemon in front of a stock node")
  .requiredOption("--config <file>", "JSON, see docs/operators.md, 'Beside a stock node'")
  .action(async ({ config }: { config: string }) => serve(runDaemon(readDaemonConfig(config))));
program
  .command("gateway")
  .description("run a gateway that pays for the messages of its clients")
  .requiredOption("--config <file>", "JSON, see docs/payers.md")
  .action(async ({ config }: { config: string }) => serve(runGateway(readGatewayConfig(config))));
let exitCode = 0;
const output = { out: console.log, err: console.error };
addOperatorCommands(program, output, (code) => (exitCode = code));
addDeploymentCommands(program, output, (code) => (exitCode = code));
addReceiptCommands(program, output, (code) => (exitCode = code));
addSpendCommand(program, output, (code) => (exitCode = code));
addNetworkCommands(program, output, (code) => (exitCode = code));

try {
  await program.parseAsync();
  await flushed();
  process.exit(exitCode);
} catch (error) {
  // Commander has said it already; help that was asked for is no error.
  if (error instanceof CommanderError) process.exit(error.code === "commander.helpDisplayed" ? 0 : 2);
  // What an operator can mend is said in a sentence; anything else with its origin.
  const isKnown = error instanceof ConfigError || isSystemError(error) || isOperatorsMatter(error);
  console.error(isKnown ? (error as Error).message : error);
  process.exit(error instanceof ConfigError ? 2 : 1);
}

/** A pipe may take its time: exiting before it has everything would cut JSON short. */
async function flushed(): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) {
    await new Promise<void>((resolve) => stream.write("", () => resolve()));
  }
}

/** What the message says how to mend: a ledger of somebody else, in use, too old, too new, not durable, away. */
function isOperatorsMatter(error: unknown): boolean {
  return (
    error instanceof LedgerRolledBackError ||
    error instanceof LedgerInUseError ||
    error instanceof LedgerDomainError ||
    error instanceof LedgerNodeError ||
    error instanceof StoreVersionError ||
    error instanceof StoreNotDurableError ||
    error instanceof StoreUnavailableError
  );
}

/** Such as a port that is taken, or a directory that cannot be written. */
function isSystemError(error: unknown): boolean {
  return error instanceof Error && "syscall" in error;
}
