import { readFileSync } from "node:fs";

import type { InterfaceAbi } from "ethers";

/** What the compiler made of a contract. */
export interface Artifact {
  contractName: string;
  abi: InterfaceAbi;
  bytecode: string;
  deployedBytecode: string;
  /** Where in the deployed code the constructor writes, in bytes. */
  immutableReferences: Record<string, { start: number; length: number }[]>;
}

/** Finds an artifact by its source, such as `contracts/PostageChannels.sol`. */
export type ReadArtifact = (source: string) => Artifact;

/** Reads `artifacts/<source>/<name>.json`, as `readArtifact("contracts/PostageChannels.sol")`. Build first. */
export const readArtifact: ReadArtifact = (source) => {
  const name = source.slice(source.lastIndexOf("/") + 1, -".sol".length);
  const file = new URL(`../../artifacts/${source}/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(file, "utf8")) as Artifact;
};
