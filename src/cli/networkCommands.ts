import { Wallet } from "ethers";
import type { Command } from "commander";
import { Argument, Option } from "commander";

import { COMMANDS, GROUPS } from "../commands/catalogue.ts";
import { NETWORK_OPTIONS, commonOptions } from "../commands/core/options.ts";
import type { Context } from "../commands/core/context.ts";
import { connectContext } from "../commands/core/context.ts";
import { CommandError } from "../commands/core/errors.ts";
import type { Input, RawInput } from "../commands/core/input.ts";
import { readSecret } from "../commands/core/input.ts";
import type { Output } from "../platform/output.ts";
import { keySender } from "../commands/core/sender.ts";
import type { CommandSpec, OptionSpec } from "../commands/core/spec.ts";
import { kebab } from "../commands/core/spec.ts";
import { perform } from "../commands/perform.ts";
import { connectRpc } from "../contracts/connectRpc.ts";
import { loadDeployment } from "../contracts/loadDeployment.ts";
import { systemClock as clock } from "../platform/clock.ts";
import { toAddress, toHex } from "../protocol/bytes.ts";

const POLLING_MS = 500;

/** Adds the commands of src/commands to the program. `finish` hears each one's exit code. */
export function addNetworkCommands(program: Command, output: Output, finish: (exitCode: number) => void): void {
  const groups = new Map<string, Command>();
  for (const spec of COMMANDS) {
    const [first, second] = spec.path;
    if (second !== undefined && !groups.has(first)) {
      groups.set(first, program.command(first).description(GROUPS[first]!));
    }
    const command = (groups.get(first) ?? program).command(second ?? first).description(spec.description);
    declare(command, spec);
    command.action(async (...typed: unknown[]) => {
      const values = typed.slice(0, spec.arguments.length) as (string | string[] | undefined)[];
      const named = Object.fromEntries(spec.arguments.map(({ name }, i) => [name, values[i]]));
      const raw = { ...(typed[spec.arguments.length] as RawInput), ...named };
      finish(await perform(spec, raw, connect, output));
    });
  }
}

function declare(command: Command, spec: CommandSpec): void {
  for (const { name, description, isVariadic, isOptional } of spec.arguments) {
    const written = isVariadic ? `${name}...` : name;
    command.addArgument(new Argument(isOptional ? `[${written}]` : `<${written}>`, description));
  }
  const network = spec.kind === "local" ? [] : NETWORK_OPTIONS;
  for (const option of [...spec.options, ...commonOptions(spec), ...network]) command.addOption(toOption(option));
}

/** An option as the program's parser takes it. */
export function toOption({ name, description, isFlag, value = "value", variable }: OptionSpec): Option {
  const option = new Option(isFlag ? `--${kebab(name)}` : `--${kebab(name)} <${value}>`, description);
  return variable === undefined ? option : option.env(variable);
}

/** The endpoint's address. Throws CommandError `bad_url`. */
export function parseUrl(input: Input): string {
  const rpcUrl = input.text("rpcUrl");
  if (/^https?:\/\/./.test(rpcUrl) && URL.canParse(rpcUrl)) return rpcUrl;
  throw new CommandError("bad_url", `--rpc-url "${rpcUrl}" is not an http or https address`);
}

/** Providers keep the process's network connections: it ends with `process.exit`. */
async function connect(input: Input): Promise<Context> {
  const deployment = input.text("deployment");
  const rpcUrl = parseUrl(input);
  const record = readRecord(deployment);
  const provider = connectRpc({ url: rpcUrl, chainId: record.chainId, pollingMs: POLLING_MS });
  const keyFile = input.optional("key");
  const from = input.optionalAddress("from");
  const key = keyFile ? new Wallet(toHex(readSecret(keyFile, "account")), provider) : undefined;
  if (key && from && toAddress(key.address) !== from) {
    const problem = `the key in ${keyFile} is of ${key.address}, --from names ${from}`;
    throw new CommandError("wrong_key", `${problem}: leave one of them out`);
  }
  const account = key ? toAddress(key.address) : from;
  const sender = key ? keySender(key, provider, clock, POLLING_MS) : undefined;
  return connectContext({ record, provider, rpcUrl, deployment, clock, account, sender });
}

function readRecord(file: string) {
  try {
    return loadDeployment(file);
  } catch (error) {
    const problem = (error as Error).message;
    throw new CommandError("bad_file", `cannot use the deployment: ${problem}`, { cause: error });
  }
}
