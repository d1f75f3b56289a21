import type { Provider } from "ethers";
import { Contract, keccak256 } from "ethers";

import type { ContractKey } from "../contracts/abis.ts";
import type { Contracts } from "../contracts/connectContracts.ts";
import { connectContracts } from "../contracts/connectContracts.ts";
import type { DeploymentRecord } from "../contracts/deploymentRecord.ts";
import { CREATE3_DEPLOYER_INTERFACE } from "./suite.ts";
import { rolesFound } from "./verifyRoles.ts";

/** What a deployment was made with that no link says. */
export interface Expected {
  /** Whose the guardian's powers are. */
  keyholder: string;
  timelockDelaySeconds: number;
}

/** Something that was compared: how it is and how it should be. */
export interface Check {
  area: "chain" | "code" | "links" | "roles" | "parameters";
  name: string;
  actual: string;
  expected: string;
  /** In words, where the two values do not say it. */
  problem?: string;
}

type Found = [name: string, actual: string | bigint, expected: string | bigint];

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
  const checks = await deploymentChecks(record, provider);
  if (expected && isReadable(checks))
    checks.push(...inArea("parameters", await expectedFound(connectContracts(record, provider), expected)));
  const problems = checks.filter(isWrong).map(problemOf);
  if (problems.length > 0) throw new Error(`the deployment is not complete:\n- ${problems.join("\n- ")}`);
}

/** Everything that holds for every deployment. Links and roles are compared only when all the code is there. */
export async function deploymentChecks(record: DeploymentRecord, provider: Provider): Promise<Check[]> {
  const checks = await codeChecks(record, provider);
  // A link of a contract that is not there cannot be read.
  if (checks.some(isWrong)) return checks;
  const handles = connectContracts(record, provider);
  const owner = (await new Contract(record.deployer, CREATE3_DEPLOYER_INTERFACE, provider).getFunction(
    "owner",
  )()) as string;
  return [
    ...checks,
    ...inArea("links", await linksFound(record, handles)),
    ...inArea("links", await governanceFound(record, handles)),
    ...inArea("roles", [["deployer.owner", owner, record.contracts.timelock.address]]),
    ...inArea("roles", await rolesFound(record, handles, provider)),
  ];
}

/** Whether the code is there, so that the contracts could be asked. */
export function isReadable(checks: Check[]): boolean {
  return checks.some(({ area }) => area === "links");
}

export function isWrong({ actual, expected }: Check): boolean {
  return actual !== expected;
}

export function problemOf({ name, actual, expected, problem }: Check): string {
  return problem ?? `${name} is ${actual}, expected ${expected}`;
}

export function inArea(area: Check["area"], found: Found[]): Check[] {
  return found.map(([name, actual, expected]) => ({ area, name, actual: String(actual), expected: String(expected) }));
}

const NO_CODE = "no code";

function codeOrNone(code: string): string {
  return code === "0x" ? NO_CODE : keccak256(code);
}

async function codeChecks(record: DeploymentRecord, provider: Provider): Promise<Check[]> {
  const { chainId } = await provider.getNetwork();
  const problem = `chain ${chainId}, expected ${record.chainId}`;
  const checks: Check[] = [
    { area: "chain", name: "chain id", actual: String(chainId), expected: String(record.chainId), problem },
  ];
  for (const [name, address] of [
    ["token", record.token],
    ["deployer", record.deployer],
  ] as const) {
    const actual = (await provider.getCode(address)) === "0x" ? NO_CODE : "code";
    checks.push({ area: "code", name, actual, expected: "code", problem: `${name} ${address} has no code` });
  }
  for (const [key, { address, codeHash }] of Object.entries(record.contracts)) {
    const actual = codeOrNone(await provider.getCode(address));
    const problem = `${key} ${address} has ${actual === NO_CODE ? NO_CODE : "other code than recorded"}`;
    checks.push({ area: "code", name: key, actual, expected: codeHash, problem });
  }
  return checks;
}

async function expectedFound({ guardian, timelock }: Contracts, expected: Expected): Promise<Found[]> {
  return [
    ["guardian.keyholder", await guardian.keyholder(), expected.keyholder],
    ["timelock.getMinDelay", await timelock.getMinDelay(), BigInt(expected.timelockDelaySeconds)],
  ];
}

async function governanceFound({ contracts }: DeploymentRecord, handles: Contracts): Promise<Found[]> {
  const { postageToken, feeDistributor, nodeStaking, rateRegistry, faultProofs } = handles;
  const { stamps, votingPower, postageGovernor, guardian } = handles;
  const at = (key: ContractKey) => contracts[key].address;
  return [
    ["feeDistributor.treasury", await feeDistributor.treasury(), at("timelock")],
    ["stamps.treasury", await stamps.treasury(), at("timelock")],
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
    ["guardian.reports", await guardian.reports(), at("epochReports")],
    // Votes are looked up by time everywhere.
    ["postageToken.CLOCK_MODE", await postageToken.CLOCK_MODE(), "mode=timestamp"],
    ["votingPower.CLOCK_MODE", await votingPower.CLOCK_MODE(), "mode=timestamp"],
    ["postageGovernor.CLOCK_MODE", await postageGovernor.CLOCK_MODE(), "mode=timestamp"],
  ];
}

async function linksFound({ token, contracts }: DeploymentRecord, handles: Contracts): Promise<Found[]> {
  const { postageChannels, feeDistributor, nodeRegistry, nodeSeats, nodeStaking, faultProofs, epochReports } = handles;
  const { stamps, identityVerifier, identityRegistry, commitBroadcaster } = handles;
  const at = (key: ContractKey) => contracts[key].address;
  const links: Found[] = [
    ["postageChannels.token", await postageChannels.token(), token],
    ["postageChannels.distributor", await postageChannels.distributor(), at("feeDistributor")],
    ["postageChannels.stamps", await postageChannels.stamps(), at("stamps")],
    ["feeDistributor.channels", await feeDistributor.channels(), at("postageChannels")],
    ["feeDistributor.seats", await feeDistributor.seats(), at("nodeSeats")],
    ["feeDistributor.token", await feeDistributor.token(), token],
    ["feeDistributor.epochSeconds", await feeDistributor.epochSeconds(), await nodeSeats.epochSeconds()],
    ["feeDistributor.reports", await feeDistributor.reports(), at("epochReports")],
    ["nodeRegistry.seats", await nodeRegistry.seats(), at("nodeSeats")],
    ["nodeRegistry.staking", await nodeRegistry.staking(), at("nodeStaking")],
    ["nodeRegistry.blsVerifier", await nodeRegistry.blsVerifier(), at("blsVerifier")],
    ["nodeRegistry.epochSeconds", await nodeRegistry.epochSeconds(), await nodeSeats.epochSeconds()],
    ["nodeSeats.registry", await nodeSeats.registry(), at("nodeRegistry")],
    ["nodeSeats.staking", await nodeSeats.staking(), at("nodeStaking")],
    ["nodeSeats.blsVerifier", await nodeSeats.blsVerifier(), at("blsVerifier")],
    ["nodeSeats.distributor", await nodeSeats.distributor(), at("feeDistributor")],
    ["nodeSeats.reports", await nodeSeats.reports(), at("epochReports")],
    ["nodeStaking.token", await nodeStaking.token(), at("postageToken")],
    ["nodeStaking.registry", await nodeStaking.registry(), at("nodeRegistry")],
    ["nodeStaking.seats", await nodeStaking.seats(), at("nodeSeats")],
    ["nodeStaking.faultProofs", await nodeStaking.faultProofs(), at("faultProofs")],
    ["faultProofs.staking", await faultProofs.staking(), at("nodeStaking")],
    ["faultProofs.keys", await faultProofs.keys(), at("nodeRegistry")],
    ["epochReports.seats", await epochReports.seats(), at("nodeSeats")],
    ["epochReports.keys", await epochReports.keys(), at("nodeRegistry")],
    ["epochReports.blsVerifier", await epochReports.blsVerifier(), at("blsVerifier")],
    ["epochReports.distributor", await epochReports.distributor(), at("feeDistributor")],
    ["epochReports.guardian", await epochReports.guardian(), at("guardian")],
    ["epochReports.epochSeconds", await epochReports.epochSeconds(), await nodeSeats.epochSeconds()],
    ["stamps.channels", await stamps.channels(), at("postageChannels")],
    ["stamps.reports", await stamps.reports(), at("epochReports")],
    ["stamps.token", await stamps.token(), token],
    ["faultProofs.logs", await faultProofs.logs(), at("epochReports")],
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
    epochReports,
    stamps,
    identityRegistry,
    commitBroadcaster,
  })) {
    links.push([`${name}.authority`, await managed.authority(), at("accessManager")]);
  }
  return links;
}
