import type { JsonRpcProvider, Wallet } from "ethers";
import { FetchRequest, HDNodeWallet, JsonRpcProvider as RpcProvider, Wallet as KeyWallet } from "ethers";
import type { HardhatRuntimeEnvironment } from "hardhat/types/hre";

import { connectRpc } from "../../src/contracts/connectRpc.ts";
import { asking } from "./plan.ts";
import { DeploymentError } from "./errors.ts";

const POLLING_MS = 2_000;
/** Of the accounts that every Hardhat chain funds; everybody has their keys. */
const LOCAL_PHRASE = "test test test test test test test test test test test junk";

/**
 * A provider for a network of Hardhat's config. Not Hardhat's own connection: that asks for the key before it answers
 * anything, and only a deployment needs one. The chain id is the endpoint's, for others to compare.
 */
export async function connectNetwork(hre: HardhatRuntimeEnvironment, network: string): Promise<JsonRpcProvider> {
  const config = configOf(hre, network);
  const url = await config.url.getUrl();
  const request = new FetchRequest(url);
  request.timeout = 10_000;
  const probe = new RpcProvider(request);
  try {
    const chainId = Number(await asking(() => probe.send("eth_chainId", []) as Promise<string>));
    return connectRpc({ url, chainId, pollingMs: POLLING_MS });
  } finally {
    probe.destroy();
  }
}

/** The deploying account's key: the network's one key in Hardhat's config, or the local chains' first account. */
export async function deployingAccount(
  hre: HardhatRuntimeEnvironment,
  network: string,
): Promise<Wallet | HDNodeWallet> {
  const { accounts } = configOf(hre, network);
  if (accounts === "remote") return HDNodeWallet.fromPhrase(LOCAL_PHRASE);
  if (!Array.isArray(accounts) || !accounts[0]) throw notConfigured(network);
  return new KeyWallet(await accounts[0].getHexString());
}

function configOf(hre: HardhatRuntimeEnvironment, network: string) {
  const config = hre.config.networks[network];
  if (config?.type === "http") return config;
  throw notConfigured(network);
}

function notConfigured(network: string): DeploymentError {
  return new DeploymentError("bad_parameters", `network ${network} has no URL or no account in hardhat.config.ts`);
}
