import type { Provider, Signer } from "ethers";
import { Contract, ContractFactory, concat, keccak256 } from "ethers";

import type { ContractKey } from "../../src/contracts/abis.ts";
import { abis } from "../../src/contracts/abis.ts";
import type { DeploymentRecord } from "../../src/contracts/deploymentRecord.ts";
import { deploymentRecordSchema } from "../../src/contracts/deploymentRecord.ts";
import { constructorArguments } from "./constructorArguments.ts";
import { RESERVED_KEYS, contractAddresses, contractSalt, contractSource } from "./contractAddresses.ts";
import { deployTestToken } from "./deployTestToken.ts";
import { handOver } from "./handOver.ts";
import type { DeploymentParameters } from "./parameters.ts";
import { readArtifact } from "./readArtifact.ts";
import { verifyDeployment } from "./verifyDeployment.ts";

const KEYS = Object.keys(abis) as ContractKey[];

export interface DeployNetworkOptions {
  /** Pays for the deployment and must have a provider. */
  signer: Signer;
  parameters: DeploymentParameters;
  /** The fee token; a TestUSDC of its own is deployed when absent. */
  token?: string;
  /** The order to deploy in. Any works; a test shows it. */
  order?: readonly ContractKey[];
}

/**
 * Deploys one complete network, hands it over to its governance, and checks every link and role. The artifacts have to
 * be built.
 *
 * @example
 * const record = await deployNetwork({ signer, parameters: readParameters("local") });
 * const { postageChannels } = connectContracts(record, signer);
 */
export async function deployNetwork(options: DeployNetworkOptions): Promise<DeploymentRecord> {
  const { signer, parameters, order = KEYS } = options;
  const provider = signer.provider;
  if (!provider) throw new Error("the signer has no provider");
  const signerAddress = await signer.getAddress();

  // Counted here: providers remember the last answer for a moment, too long for transactions sent at once.
  let nonce = await signer.getNonce("pending");
  const token = options.token ?? (await (await deployTestToken(signer, { nonce: nonce++ })).getAddress());
  const { deployer, block } = await deployDeployer(signer, signerAddress, nonce++);

  const contracts = await contractAddresses(deployer, KEYS);
  const reserved = await contractAddresses(deployer, RESERVED_KEYS);
  const args = constructorArguments({ contracts, reserved, token, signer: signerAddress }, parameters);
  const sent = [];
  for (const key of order) {
    const { abi, bytecode } = readArtifact(contractSource(key));
    const encoded = new ContractFactory(abi, bytecode).interface.encodeDeploy(args[key]);
    const creation = concat([bytecode, encoded]);
    sent.push(await deployer.getFunction("deploy").send(contractSalt(key), creation, { nonce: nonce++ }));
  }
  sent.push(...(await handOver(contracts, deployer, signer, () => nonce++)));
  // Waited for together: over HTTP each wait takes a polling interval.
  await Promise.all(sent.map((transaction) => transaction.wait()));

  const record = await recordOf(provider, contracts, token, await deployer.getAddress(), block);
  await verifyDeployment(record, provider, {
    keyholder: parameters.guardianKeyholder ?? signerAddress,
    timelockDelaySeconds: parameters.timelockDelaySeconds,
  });
  return record;
}

async function deployDeployer(
  signer: Signer,
  owner: string,
  nonce: number,
): Promise<{ deployer: Contract; block: number }> {
  const { abi, bytecode } = readArtifact("contracts/deployment/Create3Deployer.sol");
  const deployed = await new ContractFactory(abi, bytecode, signer).deploy(owner, { nonce });
  const receipt = await deployed.deploymentTransaction()!.wait();
  return { deployer: new Contract(await deployed.getAddress(), abi, signer), block: receipt!.blockNumber };
}

async function recordOf(
  provider: Provider,
  addresses: Record<ContractKey, string>,
  token: string,
  deployer: string,
  deploymentBlock: number,
): Promise<DeploymentRecord> {
  const entries = KEYS.map(async (key) => {
    const codeHash = keccak256(await provider.getCode(addresses[key]));
    return [key, { address: addresses[key], codeHash }] as const;
  });
  return deploymentRecordSchema.parse({
    chainId: Number((await provider.getNetwork()).chainId),
    deploymentBlock,
    token,
    deployer,
    contracts: Object.fromEntries(await Promise.all(entries)),
  });
}
