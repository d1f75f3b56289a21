import { stat, statfs } from "node:fs/promises";
import { join } from "node:path";

import type { Storage } from "../daemon/overview/overview.ts";

/** SQLite files in a data directory. */
export const LEDGER = "ledger.sqlite";
export const NODE = "node.sqlite";
const DATABASES = { ledger: LEDGER, node: NODE };

/** What the SQLite files of a data directory take, and what its disk has left. */
export async function readStorage(dataDirectory: string): Promise<Storage> {
  const databases: Record<string, number> = {};
  for (const [name, file] of Object.entries(DATABASES)) {
    const bytes = await bytesOf(join(dataDirectory, file));
    if (bytes > 0) databases[name] = bytes + (await bytesOf(join(dataDirectory, `${file}-wal`)));
  }
  const { bavail, bsize } = await statfs(dataDirectory);
  return { databases, freeBytes: bavail * bsize };
}

/** 0 where there is none. */
async function bytesOf(file: string): Promise<number> {
  return stat(file).then(
    ({ size }) => size,
    () => 0,
  );
}
