import type { Context } from "./core/context.ts";
import type { RawInput } from "./core/input.ts";
import { Input } from "./core/input.ts";
import { NETWORK_OPTIONS, commonOptions } from "./core/options.ts";
import type { Plan, Report } from "./core/plan.ts";
import type { Output } from "../platform/output.ts";
import type { Mode } from "./core/run.ts";
import { runCommand } from "./core/run.ts";
import type { CommandSpec } from "./core/spec.ts";

const TIMEOUT_SECONDS = 600;

/**
 * Runs a command as it was typed, for whoever typed it, and resolves with its exit code.
 *
 * @param connect Makes the network that it works on; called for commands that need one only.
 */
export async function perform(
  spec: CommandSpec,
  raw: RawInput,
  connect: (input: Input, mode: Mode) => Promise<Context>,
  output: Output,
): Promise<number> {
  const input = new Input(raw, [...spec.options, ...commonOptions(spec), ...NETWORK_OPTIONS]);
  const mode: Mode = {
    json: input.flag("json"),
    dryRun: input.flag("dryRun"),
    unsigned: input.flag("unsigned"),
    timeoutSeconds: TIMEOUT_SECONDS,
  };
  const start = async () => {
    mode.timeoutSeconds = input.seconds("timeout", TIMEOUT_SECONDS);
    if (spec.kind === "local") return { result: await (await spec.load())(input, mode) };
    const context = await connect(input, mode);
    return { context, result: await resultOf(spec, context, input, mode) };
  };
  return runCommand(spec.path.join(" "), start, mode, output);
}

async function resultOf(
  spec: Exclude<CommandSpec, { kind: "local" }>,
  context: Context,
  input: Input,
  mode: Mode,
): Promise<Plan | Report> {
  if (spec.kind === "sign") return (await spec.load())(context, input, mode);
  return (await spec.load())(context, input);
}
