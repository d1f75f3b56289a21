import { readFileSync } from "node:fs";

import type { InterfaceAbi } from "ethers";

/** What the compiler made of a contract. */
export interface Artifact {
  contractName: string;
  abi: InterfaceAbi;
  bytecode: string;
}

/** Reads `artifacts/<source>/<name>.json`, as `readArtifact("contracts/PostageChannels.sol")`. Build first. */
export function readArtifact(source: string): Artifact {
  const name = source.slice(source.lastIndexOf("/") + 1, -".sol".length);
  const file = new URL(`../../artifacts/${source}/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(file, "utf8")) as Artifact;
}
