import { createHash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";

import Database from "better-sqlite3";

import type { LedgerIdentity } from "../../daemon/store/ledgerReader.ts";
import { openLedgerReader } from "../../daemon/store/ledgerReader.ts";
import type { OperatorConfig } from "../config/operatorConfig.ts";
import { LEDGER, NODE } from "../storage.ts";

export type BackupErrorCode =
  "nothing_to_back_up" | "target_exists" | "bad_copy" | "bad_backup" | "other_node" | "in_use" | "rolled_back";

/** Why a backup was not made or not brought back; the message says what to do. */
export class BackupError extends Error {
  override readonly name = "BackupError";
  readonly code: BackupErrorCode;

  constructor(code: BackupErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The SQLite files that this node's settings put into its data directory, of those that are there. */
export function filesOf({ kind, config }: OperatorConfig): string[] {
  const names = [...(config.databaseUrl === undefined ? [LEDGER] : []), ...(kind === "node" ? [NODE] : [])];
  return names.filter((name) => existsSync(join(config.dataDirectory, name)));
}

export async function readLedger(path: string): Promise<LedgerIdentity> {
  const reader = openLedgerReader(path);
  try {
    return await reader.identity();
  } finally {
    await reader.close();
  }
}

/** The highest sequence id that a node's database ever gave out; 0 when none. */
export function lastSequenceId(path: string, nodeId: number): bigint {
  const database = new Database(path, { readonly: true, fileMustExist: true });
  try {
    database.defaultSafeIntegers(true);
    const statement = database.prepare("select last_sequence_id from originators where originator = ?");
    return (statement.pluck().get(nodeId) as bigint | undefined) ?? 0n;
  } finally {
    database.close();
  }
}

/** Throws BackupError `bad_copy` when SQLite finds the file damaged. */
export function requireSound(path: string): void {
  const database = new Database(path, { readonly: true, fileMustExist: true });
  try {
    const answer = database.pragma("quick_check(1)", { simple: true });
    if (answer !== "ok") throw new BackupError("bad_copy", `${path} is damaged (${String(answer)}): do not use it`);
  } catch (error) {
    if (error instanceof BackupError) throw error;
    throw new BackupError("bad_copy", `${path} is no whole database: do not use it`, { cause: error });
  } finally {
    database.close();
  }
}

export async function sha256(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}
