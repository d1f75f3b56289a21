import { Command } from "commander";

import { ConfigError, readGatewayConfig, readNodeConfig } from "./config.ts";
import { runGateway } from "./runGateway.ts";
import { runNode } from "./runNode.ts";

/** Keeps a service up until SIGINT or SIGTERM, then lets it drain. A second signal ends it at once. */
async function serve(start: Promise<{ url: string; close(): Promise<void> }>): Promise<void> {
  const service = await start;
  // One line on standard output says where; whoever started the process waits for it.
  console.log(JSON.stringify({ ready: true, ...describe(service) }));
  await new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
  });
  await service.close();
}

function describe(service: object): object {
  return Object.fromEntries(Object.entries(service).filter(([, value]) => typeof value === "string"));
}

const program = new Command("pennyblack").description("Postage for XMTP.");
program
  .command("node")
  .description("run a reference broadcast node with its settlement daemon")
  .requiredOption("--config <file>", "JSON, see docs/operators.md")
  .action(async ({ config }: { config: string }) => serve(runNode(readNodeConfig(config))));
program
  .command("gateway")
  .description("run a gateway that pays for the messages of its clients")
  .requiredOption("--config <file>", "JSON, see docs/payers.md")
  .action(async ({ config }: { config: string }) => serve(runGateway(readGatewayConfig(config))));

try {
  await program.parseAsync();
} catch (error) {
  console.error(error instanceof ConfigError ? error.message : error);
  process.exitCode = error instanceof ConfigError ? 2 : 1;
}
