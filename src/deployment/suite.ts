import { Interface, concat } from "ethers";

import type { ContractKey } from "../contracts/abis.ts";
import { abis } from "../contracts/abis.ts";
import { constructorArguments } from "./constructorArguments.ts";
import { contractAddresses, contractName, contractSalt, contractSource } from "./contractAddresses.ts";
import { DeploymentError } from "./errors.ts";
import type { DeploymentParameters } from "./parameters.ts";
import type { Artifact, ReadArtifact } from "./readArtifact.ts";

export const CONTRACT_KEYS = Object.keys(abis) as ContractKey[];

export const CREATE3_DEPLOYER_INTERFACE = new Interface([
  "function owner() view returns (address)",
  "function deploy(bytes32 salt, bytes creationCode) returns (address)",
  "function handOver(address to)",
  "event ContractDeployed(bytes32 indexed salt, address indexed deployed)",
]);

export interface SuiteContract {
  address: string;
  source: string;
  /** With the constructor's arguments. */
  creationCode: string;
  arguments: unknown[];
  /** What the Create3Deployer is called with. */
  data: string;
}

/** Everything that is deployed through one Create3Deployer, in the order of deployment. Nothing is read or sent. */
export interface Suite {
  deployer: string;
  addresses: Record<ContractKey, string>;
  contracts: Record<ContractKey, SuiteContract>;
}

export interface SuiteOptions {
  /** The Create3Deployer's address. */
  deployer: string;
  token: string;
  /** The deploying account, AccessManager's admin until the hand-over. */
  signer: string;
  parameters: DeploymentParameters;
  artifacts: ReadArtifact;
}

export function suiteOf({ deployer, token, signer, parameters, artifacts }: SuiteOptions): Suite {
  const addresses = contractAddresses(deployer, CONTRACT_KEYS);
  const args = constructorArguments({ contracts: addresses, token, signer }, parameters);
  const entries = CONTRACT_KEYS.map((key): [ContractKey, SuiteContract] => {
    const source = contractSource(key);
    const { abi, bytecode } = artifacts(source);
    const encoded = encodeArguments(key, abi, args[key]);
    const creationCode = concat([bytecode, encoded]);
    const data = CREATE3_DEPLOYER_INTERFACE.encodeFunctionData("deploy", [contractSalt(key), creationCode]);
    return [key, { address: addresses[key], source, creationCode, arguments: args[key], data }];
  });
  return { deployer, addresses, contracts: Object.fromEntries(entries) as Record<ContractKey, SuiteContract> };
}

/** Throws DeploymentError `bad_parameters` for what no type of the constructor holds; its own bounds are the contract's. */
function encodeArguments(key: ContractKey, abi: Artifact["abi"], args: unknown[]): string {
  try {
    return new Interface(abi).encodeDeploy(args);
  } catch (cause) {
    const problem = `${contractName(key)} cannot be constructed with the network's parameters (${(cause as Error).message})`;
    throw new DeploymentError("bad_parameters", `${problem}: correct them`, { cause });
  }
}
