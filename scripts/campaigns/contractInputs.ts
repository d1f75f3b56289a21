import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** What `npm run check:contracts` runs: of the same files each says the same. */
export const CHECKS = [
  ["scripts/campaigns/slither.ts"],
  ["scripts/forge/forge.ts", "coverage"],
  ["scripts/campaigns/prove.ts"],
];

/** What the checks take in: contracts, their Solidity tests, the tools, the packages with the compiler. */
const INPUTS = [
  "contracts",
  "test/contracts/*.sol",
  "test/support/*.sol",
  "test/assurance/*.sol",
  "scripts/ed25519",
  "scripts/forge",
  "scripts/campaigns/contract*.ts",
  "scripts/campaigns/judgeFindings.ts",
  "scripts/campaigns/prove.ts",
  "scripts/campaigns/slither*.ts",
  "scripts/campaigns/tools.ts",
  "foundry.toml",
  "hardhat.config.ts",
  "package-lock.json",
];
/** What the tools read by themselves where it is there. */
const SETTINGS = ["slither.config.json", "crytic_compile.config.json", "remappings.txt"];

/** Names from `root` on, in order: what git has or would take, as it stands there now. */
export function contractInputs(root: string): string[] {
  const files = [...INPUTS, ...SETTINGS].flatMap((input) => {
    const found = listed(root, input);
    if (found.length === 0 && !SETTINGS.includes(input)) throw new Error(`there is nothing at ${input}: mend INPUTS`);
    return found;
  });
  return [...new Set(files)].sort();
}

function listed(root: string, input: string): string[] {
  const args = ["ls-files", "--cached", "--others", "--exclude-standard", "-z", input];
  const names = execFileSync("git", args, { cwd: root, env: withoutGit(process.env), encoding: "utf8" }).split("\0");
  return names.filter((name) => name && existsSync(join(root, name)));
}

/** A hook of git's says by its environment that every git works on its checkout, whatever the folder. */
export function withoutGit(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith("GIT_")));
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
