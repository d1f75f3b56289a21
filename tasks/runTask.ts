import { join } from "node:path";

import { Wallet } from "ethers";
import type { HardhatRuntimeEnvironment } from "hardhat/types/hre";

import type { ChainProvider, Context } from "../src/commands/core/context.ts";
import { connectContext } from "../src/commands/core/context.ts";
import { CommandError } from "../src/commands/core/errors.ts";
import type { Input, RawInput } from "../src/commands/core/input.ts";
import { readSecret } from "../src/commands/core/input.ts";
import type { Mode } from "../src/commands/core/run.ts";
import { keySender, signerSender } from "../src/commands/core/sender.ts";
import type { CommandSpec } from "../src/commands/core/spec.ts";
import { perform } from "../src/commands/perform.ts";
import { loadDeployment } from "../src/contracts/loadDeployment.ts";
import { systemClock as clock } from "../src/platform/clock.ts";
import { toAddress, toHex } from "../src/protocol/bytes.ts";

/** A Result of Hardhat's, with what was printed on standard output; a failed one makes Hardhat exit with 1. */
export type TaskResult = { success: true; value: string } | { success: false; error: string };

/** Runs a command on Hardhat's network; signs with `--key`, or with an account that Hardhat has. */
export async function runTask(spec: CommandSpec, args: RawInput, hre: HardhatRuntimeEnvironment): Promise<TaskResult> {
  let printed = "";
  const out = (text: string) => {
    printed += text;
    if (args.quiet !== true) console.log(text);
  };
  const err = (text: string) => {
    if (args.quiet !== true) console.error(text);
  };
  const exitCode = await perform(spec, args, (input, mode) => connect(hre, input, mode), { out, err });
  return exitCode === 0 ? { success: true, value: printed } : { success: false, error: printed };
}

async function connect(hre: HardhatRuntimeEnvironment, input: Input, mode: Mode): Promise<Context> {
  const { ethers, networkName } = await hre.network.getOrCreate();
  // Hardhat's provider is ethers' own shape, with a `send` of its own.
  const provider = ethers.provider as unknown as ChainProvider;
  const deployment = input.optional("deployment") ?? join(hre.config.paths.root, "deployments", `${networkName}.json`);
  const shared = { record: readRecord(deployment), provider, deployment, clock };
  const keyFile = input.optional("key");
  const from = input.optionalAddress("from");
  if (keyFile) {
    const key = new Wallet(toHex(readSecret(keyFile, "account")), provider);
    const account = toAddress(key.address);
    if (from && from !== account) {
      throw new CommandError("wrong_key", `the key in ${keyFile} is of ${account}, --from names ${from}`);
    }
    return connectContext({ ...shared, account, sender: keySender(key, provider, clock) });
  }
  // A Safe is none of Hardhat's accounts, and what is printed for it needs none.
  if (mode.unsigned) return connectContext({ ...shared, account: from });
  const signers = await ethers.getSigners();
  const signer = from ? signers.find(({ address }) => toAddress(address) === from) : signers[0];
  if (signer) {
    const account = toAddress(signer.address);
    return connectContext({ ...shared, account, sender: signerSender(signer, provider, clock) });
  }
  if (!from || mode.dryRun) return connectContext({ ...shared, account: from });
  const problem = `${from} is none of the accounts of network ${networkName}`;
  throw new CommandError("no_account", `${problem}: give --key, or --unsigned for a Safe`);
}

function readRecord(file: string) {
  try {
    return loadDeployment(file);
  } catch (error) {
    const problem = (error as Error).message;
    throw new CommandError("bad_file", `cannot use the deployment: ${problem}: name one with --deployment`, {
      cause: error,
    });
  }
}
