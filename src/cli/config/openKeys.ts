import { KeyFileError, readKeyFile } from "../../platform/keyFile.ts";
import type { KeySource, LocalKeySource } from "../../platform/keys/keySource.ts";
import { openSigner, readLocalKey } from "../../platform/keys/keySource.ts";
import type { TransactionSigner } from "../../platform/keys/transactionSigner.ts";
import { ConfigError } from "./readSettings.ts";

/** 32 bytes from a file of 64 hex digits. The key itself never shows up in an error. */
export function readKey(file: string): Uint8Array {
  try {
    return readKeyFile(file);
  } catch (error) {
    throw configError(error);
  }
}

/** A key that this process holds, as its config says. */
export async function openKey(source: LocalKeySource): Promise<Uint8Array> {
  try {
    return await readLocalKey(source, process.env);
  } catch (error) {
    throw configError(error);
  }
}

/** What signs transactions, as a config says. */
export async function openTransactionSigner(source: KeySource): Promise<TransactionSigner> {
  try {
    return await openSigner(source, process.env);
  } catch (error) {
    throw configError(error);
  }
}

function configError(error: unknown): unknown {
  return error instanceof KeyFileError ? new ConfigError(error.message) : error;
}
