import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { HardhatEthersSigner } from "@nomicfoundation/hardhat-ethers/types";

import { COMMANDS } from "../../src/commands/catalogue.ts";
import type { ChainProvider, Context } from "../../src/commands/core/context.ts";
import { connectContext } from "../../src/commands/core/context.ts";
import type { RawInput } from "../../src/commands/core/input.ts";
import { signerSender } from "../../src/commands/core/sender.ts";
import { perform } from "../../src/commands/perform.ts";
import { writeKeyFile } from "../../src/platform/keyFile.ts";
import type { Clock } from "../../src/platform/clock.ts";
import { toAddress, toHex } from "../../src/protocol/bytes.ts";
import type { World } from "../contracts/fixtures.ts";

export interface Ran {
  exitCode: number;
  out: string;
  err: string;
  /** Of what a command prints with --json. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  json: any;
}

/** Sleeping moves the chain's time instead. */
function chainClock({ net }: World): Clock {
  let ms = 0;
  return {
    now: () => ms,
    elapsed: () => ms,
    async sleep(duration) {
      ms += duration;
      if (duration >= 1_000) await net.networkHelpers.time.increase(Math.ceil(duration / 1_000));
    },
  };
}

/** Runs a command as somebody in a world; without a signer nothing can be sent. */
export async function run(
  world: World,
  signer: HardhatEthersSigner | undefined,
  command: string,
  raw: RawInput,
): Promise<Ran> {
  const spec = COMMANDS.find(({ path }) => path.join(" ") === command)!;
  const provider = world.ethers.provider as unknown as ChainProvider;
  const clock = chainClock(world);
  const printed = { out: "", err: "" };
  const connect = async (): Promise<Context> =>
    connectContext({
      ...{ record: world.record, provider, clock },
      ...(signer
        ? { account: toAddress(signer.address), sender: signerSender(signer, provider, clock, 1) }
        : { account: typeof raw.from === "string" ? toAddress(raw.from) : undefined }),
    });
  const exitCode = await perform(spec, raw, connect, {
    out: (text) => void (printed.out += `${text}\n`),
    err: (text) => void (printed.err += `${text}\n`),
  });
  return { exitCode, ...printed, json: raw.json === true ? JSON.parse(printed.out) : undefined };
}

/** The chain's whole state in one word: block number and hash. A dry run leaves it as it is. */
export async function fingerprint({ ethers }: World): Promise<string> {
  const block = await ethers.provider.getBlock("latest");
  return `${block!.number} ${block!.hash}`;
}

/** Signs what `--unsigned` prints, as a Safe does when its owners have confirmed. */
export async function executeUnsigned(world: World, { json }: Ran): Promise<void> {
  const { account, transactions } = json as {
    account: string;
    transactions: { to: string; data: string; value: string }[];
  };
  await world.net.networkHelpers.impersonateAccount(account);
  await world.net.networkHelpers.setBalance(account, 10n ** 18n);
  const signer = await world.ethers.getSigner(account);
  for (const { to, data, value } of transactions) await (await signer.sendTransaction({ to, data, value })).wait();
}

export const temporary = (): string => mkdtempSync(join(tmpdir(), "pennyblack-commands-"));

export function keyFile(directory: string, name: string, key: Uint8Array | string): string {
  const file = join(directory, name);
  writeKeyFile(file, typeof key === "string" ? key : toHex(key));
  return file;
}
