import type { Command } from "commander";
import { Option } from "commander";
import { Wallet } from "ethers";

import { NETWORK_OPTIONS, RPC_URL } from "../commands/core/options.ts";
import { CommandError } from "../commands/core/errors.ts";
import type { RawInput } from "../commands/core/input.ts";
import { Input, readSecret } from "../commands/core/input.ts";
import { json, printError } from "../commands/core/print.ts";
import { asCommandError } from "../commands/core/refusal.ts";
import { connectUrl } from "../deployment/connectUrl.ts";
import { DeploymentError } from "../deployment/errors.ts";
import type { Output } from "../platform/output.ts";
import { guarded } from "../deployment/guarded.ts";
import { readNetworkParameters } from "../deployment/networkParameters.ts";
import { finishedRecord } from "../deployment/recordStore.ts";
import { runDeploy } from "../deployment/runDeploy.ts";
import { runStatus } from "../deployment/runStatus.ts";
import { deployWorkbench, localAccount, recordFile } from "../deployment/workbench.ts";
import { toHex } from "../protocol/bytes.ts";
import { parseUrl, toOption } from "./networkCommands.ts";

const RECORD = "the network's record; deployments/<network>.json unless told";

/**
 * Adds `deploy` and `deployment status`, what Hardhat's tasks `deploy` and `status` do; `pennyblack status` alone is the
 * operator's screen. `finish` hears the exit code.
 */
export function addDeploymentCommands(program: Command, output: Output, finish: (exitCode: number) => void): void {
  const action = (command: string, run: (input: Input, output: Output) => Promise<number>) => async (raw: RawInput) => {
    finish(await answered(command, new Input(raw, NETWORK_OPTIONS), output, run));
  };
  program
    .command("deploy")
    .description("plan a deployment; with --apply, do what is left of it")
    .option("--network <name>", "whose reviewed files are deployed", "localhost")
    .addOption(toOption(RPC_URL))
    .option("--apply", "send the transactions; without it nothing is sent")
    .option("--digest <plan>", "of the plan that was reviewed; no other is applied")
    .option("--key <file>", "with --apply: file of the deploying account's key (64 hex digits, 0600)")
    .option("--deployment <file>", RECORD)
    .option("--verify", "show the sources to the explorer: Hardhat's task does it")
    .option("--json", "print JSON")
    .action(action("deploy", deploy));
  program
    .command("deployment")
    .description("look at a network's deployment")
    .command("status")
    .description("compare a deployment with the chain: code, links, roles, parameters; exits 1 on drift")
    .option("--network <name>", "whose reviewed files it is compared with; the one that the record names unless told")
    .addOption(new Option("--deployment <file>", RECORD).env("PENNYBLACK_DEPLOYMENT"))
    .addOption(toOption(RPC_URL))
    .option("--json", "every comparison, as JSON")
    .action(action("deployment status", status));
}

async function deploy(input: Input, output: Output): Promise<number> {
  const name = input.text("network");
  if (input.flag("verify")) {
    const problem = "Hardhat's plugin talks to the explorers, and this command works without Hardhat";
    throw new DeploymentError("needs_hardhat", `${problem}: \`npx hardhat deploy --network ${name} --verify\``);
  }
  const apply = input.flag("apply");
  const { isLocal, ...workbench } = deployWorkbench(name, input.optional("deployment"));
  const url = parseUrl(input);
  const signer = apply ? signerOf(input, isLocal) : undefined;
  const provider = await connectUrl(url);
  const shared = { provider, apply, digest: input.optional("digest"), json: input.flag("json"), output };
  return runDeploy({ ...workbench, ...shared, signer: () => Promise.resolve(signer!) });
}

function signerOf(input: Input, isLocal: boolean) {
  const file = input.optional("key");
  if (file) return new Wallet(toHex(readSecret(file, "account")));
  if (isLocal) return localAccount();
  throw new CommandError("no_account", "nothing can be sent without the deploying account's key: give --key");
}

async function status(input: Input, output: Output): Promise<number> {
  const named = input.optional("network");
  const file = input.optional("deployment") ?? (named === undefined ? undefined : recordFile(named));
  const record = finishedRecord(file ?? input.text("deployment"));
  const name = named ?? record.provenance?.network;
  const network = name === undefined ? undefined : readNetworkParameters(name);
  return runStatus({ network, record, provider: await connectUrl(parseUrl(input)), json: input.flag("json"), output });
}

/** What was typed wrong is said as all commands say it. */
async function answered(
  command: string,
  input: Input,
  output: Output,
  run: (input: Input, output: Output) => Promise<number>,
): Promise<number> {
  const mode = { json: input.flag("json"), output };
  try {
    return await guarded(command, mode, () => run(input, output));
  } catch (error) {
    const known = asCommandError(error);
    if (!known) throw error;
    const { code, message } = known;
    if (mode.json) output.out(json({ command, error: { code, message } }));
    else output.err(printError(known).join("\n"));
    return known.exitCode;
  }
}
