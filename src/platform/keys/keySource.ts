import { readFileSync } from "node:fs";

import { decryptKeystoreJson, isKeystoreJson } from "ethers";

import { KeyFileError, isReadByOthers, readKeyFile } from "../keyFile.ts";
import { localSigner } from "./localSigner.ts";
import type { RemoteSignerOptions } from "./remoteSigner.ts";
import { remoteSigner } from "./remoteSigner.ts";
import type { TransactionSigner } from "./transactionSigner.ts";

/** A key that this process holds. */
export type LocalKeySource =
  /** 64 hex digits. */
  | { keyFile: string }
  /** Web3 secret storage, with its password in another file or in an environment variable. */
  | { keystoreFile: string; passwordFile: string }
  | { keystoreFile: string; passwordVariable: string };

export type KeySource = LocalKeySource | { remoteSigner: RemoteSignerOptions };

/** 32 bytes. Throws KeyFileError, whose message has no part of a key or password. */
export async function readLocalKey(
  source: LocalKeySource,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Uint8Array> {
  if ("keyFile" in source) return readKeyFile(source.keyFile);
  const { keystoreFile } = source;
  const json = readPrivateFile(keystoreFile, "keystore");
  if (!isKeystoreJson(json)) {
    throw new KeyFileError(`${keystoreFile} is no keystore of version 3 (Web3 secret storage)`);
  }
  const password = passwordOf(source, environment);
  let privateKey: string;
  try {
    ({ privateKey } = await decryptKeystoreJson(json, password));
  } catch {
    // The library's error may quote what it was given.
    throw new KeyFileError(`${keystoreFile} cannot be opened: the password is wrong, or the file is damaged`);
  }
  return Uint8Array.from(Buffer.from(privateKey.slice(2), "hex"));
}

/** Signs with a source's key. Throws KeyFileError when the key is one of this process and cannot be read. */
export async function openSigner(
  source: KeySource,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<TransactionSigner> {
  if ("remoteSigner" in source) return remoteSigner(source.remoteSigner);
  return localSigner(await readLocalKey(source, environment));
}

function passwordOf(
  source: Exclude<LocalKeySource, { keyFile: string }>,
  environment: Readonly<Record<string, string | undefined>>,
): string {
  if ("passwordFile" in source) return readPassword(source.passwordFile);
  const password = environment[source.passwordVariable];
  if (password !== undefined && password !== "") return password;
  throw new KeyFileError(`the environment variable ${source.passwordVariable} with the keystore's password is not set`);
}

/** The password in a file that only its owner may read. Throws KeyFileError. */
export function readPassword(file: string): string {
  // Editors end a file with a line break, which is no part of the password.
  return readPrivateFile(file, "password").replace(/\r?\n$/, "");
}

function readPrivateFile(file: string, what: string): string {
  try {
    if (isReadByOthers(file)) throw new KeyFileError(`${file} can be read by others than you: chmod 600 ${file}`);
    return readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof KeyFileError) throw error;
    throw new KeyFileError(`cannot read the ${what} file: ${(error as Error).message}`);
  }
}
