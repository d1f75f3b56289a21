#!/usr/bin/env node
// solc as forge expects it, from the JavaScript build that npm brings: no compiler is downloaded.
const solc = require("solc");

if (process.argv.includes("--version")) {
  console.log(`solc, the solidity compiler commandline interface\nVersion: ${solc.version()}`);
} else {
  const input = require("node:fs").readFileSync(0, "utf8");
  // Written whole before the process ends, also into a pipe.
  require("node:fs").writeSync(1, solc.compile(input));
}
