import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** What the long checks of contracts take in: contracts, their Solidity tests, the tools, the packages with the compiler. */
export const INPUTS = [
  "contracts",
  "test/contracts/*.sol",
  "test/support/*.sol",
  "test/assurance/*.sol",
  "scripts/ed25519",
  "scripts/forge",
  "scripts/campaigns/judgeFindings.ts",
  "scripts/campaigns/prove.ts",
  "scripts/campaigns/slither*.ts",
  "scripts/campaigns/solcServer.cjs",
  "scripts/campaigns/tools.ts",
  "foundry.toml",
  "hardhat.config.ts",
  "package-lock.json",
];

/** Names from `root` on, in order: what git has or would take, as it stands there now. */
export function contractInputs(root: string): string[] {
  const args = ["ls-files", "--cached", "--others", "--exclude-standard", "-z", ...INPUTS];
  const listed = execFileSync("git", args, { cwd: root, encoding: "utf8", maxBuffer: 2 ** 26 }).split("\0");
  return [...new Set(listed)].filter((file) => file && existsSync(join(root, file))).sort();
}

/** SHA-256 over names and contents. */
export function digestOf(root: string, files: readonly string[]): string {
  const digest = createHash("sha256");
  for (const file of files) {
    const content = createHash("sha256").update(readFileSync(join(root, file)));
    digest.update(`${content.digest("hex")} ${file}\n`);
  }
  return digest.digest("hex");
}
