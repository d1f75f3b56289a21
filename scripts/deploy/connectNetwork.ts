import type { HDNodeWallet, JsonRpcProvider } from "ethers";
import { Wallet } from "ethers";
import type { HardhatRuntimeEnvironment } from "hardhat/types/hre";

import { connectUrl } from "../../src/deployment/connectUrl.ts";
import { DeploymentError } from "../../src/deployment/errors.ts";
import { localAccount } from "../../src/deployment/workbench.ts";

/**
 * A provider for a network of Hardhat's config. Not Hardhat's own connection: that asks for the key before it answers
 * anything, and only a deployment needs one.
 */
export async function connectNetwork(hre: HardhatRuntimeEnvironment, network: string): Promise<JsonRpcProvider> {
  return connectUrl(await configOf(hre, network).url.getUrl());
}

/** The deploying account's key: the network's one key in Hardhat's config, or the local chains' first account. */
export async function deployingAccount(
  hre: HardhatRuntimeEnvironment,
  network: string,
): Promise<Wallet | HDNodeWallet> {
  const { accounts } = configOf(hre, network);
  if (accounts === "remote") return localAccount();
  if (!Array.isArray(accounts) || !accounts[0]) throw notConfigured(network);
  return new Wallet(await accounts[0].getHexString());
}

function configOf(hre: HardhatRuntimeEnvironment, network: string) {
  const config = hre.config.networks[network];
  if (config?.type === "http") return config;
  throw notConfigured(network);
}

function notConfigured(network: string): DeploymentError {
  return new DeploymentError("bad_parameters", `network ${network} has no URL or no account in hardhat.config.ts`);
}
