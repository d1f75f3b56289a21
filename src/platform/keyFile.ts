import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/** A key file that cannot be used. The key itself never shows up in the message. */
export class KeyFileError extends Error {
  override readonly name = "KeyFileError";
}

/** 32 bytes from a file of 64 hex digits. Throws KeyFileError. */
export function readKeyFile(file: string): Uint8Array {
  let text: string;
  try {
    text = readFileSync(file, "utf8").trim();
  } catch (error) {
    throw new KeyFileError(`cannot read the key file: ${(error as Error).message}`);
  }
  if (!/^(0x)?[0-9a-fA-F]{64}$/.test(text)) throw new KeyFileError(`${file} does not hold a key of 64 hex digits`);
  return Uint8Array.from(Buffer.from(text.replace(/^0x/, ""), "hex"));
}

/** Whether others than the file's owner may read it; never known, so false, where files have no such modes. */
export function isReadByOthers(file: string): boolean {
  return process.platform !== "win32" && (statSync(file).mode & 0o077) !== 0;
}

/** Writes a file of the owner's alone. Fails with EEXIST rather than overwrite one. */
export function writeKeyFile(file: string, key: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(file, `${key}\n`, { mode: 0o600, flag: "wx" });
}
