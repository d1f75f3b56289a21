import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";

import { encryptKeystoreJson } from "ethers";

import { KeyFileError, writeKeyFile } from "../../platform/keyFile.ts";
import { readPassword } from "../../platform/keys/keySource.ts";
import { toHex } from "../../protocol/bytes.ts";
import { addressOf } from "../../protocol/ecdsa.ts";
import { CommandError } from "../core/errors.ts";
import type { Input } from "../core/input.ts";
import type { Report } from "../core/plan.ts";

const LEAST_PASSWORD = 12;
/** Of Web3 secret storage: about a second to open, and as long for whoever guesses. */
const SCRYPT = { N: 131_072, r: 8, p: 1 };

/** Makes a postage key, encrypted. Never overwrites a file. */
export async function channelKey(input: Input, { dryRun }: { dryRun: boolean }): Promise<Report> {
  const file = input.text("to");
  const password = passwordIn(input.text("passwordFile"));
  if (existsSync(file)) throw new CommandError("file_exists", `${file} is there already: name another file`);
  const data = { file, dryRun };
  if (dryRun) {
    const title = `Dry run: nothing is written. A new postage key would be in ${file}.`;
    return { kind: "report", title, sections: [], notes: [], data };
  }
  const key = new Uint8Array(randomBytes(32));
  const channel = addressOf(key);
  writeKeyFile(
    file,
    await encryptKeystoreJson({ address: channel, privateKey: toHex(key) }, password, { scrypt: SCRYPT }),
  );
  return {
    kind: "report",
    title: `A new postage key is in ${file}, encrypted.`,
    sections: [{ rows: [["channel", channel]] }],
    notes: [
      "Copy file and password to two safe places: whoever has both has the channel, who has one of them has nothing.",
      `In gateway.json: "postageKey": { "keystoreFile": "${file}", "passwordFile": "..." }.`,
    ],
    data: { ...data, channel },
  };
}

function passwordIn(file: string): string {
  let password: string;
  try {
    password = readPassword(file);
  } catch (cause) {
    if (!(cause instanceof KeyFileError)) throw cause;
    throw new CommandError("bad_key_file", cause.message, { cause });
  }
  if (password.length >= LEAST_PASSWORD) return password;
  throw new CommandError("bad_key_file", `the password in ${file} has less than ${LEAST_PASSWORD} characters`);
}
