#!/usr/bin/env node
// solc as forge expects it, from the JavaScript build that npm brings: no compiler is downloaded.

/**
 * OpenZeppelin's P256 does not compile without an optimizer (its assembly takes too many stack slots). Where forge asks
 * for none, for coverage and for mutants, assembly alone is optimized; what Solidity compiles to stays as it is.
 */
function compilable(input) {
  const { optimizer, viaIR } = input.settings;
  if (viaIR || !optimizer || optimizer.enabled) return input;
  const off = ["peephole", "inliner", "jumpdestRemover", "orderLiterals", "deduplicate", "cse", "constantOptimizer"];
  const details = { ...Object.fromEntries(off.map((name) => [name, false])), yul: true };
  input.settings.optimizer = { ...optimizer, details };
  return input;
}

exports.compilable = compilable;

if (require.main === module) {
  const solc = require("solc");
  if (process.argv.includes("--version")) {
    console.log(`solc, the solidity compiler commandline interface\nVersion: ${solc.version()}`);
  } else {
    const input = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
    // Written whole before the process ends, also into a pipe.
    require("node:fs").writeSync(1, solc.compile(JSON.stringify(compilable(input))));
  }
}
