/** Every check of form: types, import arrows, formatting, Solidity rules, the lock. Exits 1 when one fails. */
import { spawnSync } from "node:child_process";

const CHECKS: Record<string, string[]> = {
  types: ["node_modules/typescript/bin/tsc"],
  page: ["node_modules/typescript/bin/tsc", "-p", "src/console/page"],
  eslint: ["node_modules/eslint/bin/eslint.js", ".", "--max-warnings", "0"],
  prettier: ["node_modules/prettier/bin/prettier.cjs", "--check", "--log-level", "warn", "."],
  solhint: ["node_modules/solhint/solhint.js", "--max-warnings", "0", "contracts/**/*.sol"],
  lock: ["scripts/repair-lock.mjs", "--check"],
};

let failed = 0;
for (const [name, args] of Object.entries(CHECKS)) {
  const { status } = spawnSync(process.execPath, args, { stdio: "inherit" });
  console.log(`${status === 0 ? "ok    " : "FAILED"} ${name}`);
  if (status !== 0) failed++;
}
process.exit(failed === 0 ? 0 : 1);
