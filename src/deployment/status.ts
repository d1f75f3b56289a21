import type { Provider } from "ethers";

import type { ContractKey } from "../contracts/abis.ts";
import { connectContracts } from "../contracts/connectContracts.ts";
import type { DeploymentRecord } from "../contracts/deploymentRecord.ts";
import { contractAddresses, contractName } from "./contractAddresses.ts";
import { create3DeployerCall } from "./create3.ts";
import { asking } from "./plan.ts";
import type { NetworkParameters } from "./networkParameters.ts";
import { parameterChecks } from "./parameterChecks.ts";
import { CONTRACT_KEYS } from "./suite.ts";
import type { Check } from "./verifyDeployment.ts";
import { deploymentChecks, isReadable, isWrong } from "./verifyDeployment.ts";

export interface DeploymentStatus {
  /** Whose reviewed files it was compared with; without them no parameter was. */
  network?: string;
  checks: Check[];
  /** Whether everything is as it should be. */
  isGood: boolean;
}

/**
 * Compares a record and the reviewed parameters with the chain. After a vote that changed a parameter the reviewed file
 * has to follow: until then its old value counts as a difference.
 *
 * @param network Without it parameters are not compared.
 */
export async function deploymentStatus(
  record: DeploymentRecord,
  provider: Provider,
  network?: NetworkParameters,
): Promise<DeploymentStatus> {
  return asking(async () => {
    const checks = await deploymentChecks(record, provider);
    if (network) {
      checks.unshift(...recordChecks(record, network));
      if (isReadable(checks)) checks.push(...(await parameterChecks(connectContracts(record, provider), network)));
    }
    return { network: network?.network, checks, isGood: !checks.some(isWrong) };
  });
}

function recordChecks(
  { chainId, token, deployer, contracts, provenance }: DeploymentRecord,
  { network, chain }: NetworkParameters,
): Check[] {
  const compared: [name: string, actual: string, expected: string][] = [
    ["chain id of the record", String(chainId), String(chain.chainId)],
  ];
  if (chain.feeToken !== "test") compared.push(["fee token of the record", token, chain.feeToken.address]);
  if (provenance) {
    compared.push(["network of the record", provenance.network, network]);
    compared.push(["suite of the record", String(provenance.suite), String(chain.suite)]);
    compared.push(["deploying account of the record", provenance.deployedBy, chain.deployer]);
    // Every address follows from the reviewed files: a record that names others is not of this deployment.
    compared.push([
      "Create3Deployer of the record",
      deployer,
      create3DeployerCall(chain.deployer, chain.suite).address,
    ]);
    for (const [key, address] of Object.entries(contractAddresses(deployer, CONTRACT_KEYS))) {
      compared.push([`address of ${contractName(key as ContractKey)}`, contracts[key as ContractKey].address, address]);
    }
  }
  return compared.map(([name, actual, expected]) => ({ area: "chain", name, actual, expected }));
}

/** A table for people: what differs first and in full, then how much was compared. */
export function statusLines({ network, checks, isGood }: DeploymentStatus): string[] {
  const areas = [...new Set(checks.map(({ area }) => area))];
  const rows = areas.map((area) => {
    const ofArea = checks.filter((check) => check.area === area);
    const wrong = ofArea.filter(isWrong).length;
    return [area, `${ofArea.length} compared`, wrong === 0 ? "as recorded" : `${wrong} differ`];
  });
  const different = checks.filter(isWrong);
  if (network === undefined) rows.push(["parameters", "not compared", "the record names no network: give --network"]);
  return [
    `${network ?? "The deployment"}: ${isGood ? "everything is as it should be" : "not as it should be"}`,
    "",
    ...aligned(rows),
    ...(different.length === 0 ? [] : ["", ...aligned([["differs", "should be", "is"], ...different.map(rowOf)])]),
  ];
}

function rowOf({ area, name, actual, expected }: Check): string[] {
  return [`${area}: ${name}`, expected, actual];
}

/** Columns of equal width, the last one as it is. */
export function aligned(rows: string[][]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join("  ")
      .trimEnd(),
  );
}
