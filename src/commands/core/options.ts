import type { CommandSpec, OptionSpec } from "./spec.ts";

/** Of more than one group of commands. */
export const RECIPIENT: OptionSpec = { name: "recipient", description: "who gets it; the owner unless told" };

const JSON_OPTION: OptionSpec = { name: "json", description: "print JSON, amounts in base units", isFlag: true };
const DRY_RUN: OptionSpec = { name: "dryRun", description: "explain and simulate, send nothing", isFlag: true };
const SIGNING: readonly OptionSpec[] = [
  { name: "key", description: "file of the key that signs (64 hex digits, 0600)" },
  { name: "from", description: "the account that signs, when there is no --key" },
  DRY_RUN,
  { name: "unsigned", description: "print the transactions for another signer, such as a Safe", isFlag: true },
  { name: "timeout", description: "seconds to wait for each transaction, 600 unless told" },
];

export const RPC_URL: OptionSpec = {
  ...{ name: "rpcUrl", description: "JSON-RPC endpoint of its chain" },
  ...{ value: "url", variable: "PENNYBLACK_RPC_URL" },
};
/** Which network a command works on, where Hardhat does not say so. */
export const NETWORK_OPTIONS: readonly OptionSpec[] = [
  {
    ...{ name: "deployment", description: "the network's record, deployments/<network>.json" },
    ...{ value: "file", variable: "PENNYBLACK_DEPLOYMENT" },
  },
  RPC_URL,
];

/** What a command takes besides its own options. */
export function commonOptions({ kind }: CommandSpec): readonly OptionSpec[] {
  switch (kind) {
    case "read":
      return [JSON_OPTION];
    case "write":
      return [...SIGNING, JSON_OPTION];
    case "local":
      return [DRY_RUN, JSON_OPTION];
    case "sign":
      return [DRY_RUN, { name: "unsigned", description: "print what the key would sign", isFlag: true }, JSON_OPTION];
  }
}
