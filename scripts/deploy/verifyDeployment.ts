import type { Provider } from "ethers";
import { Contract, keccak256 } from "ethers";

import type { ContractKey } from "../../src/contracts/abis.ts";
import type { Contracts } from "../../src/contracts/connectContracts.ts";
import { connectContracts } from "../../src/contracts/connectContracts.ts";
import type { DeploymentRecord } from "../../src/contracts/deploymentRecord.ts";
import { RESERVED_KEYS, contractAddresses } from "./contractAddresses.ts";
import { readArtifact } from "./readArtifact.ts";

/** Checks that every contract has the recorded code and every link points where it should. Throws one Error that
 * lists everything wrong. */
export async function verifyDeployment(record: DeploymentRecord, provider: Provider): Promise<void> {
  const problems = await codeProblems(record, provider);
  // A link of a contract that is not there cannot be read.
  if (problems.length === 0) {
    const deployer = new Contract(
      record.deployer,
      readArtifact("contracts/deployment/Create3Deployer.sol").abi,
      provider,
    );
    const { epochReports } = await contractAddresses(deployer, RESERVED_KEYS);
    problems.push(...(await linkProblems(record, connectContracts(record, provider), epochReports)));
  }
  if (problems.length > 0) throw new Error(`the deployment is not complete:\n- ${problems.join("\n- ")}`);
}

async function codeProblems(record: DeploymentRecord, provider: Provider): Promise<string[]> {
  const problems: string[] = [];
  const { chainId } = await provider.getNetwork();
  if (chainId !== BigInt(record.chainId)) problems.push(`chain ${chainId}, expected ${record.chainId}`);
  if ((await provider.getCode(record.token)) === "0x") problems.push(`token ${record.token} has no code`);
  for (const [key, { address, codeHash }] of Object.entries(record.contracts)) {
    const code = await provider.getCode(address);
    if (code === "0x") problems.push(`${key} ${address} has no code`);
    else if (keccak256(code) !== codeHash) problems.push(`${key} ${address} has other code than recorded`);
  }
  return problems;
}

async function linkProblems(
  { token, contracts }: DeploymentRecord,
  handles: Contracts,
  epochReports: string,
): Promise<string[]> {
  const { postageChannels, feeDistributor, nodeRegistry, nodeBond, identityRegistry, commitBroadcaster } = handles;
  const at = (key: ContractKey) => contracts[key].address;
  const links: [string, string | bigint, string | bigint][] = [
    ["postageChannels.token", await postageChannels.token(), token],
    ["postageChannels.distributor", await postageChannels.distributor(), at("feeDistributor")],
    ["feeDistributor.channels", await feeDistributor.channels(), at("postageChannels")],
    ["feeDistributor.seats", await feeDistributor.seats(), at("nodeRegistry")],
    ["feeDistributor.token", await feeDistributor.token(), token],
    ["feeDistributor.epochSeconds", await feeDistributor.epochSeconds(), await nodeRegistry.epochSeconds()],
    ["feeDistributor.reports", await feeDistributor.reports(), epochReports],
    ["nodeRegistry.distributor", await nodeRegistry.distributor(), at("feeDistributor")],
    ["nodeRegistry.stake", await nodeRegistry.stake(), at("nodeBond")],
    ["nodeBond.registry", await nodeBond.registry(), at("nodeRegistry")],
  ];
  for (const [name, managed] of Object.entries({
    postageChannels,
    feeDistributor,
    nodeRegistry,
    identityRegistry,
    commitBroadcaster,
  })) {
    links.push([`${name}.authority`, await managed.authority(), at("accessManager")]);
  }
  return links
    .filter(([, actual, expected]) => actual !== expected)
    .map(([name, actual, expected]) => `${name} is ${actual}, expected ${expected}`);
}
