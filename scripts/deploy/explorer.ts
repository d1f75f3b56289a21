import { join } from "node:path";

import { verifyContract } from "@nomicfoundation/hardhat-verify/verify";
import type { HardhatUserConfig } from "hardhat/config";
import { createHardhatRuntimeEnvironment } from "hardhat/hre";
import type { HardhatRuntimeEnvironment } from "hardhat/types/hre";

import { contractName } from "../../src/deployment/contractAddresses.ts";
import { PRODUCTION_OUTPUT } from "../../src/deployment/readArtifact.ts";
import type { Deployment } from "../../src/deployment/steps.ts";
import { CONTRACT_KEYS } from "../../src/deployment/suite.ts";

/** What an explorer is shown of one contract: where it is, which source it is of, what it was constructed with. */
export interface ExplorerTarget {
  address: string;
  /** Source and name, as `contracts/Guardian.sol:Guardian`. */
  contract: string;
  constructorArgs: unknown[];
}

export function explorerTargets({ network, suite }: Deployment): ExplorerTarget[] {
  const create3Deployer = {
    address: suite.deployer,
    contract: "contracts/deployment/Create3Deployer.sol:Create3Deployer",
    constructorArgs: [network.chain.deployer],
  };
  const contracts = CONTRACT_KEYS.map((key) => {
    const { address, source, arguments: constructorArgs } = suite.contracts[key];
    return { address, contract: `${source}:${contractName(key)}`, constructorArgs };
  });
  return [create3Deployer, ...contracts];
}

/** Hardhat with the production build's artifacts, on a network: what its verification compares and sends. */
export function productionRuntime(
  config: HardhatUserConfig,
  network: string,
  root: string,
  production = PRODUCTION_OUTPUT,
): Promise<HardhatRuntimeEnvironment> {
  const output = join(root, production);
  const paths = { ...config.paths, artifacts: join(output, "artifacts"), cache: join(output, "cache") };
  return createHardhatRuntimeEnvironment({ ...config, paths }, { network, buildProfile: "production" }, root);
}

/**
 * Shows every source to the explorer. What it has already it is not shown again, and one that fails does not keep the
 * others: run it again for those.
 *
 * @returns what failed, by contract
 */
export async function verifyOnExplorer(
  targets: ExplorerTarget[],
  runtime: HardhatRuntimeEnvironment,
  onProgress: (words: string) => void,
): Promise<Map<string, string>> {
  const failed = new Map<string, string>();
  for (const target of targets) {
    try {
      await verifyContract(target, runtime);
      onProgress(`${target.contract} is verified`);
    } catch (error) {
      failed.set(target.contract, (error as Error).message);
      onProgress(`${target.contract} is not verified: ${(error as Error).message}`);
    }
  }
  return failed;
}
