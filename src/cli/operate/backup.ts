import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import Database from "better-sqlite3";

import type { OperatorConfig } from "../config/operatorConfig.ts";
import { LEDGER, NODE } from "../storage.ts";
import { BackupError, filesOf, lastSequenceId, readLedger, requireSound, sha256 } from "./databases.ts";

export const MANIFEST = "manifest.json";
/** In one step: the read holds one moment, and writers of a WAL do not wait for it. */
const ALL_PAGES = 2 ** 31 - 1;

/** What a backup says of itself. */
export interface Manifest {
  nodeId: number;
  /** Unix milliseconds. */
  createdAt: number;
  files: { name: string; sha256: string }[];
}

/**
 * Copies the databases of a node, running or not, into a new directory and checks the copies. The ledger comes first: a
 * node's log that is newer than the ledger is metered on, an older one would be refused.
 */
export async function backUp(operator: OperatorConfig, to: string, now: number): Promise<Manifest> {
  const { config } = operator;
  const names = filesOf(operator);
  if (names.length === 0) {
    throw new BackupError("nothing_to_back_up", `${config.dataDirectory} has no database: look at dataDirectory`);
  }
  if (existsSync(to) && readdirSync(to).length > 0) {
    throw new BackupError("target_exists", `${to} has something in it: name a new directory`);
  }
  mkdirSync(to, { recursive: true, mode: 0o700 });
  const files: Manifest["files"] = [];
  for (const name of names) {
    const copy = join(to, name);
    await copyDatabase(join(config.dataDirectory, name), copy);
    requireSound(copy);
    if (name === LEDGER) await readLedger(copy);
    if (name === NODE) lastSequenceId(copy, config.nodeId);
    files.push({ name, sha256: await sha256(copy) });
  }
  const manifest: Manifest = { nodeId: config.nodeId, createdAt: now, files };
  writeFileSync(join(to, MANIFEST), JSON.stringify(manifest, null, 2) + "\n", { mode: 0o600 });
  return manifest;
}

async function copyDatabase(from: string, to: string): Promise<void> {
  const source = new Database(from, { readonly: true, fileMustExist: true });
  try {
    await source.backup(to, { progress: () => ALL_PAGES });
  } finally {
    source.close();
  }
  // The copy is one file: what is newest must not be in a log beside it.
  const copy = new Database(to);
  copy.pragma("journal_mode = DELETE");
  copy.close();
}
