/** All tests: Solidity first, then mocha (behaviour and end to end). Arguments are test files or Hardhat's own flags. */
import { spawnSync } from "node:child_process";

const { status } = spawnSync(
  process.execPath,
  ["node_modules/hardhat/dist/src/cli.js", "test", ...process.argv.slice(2)],
  {
    stdio: "inherit",
  },
);
process.exit(status ?? 1);
