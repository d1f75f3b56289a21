import { fileURLToPath } from "node:url";

import toolbox from "@nomicfoundation/hardhat-toolbox-mocha-ethers";
import { configVariable, defineConfig } from "hardhat/config";

import { deployTask } from "./tasks/deploy.ts";
import { networkTasks } from "./tasks/index.ts";
import { statusTask } from "./tasks/status.ts";

// No compiler is downloaded: npm brings solc as JavaScript. The path has to be absolute.
const compiler = { version: "0.8.37", path: fileURLToPath(import.meta.resolve("solc/soljson.js")) };
// Hardhat's default is osaka, which may emit opcodes that Base lacks.
const evmVersion = "prague";
// Generated (scripts/ed25519) for this pipeline: viaIR does not compile it, and fewer runs cost 25,000 gas a call.
// Whoever imports the file would compile it with the profile's settings: import its interface.
const ed25519Verifier = { ...compiler, settings: { evmVersion, optimizer: { enabled: true, runs: 20_000 } } };
const overrides = { "generated/contracts/Ed25519Verifier.sol": ed25519Verifier };
// Where compiled contracts go; what needs another profile (the gas bench) sets a folder of its own.
const output = process.env.PENNYBLACK_OUTPUT ?? ".";

/** A chain that others use too: where it is reached and who signs come from Hardhat's keystore or the environment. */
function real(name: string) {
  return { type: "http" as const, url: configVariable(`${name}_URL`), accounts: [configVariable(`${name}_KEY`)] };
}

export default defineConfig({
  plugins: [toolbox],
  tasks: [deployTask, statusTask, ...networkTasks],
  solidity: {
    profiles: {
      default: {
        compilers: [{ ...compiler, settings: { evmVersion, optimizer: { enabled: true, runs: 200 } } }],
        overrides,
      },
      // What is deployed and what gas is measured on.
      production: {
        isolated: true,
        compilers: [{ ...compiler, settings: { evmVersion, viaIR: true, optimizer: { enabled: true, runs: 20_000 } } }],
        overrides,
      },
    },
  },
  networks: {
    localhost: { type: "http", chainType: "l1", url: "http://127.0.0.1:8545" },
    sepolia: { ...real("SEPOLIA"), chainType: "l1", chainId: 11_155_111 },
    baseSepolia: { ...real("BASE_SEPOLIA"), chainType: "op", chainId: 84_532 },
    base: { ...real("BASE"), chainType: "op", chainId: 8_453 },
    mainnet: { ...real("MAINNET"), chainType: "l1", chainId: 1 },
    // The local chain of tests and demo. Blocks come with transactions.
    local: { type: "edr-simulated", chainType: "l1", chainId: 31337, hardfork: "prague" },
    // Base, for what its data costs.
    simulatedBase: {
      type: "edr-simulated",
      chainType: "op",
      chainId: 8453,
      hardfork: "isthmus",
      loggingEnabled: false,
    },
  },
  verify: { etherscan: { apiKey: configVariable("ETHERSCAN_API_KEY") } },
  paths: {
    sources: ["./contracts", "./generated/contracts"],
    artifacts: `${output}/artifacts`,
    cache: `${output}/cache`,
    tests: { mocha: "./test", solidity: "./test" },
  },
  typechain: { outDir: "./generated/typechain", tsNocheck: false },
  test: {
    mocha: { timeout: 120_000 },
    solidity: { fuzz: { runs: 512 }, invariant: { runs: 64, depth: 50, failOnRevert: false } },
  },
});
