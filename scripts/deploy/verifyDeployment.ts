import type { Provider } from "ethers";
import { Contract, keccak256 } from "ethers";

import type { ContractKey } from "../../src/contracts/abis.ts";
import type { Contracts } from "../../src/contracts/connectContracts.ts";
import { connectContracts } from "../../src/contracts/connectContracts.ts";
import type { DeploymentRecord } from "../../src/contracts/deploymentRecord.ts";
import { RESERVED_KEYS, contractAddresses } from "./contractAddresses.ts";
import { readArtifact } from "./readArtifact.ts";
import { rolesFound } from "./verifyRoles.ts";

/** What a deployment was made with that no link says. */
export interface Expected {
  /** Whose the guardian's powers are. */
  keyholder: string;
  timelockDelaySeconds: number;
}

/**
 * Checks that every contract has the recorded code, every link points where it should, governance holds every role and
 * nobody else any, and nothing is yet where a later part has its address reserved. Throws one Error that lists everything
 * wrong.
 *
 * @param expected Checked too when given.
 */
export async function verifyDeployment(
  record: DeploymentRecord,
  provider: Provider,
  expected?: Expected,
): Promise<void> {
  const problems = await codeProblems(record, provider);
  // A link of a contract that is not there cannot be read.
  if (problems.length === 0) {
    const deployer = new Contract(
      record.deployer,
      readArtifact("contracts/deployment/Create3Deployer.sol").abi,
      provider,
    );
    const { epochReports } = await contractAddresses(deployer, RESERVED_KEYS);
    const handles = connectContracts(record, provider);
    problems.push(...(await linkProblems(record, handles, epochReports)));
    problems.push(...(await governanceProblems(record, handles, epochReports)));
    const owner = (await deployer.getFunction("owner")()) as string;
    problems.push(...differences([["deployer.owner", owner, record.contracts.timelock.address]]));
    problems.push(...differences(await rolesFound(record, handles, provider)));
    if (expected) problems.push(...(await expectedProblems(handles, expected)));
    if ((await provider.getCode(epochReports)) !== "0x")
      problems.push(`${epochReports}, reserved for reports, has code`);
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

async function expectedProblems({ guardian, timelock }: Contracts, expected: Expected): Promise<string[]> {
  return differences([
    ["guardian.keyholder", await guardian.keyholder(), expected.keyholder],
    ["timelock.getMinDelay", await timelock.getMinDelay(), BigInt(expected.timelockDelaySeconds)],
  ]);
}

async function governanceProblems(
  { contracts }: DeploymentRecord,
  handles: Contracts,
  epochReports: string,
): Promise<string[]> {
  const { postageToken, feeDistributor, nodeStaking, rateRegistry, faultProofs } = handles;
  const { votingPower, postageGovernor, guardian } = handles;
  const at = (key: ContractKey) => contracts[key].address;
  return differences([
    ["feeDistributor.treasury", await feeDistributor.treasury(), at("timelock")],
    ["nodeStaking.treasury", await nodeStaking.treasury(), at("timelock")],
    ["rateRegistry.governor", await rateRegistry.governor(), at("timelock")],
    ["faultProofs.governor", await faultProofs.governor(), at("timelock")],
    ["faultProofs.guardian", await faultProofs.guardian(), at("guardian")],
    ["votingPower.token", await votingPower.token(), at("postageToken")],
    ["votingPower.staking", await votingPower.staking(), at("nodeStaking")],
    ["postageGovernor.token", await postageGovernor.token(), at("votingPower")],
    ["postageGovernor.timelock", await postageGovernor.timelock(), at("timelock")],
    ["postageGovernor.guardian", await postageGovernor.guardian(), at("guardian")],
    ["postageGovernor.supply", await postageGovernor.supply(), await postageToken.totalSupply()],
    ["guardian.timelock", await guardian.timelock(), at("timelock")],
    ["guardian.governor", await guardian.governor(), at("postageGovernor")],
    ["guardian.faultProofs", await guardian.faultProofs(), at("faultProofs")],
    ["guardian.reports", await guardian.reports(), epochReports],
    // Votes are looked up by time everywhere.
    ["postageToken.CLOCK_MODE", await postageToken.CLOCK_MODE(), "mode=timestamp"],
    ["votingPower.CLOCK_MODE", await votingPower.CLOCK_MODE(), "mode=timestamp"],
    ["postageGovernor.CLOCK_MODE", await postageGovernor.CLOCK_MODE(), "mode=timestamp"],
  ]);
}

async function linkProblems(
  { token, contracts }: DeploymentRecord,
  handles: Contracts,
  epochReports: string,
): Promise<string[]> {
  const { postageChannels, feeDistributor, nodeRegistry, nodeSeats, nodeStaking, faultProofs } = handles;
  const { identityVerifier, identityRegistry, commitBroadcaster } = handles;
  const at = (key: ContractKey) => contracts[key].address;
  const links: [string, string | bigint, string | bigint][] = [
    ["postageChannels.token", await postageChannels.token(), token],
    ["postageChannels.distributor", await postageChannels.distributor(), at("feeDistributor")],
    ["feeDistributor.channels", await feeDistributor.channels(), at("postageChannels")],
    ["feeDistributor.seats", await feeDistributor.seats(), at("nodeSeats")],
    ["feeDistributor.token", await feeDistributor.token(), token],
    ["feeDistributor.epochSeconds", await feeDistributor.epochSeconds(), await nodeSeats.epochSeconds()],
    ["feeDistributor.reports", await feeDistributor.reports(), epochReports],
    ["nodeRegistry.seats", await nodeRegistry.seats(), at("nodeSeats")],
    ["nodeRegistry.staking", await nodeRegistry.staking(), at("nodeStaking")],
    ["nodeRegistry.blsVerifier", await nodeRegistry.blsVerifier(), at("blsVerifier")],
    ["nodeRegistry.epochSeconds", await nodeRegistry.epochSeconds(), await nodeSeats.epochSeconds()],
    ["nodeSeats.registry", await nodeSeats.registry(), at("nodeRegistry")],
    ["nodeSeats.staking", await nodeSeats.staking(), at("nodeStaking")],
    ["nodeSeats.blsVerifier", await nodeSeats.blsVerifier(), at("blsVerifier")],
    ["nodeSeats.distributor", await nodeSeats.distributor(), at("feeDistributor")],
    ["nodeSeats.reports", await nodeSeats.reports(), epochReports],
    ["nodeStaking.token", await nodeStaking.token(), at("postageToken")],
    ["nodeStaking.registry", await nodeStaking.registry(), at("nodeRegistry")],
    ["nodeStaking.seats", await nodeStaking.seats(), at("nodeSeats")],
    ["nodeStaking.faultProofs", await nodeStaking.faultProofs(), at("faultProofs")],
    ["faultProofs.staking", await faultProofs.staking(), at("nodeStaking")],
    ["faultProofs.keys", await faultProofs.keys(), at("nodeRegistry")],
    ["faultProofs.logs", await faultProofs.logs(), epochReports],
    ["identityVerifier.ed25519Verifier", await identityVerifier.ed25519Verifier(), at("ed25519Verifier")],
    ["identityRegistry.verifier", await identityRegistry.verifier(), at("identityVerifier")],
  ];
  for (const [name, managed] of Object.entries({
    postageChannels,
    feeDistributor,
    nodeRegistry,
    nodeSeats,
    nodeStaking,
    faultProofs,
    identityRegistry,
    commitBroadcaster,
  })) {
    links.push([`${name}.authority`, await managed.authority(), at("accessManager")]);
  }
  return differences(links);
}

/** Of what is there and what is expected, by name. */
function differences(found: [name: string, actual: string | bigint, expected: string | bigint][]): string[] {
  return found
    .filter(([, actual, expected]) => actual !== expected)
    .map(([name, actual, expected]) => `${name} is ${actual}, expected ${expected}`);
}
