import { emptyTask, task } from "hardhat/config";
import { ArgumentType } from "hardhat/types/arguments";
import type { TaskDefinition } from "hardhat/types/tasks";

import { COMMANDS, GROUPS } from "../src/commands/catalogue.ts";
import { commonOptions } from "../src/commands/core/options.ts";
import type { CommandSpec } from "../src/commands/core/spec.ts";

const DEPLOYMENT = "the network's record; deployments/<network>.json unless told";

/** The commands of src/commands as Hardhat tasks, on the network that Hardhat is told with --network. */
export const networkTasks: TaskDefinition[] = [
  ...Object.entries(GROUPS).map(([name, description]) => emptyTask(name, description).build()),
  ...COMMANDS.map(taskOf),
];

function taskOf(spec: CommandSpec): TaskDefinition {
  let builder = task([...spec.path], spec.description);
  for (const { name, description, isVariadic, isOptional } of spec.arguments) {
    const argument = { name, description, type: ArgumentType.STRING as const };
    if (isVariadic) builder = builder.addVariadicArgument(argument);
    else builder = builder.addPositionalArgument(isOptional ? { ...argument, defaultValue: "" } : argument);
  }
  for (const { name, description, isFlag } of [...spec.options, ...commonOptions(spec)]) {
    if (isFlag) builder = builder.addFlag({ name, description });
    else builder = builder.addOption({ name, description, defaultValue: "" });
  }
  if (spec.kind !== "local")
    builder = builder.addOption({ name: "deployment", description: DEPLOYMENT, defaultValue: "" });
  builder = builder.addFlag({
    name: "quiet",
    description: "print nothing, for scripts: the result has it",
    hidden: true,
  });
  // What a task needs is built by a task: nothing of it may be loaded with the config.
  return builder
    .setAction(async () => {
      const { runTask } = await import("./runTask.ts");
      return { default: (args, hre) => runTask(spec, args, hre) };
    })
    .build();
}
