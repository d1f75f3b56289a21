import type { Provider, Signer, TransactionResponse } from "ethers";
import { ContractFactory, keccak256 } from "ethers";

import type { ContractKey } from "../../src/contracts/abis.ts";
import type { DeploymentRecord } from "../../src/contracts/deploymentRecord.ts";
import { deploymentRecordSchema } from "../../src/contracts/deploymentRecord.ts";
import { deployTestToken } from "../../src/deployment/deployTestToken.ts";
import { handOverCalls } from "../../src/deployment/handOver.ts";
import type { DeploymentParameters } from "../../src/deployment/parameters.ts";
import type { ReadArtifact } from "../../src/deployment/readArtifact.ts";
import { readArtifact } from "../../src/deployment/readArtifact.ts";
import type { Suite } from "../../src/deployment/suite.ts";
import { CONTRACT_KEYS, suiteOf } from "../../src/deployment/suite.ts";
import { verifyDeployment } from "../../src/deployment/verifyDeployment.ts";

// Nothing is estimated for the hand-over: the contracts may not be there yet, their transactions are on the way.
const HAND_OVER_GAS_LIMIT = 2_000_000n;

export interface DeployNetworkOptions {
  /** Pays for the deployment and must have a provider. */
  signer: Signer;
  parameters: DeploymentParameters;
  /** The fee token; a TestUSDC of its own is deployed when absent. */
  token?: string;
  /** The order to deploy in. Any works; a test shows it. */
  order?: readonly ContractKey[];
  /** Which build; the everyday one when absent. */
  artifacts?: ReadArtifact;
}

/**
 * Deploys one complete network on a chain of one's own, hands it over to its governance, and checks every link and role.
 * Sends everything at once and starts over when it fails: `applyDeployment` is for chains that others use too. The
 * artifacts have to be built.
 *
 * @example
 * const record = await deployNetwork({ signer, parameters: readParameters("local") });
 * const { postageChannels } = connectContracts(record, signer);
 */
export async function deployNetwork(options: DeployNetworkOptions): Promise<DeploymentRecord> {
  const { signer, parameters, order = CONTRACT_KEYS, artifacts = readArtifact } = options;
  const provider = signer.provider;
  if (!provider) throw new Error("the signer has no provider");
  const owner = await signer.getAddress();

  // Counted here: providers remember the last answer for a moment, too long for transactions sent at once.
  let nonce = await signer.getNonce("pending");
  const token = options.token ?? (await (await deployTestToken(signer, { nonce: nonce++, artifacts })).getAddress());
  const { deployer, block } = await deployDeployer(signer, owner, artifacts, nonce++);

  const suite = suiteOf({ deployer, token, signer: owner, parameters, artifacts });
  const sent: TransactionResponse[] = [];
  for (const key of order) {
    sent.push(await signer.sendTransaction({ to: deployer, data: suite.contracts[key].data, nonce: nonce++ }));
  }
  for (const call of Object.values(handOverCalls(suite.addresses, deployer, owner))) {
    sent.push(await signer.sendTransaction({ ...call, nonce: nonce++, gasLimit: HAND_OVER_GAS_LIMIT }));
  }
  // Waited for together: over HTTP each wait takes a polling interval.
  await Promise.all(sent.map((transaction) => transaction.wait()));

  const record = await recordOf(provider, suite, token, block);
  await verifyDeployment(record, provider, {
    keyholder: parameters.guardianKeyholder ?? owner,
    timelockDelaySeconds: parameters.timelockDelaySeconds,
  });
  return record;
}

async function deployDeployer(
  signer: Signer,
  owner: string,
  artifacts: ReadArtifact,
  nonce: number,
): Promise<{ deployer: string; block: number }> {
  const { abi, bytecode } = artifacts("contracts/deployment/Create3Deployer.sol");
  const deployed = await new ContractFactory(abi, bytecode, signer).deploy(owner, { nonce });
  const receipt = await deployed.deploymentTransaction()!.wait();
  return { deployer: await deployed.getAddress(), block: receipt!.blockNumber };
}

async function recordOf(
  provider: Provider,
  { deployer, addresses }: Suite,
  token: string,
  deploymentBlock: number,
): Promise<DeploymentRecord> {
  const entries = CONTRACT_KEYS.map(async (key) => {
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
