import { readFileSync } from "node:fs";

import solc from "solc";

import type { VerifierOptions } from "../../scripts/ed25519/verifier.ts";
import { verifierSource } from "../../scripts/ed25519/verifier.ts";

const INTERFACE = "contracts/interfaces/IEd25519Verifier.sol";

interface Output {
  errors?: { severity: string; formattedMessage: string }[];
  contracts: Record<string, Record<string, { abi: object[]; evm: { bytecode: { object: string } } }>>;
}

/** Generates and compiles a verifier of another context, as hardhat.config.ts says for ours. Takes about a second. */
export function compileEd25519Verifier(options: VerifierOptions): { abi: object[]; bytecode: string } {
  const file = `generated/contracts/${options.name}.sol`;
  const input = {
    language: "Solidity",
    sources: {
      [file]: { content: verifierSource(options) },
      [INTERFACE]: { content: readFileSync(INTERFACE, "utf8") },
    },
    settings: {
      evmVersion: "prague",
      optimizer: { enabled: true, runs: 20_000 },
      outputSelection: { [file]: { [options.name]: ["abi", "evm.bytecode.object"] } },
    },
  };
  const { errors = [], contracts } = JSON.parse(solc.compile(JSON.stringify(input))) as Output;
  const failures = errors.filter(({ severity }) => severity === "error");
  if (failures.length > 0) throw new Error(failures.map(({ formattedMessage }) => formattedMessage).join("\n"));
  const { abi, evm } = contracts[file]![options.name]!;
  return { abi, bytecode: `0x${evm.bytecode.object}` };
}
