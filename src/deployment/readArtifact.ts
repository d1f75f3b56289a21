import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import type { InterfaceAbi } from "ethers";

import { DeploymentError } from "./errors.ts";

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

/** Where the production build goes, below the project. */
export const PRODUCTION_OUTPUT = "tmp/production";

const ROOT = new URL("../../", import.meta.url);
/** Generated for a pipeline of its own, in every profile. */
const WITHOUT_IR = "generated/contracts/Ed25519Verifier.sol";
/** How the compiler's input names a file of ours. */
const OURS = "project/";

/**
 * Reads `artifacts/<source>/<name>.json` of the everyday build, as `readArtifact("contracts/PostageChannels.sol")`. Throws
 * DeploymentError `not_built`.
 */
export const readArtifact: ReadArtifact = (source) => {
  return readBuilt(new URL(`artifacts/${fileOf(source)}`, ROOT), "`npm run build` makes it") as Artifact;
};

/**
 * `readArtifact` of a production build. Throws DeploymentError `not_built`, also when the build is not of the sources that
 * are there now, or of another profile: what is deployed has to be what everybody can make again.
 */
export function productionArtifacts(output = PRODUCTION_OUTPUT): ReadArtifact {
  const folder = new URL(`${output}/artifacts/`, ROOT);
  const fix = "`npm run build -- --production` makes it";
  const known = new Map<string, Artifact>();
  return (source) => {
    const before = known.get(source);
    if (before) return before;
    const artifact = readBuilt(new URL(fileOf(source), folder), fix) as Artifact & { buildInfoId: string };
    const info = readBuilt(new URL(`build-info/${artifact.buildInfoId}.json`, folder), fix) as BuildInfo;
    const problem = staleness(source, info);
    if (problem) throw new DeploymentError("not_built", `${source} ${problem}: ${fix} anew`);
    known.set(source, artifact);
    return artifact;
  };
}

interface BuildInfo {
  input: { settings: { viaIR?: boolean }; sources: Record<string, { content: string }> };
}

function staleness(source: string, { input: { settings, sources } }: BuildInfo): string | undefined {
  if (source !== WITHOUT_IR && settings.viaIR !== true) return "was not built with the production profile";
  for (const [name, { content }] of Object.entries(sources)) {
    if (!name.startsWith(OURS)) continue;
    const file = new URL(name.slice(OURS.length), ROOT);
    if (!existsSync(file) || readFileSync(file, "utf8") !== content) return `was built before ${name} was changed`;
  }
  return undefined;
}

function fileOf(source: string): string {
  return `${source}/${source.slice(source.lastIndexOf("/") + 1, -".sol".length)}.json`;
}

function readBuilt(file: URL, fix: string): unknown {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (cause) {
    throw new DeploymentError("not_built", `cannot read ${fileURLToPath(file)}: ${fix}`, { cause });
  }
}
