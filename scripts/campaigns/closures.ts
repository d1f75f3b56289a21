/** What Solidity tests are made of, and what it was when the process started. */
import { createHash } from "node:crypto";
import { globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

export const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

/** A Solidity file and all of ours that it imports. */
function closureOf(file: string, seen = new Set<string>()): Set<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  for (const [, path] of readFileSync(file, "utf8").matchAll(/^import [^;]*?"(\.[^"]+)";/gms)) {
    closureOf(normalize(join(dirname(file), path!)), seen);
  }
  return seen;
}

/** Every Solidity test and its files. */
export const CLOSURES = new Map(globSync("test/contracts/*.t.sol").map((test) => [test, closureOf(test)]));

/** As it was at the start: what is edited while a campaign runs must not pass for what was judged. */
const DIGESTS = new Map(
  [...CLOSURES.values()].flatMap((files) => [...files]).map((file) => [file, sha256(readFileSync(file, "utf8"))]),
);

/** The tests that import a file. */
export const testsOf = (file: string) => [...CLOSURES].filter(([, files]) => files.has(file)).map(([test]) => test);

export function digestOf(tests: string[]): string {
  const files = [...new Set(tests.flatMap((test) => [...CLOSURES.get(test)!]))].sort();
  return sha256(files.map((file) => `${file} ${DIGESTS.get(file)}`).join("\n"));
}
