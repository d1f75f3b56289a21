import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";

import { z } from "zod";

import type { Mark } from "../../daemon/mark.ts";
import { behindMark, readMark } from "../../daemon/mark.ts";
import { holdFileLock } from "../../platform/sqlite.ts";
import type { OperatorConfig } from "../config/operatorConfig.ts";
import { markFile } from "../settlement.ts";
import type { Manifest } from "./backup.ts";
import { MANIFEST } from "./backup.ts";
import { LEDGER, NODE } from "../storage.ts";
import { BackupError, lastSequenceId, readLedger, requireSound, sha256 } from "./databases.ts";

const manifestSchema = z.strictObject({
  nodeId: z.int(),
  createdAt: z.int(),
  files: z.array(z.strictObject({ name: z.enum([LEDGER, NODE]), sha256: z.string() })).min(1),
});

/**
 * Brings a backup back, when it is not older than what is known to have been there: an older node's database gives ids
 * out again, which convicts the node, and an older ledger lacks vouchers. What was there is kept beside. Throws BackupError.
 */
export async function restore(
  operator: OperatorConfig,
  from: string,
  now: number,
): Promise<{ kept: string | undefined }> {
  const { config } = operator;
  const { dataDirectory } = config;
  const manifest = await readManifest(from, config.nodeId);
  mkdirSync(dataDirectory, { recursive: true, mode: 0o700 });
  const lock = holdFileLock(join(dataDirectory, `${LEDGER}.lock`));
  if (!lock) throw new BackupError("in_use", `a daemon uses ${dataDirectory}: stop it first`);
  try {
    await requireNewest(operator, from, manifest);
    return { kept: replace(dataDirectory, from, manifest, now) };
  } finally {
    lock.release();
  }
}

async function readManifest(from: string, nodeId: number): Promise<Manifest> {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(join(from, MANIFEST), "utf8"));
  } catch (error) {
    throw new BackupError("bad_backup", `${from} is no backup: it has no ${MANIFEST} that can be read`, {
      cause: error,
    });
  }
  const parsed = manifestSchema.safeParse(value);
  if (!parsed.success) throw new BackupError("bad_backup", `${from} is no backup: its ${MANIFEST} is something else`);
  if (parsed.data.nodeId !== nodeId) {
    throw new BackupError("other_node", `${from} is of node ${parsed.data.nodeId}, this is node ${nodeId}`);
  }
  for (const { name, sha256: expected } of parsed.data.files) {
    const path = join(from, name);
    if (!existsSync(path) || (await sha256(path)) !== expected) {
      throw new BackupError("bad_backup", `${path} is not what was backed up: use another backup`);
    }
    requireSound(path);
  }
  return parsed.data;
}

/** What is known of this node here: by the mark, and by the databases that are to be replaced, as far as they open. */
async function requireNewest(operator: OperatorConfig, from: string, { files }: Manifest): Promise<void> {
  const { config } = operator;
  const at = (name: string) => join(config.dataDirectory, name);
  const there = await readLedger(config.databaseUrl ?? at(LEDGER)).catch(() => undefined);
  const mark = await readMark(markFile(config));
  if (files.some(({ name }) => name === LEDGER)) await requireNewestLedger(join(from, LEDGER), [mark, there]);
  if (files.some(({ name }) => name === NODE)) {
    const last = attempt(() => lastSequenceId(at(NODE), config.nodeId));
    const known = [mark?.highWater, there?.highWater, there?.cursors.get(config.nodeId), last];
    const highest = known.reduce<bigint>((most, one) => (one !== undefined && one > most ? one : most), 0n);
    const copied = lastSequenceId(join(from, NODE), config.nodeId);
    if (copied < highest) {
      throw new BackupError(
        "rolled_back",
        `${join(from, NODE)} ends with sequence id ${copied}, and this node has given out ${highest}: with it ids are ` +
          "given out twice, which convicts the node. Bring the newest database back; if there is none, do not go on with " +
          "this node (docs/operators-trouble.md, PennyblackOldDatabase)",
      );
    }
  }
}

async function requireNewestLedger(copy: string, known: readonly (Mark | undefined)[]): Promise<void> {
  const { cursors } = await readLedger(copy);
  for (const mark of known) {
    const behind = mark ? behindMark(mark, (id) => cursors.get(id) ?? 0n) : [];
    if (behind.length === 0) continue;
    throw new BackupError(
      "rolled_back",
      `${copy} is older than the ledger of this node: ${behind[0]}. It lacks vouchers that were acknowledged since: keep ` +
        "the newest one, or start with an empty ledger, which fills itself from the log and from peers",
    );
  }
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** What was there goes into a directory of its own, with its write-ahead logs, before the copies come. */
function replace(dataDirectory: string, from: string, { files }: Manifest, now: number): string | undefined {
  const kept = join(dataDirectory, `before-restore-${now}`);
  for (const { name } of files) {
    for (const part of [name, `${name}-wal`, `${name}-shm`]) {
      if (!existsSync(join(dataDirectory, part))) continue;
      mkdirSync(kept, { recursive: true, mode: 0o700 });
      renameSync(join(dataDirectory, part), join(kept, part));
    }
    copyFileSync(join(from, name), join(dataDirectory, name));
  }
  return existsSync(kept) ? kept : undefined;
}
