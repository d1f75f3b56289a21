import { stat, statfs } from "node:fs/promises";
import { join } from "node:path";

export interface Storage {
  /** Bytes of SQLite files by what they are for. */
  databases: Record<string, number>;
  freeBytes: number;
}

/** What the SQLite files of a directory take, by what each is for, and what its disk has left. */
export async function readStorage(directory: string, files: Readonly<Record<string, string>>): Promise<Storage> {
  const databases: Record<string, number> = {};
  for (const [name, file] of Object.entries(files)) {
    const bytes = await bytesOf(join(directory, file));
    if (bytes > 0) databases[name] = bytes + (await bytesOf(join(directory, `${file}-wal`)));
  }
  const { bavail, bsize } = await statfs(directory);
  return { databases, freeBytes: bavail * bsize };
}

/** 0 where there is none. */
async function bytesOf(file: string): Promise<number> {
  return stat(file).then(
    ({ size }) => size,
    () => 0,
  );
}
