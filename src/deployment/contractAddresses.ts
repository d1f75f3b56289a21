import { id } from "ethers";

import type { ContractKey } from "../contracts/abis.ts";
import { create3Address } from "./create3.ts";

/** `PostageChannels` for `postageChannels`. */
export function contractName(key: ContractKey): string {
  return key[0]!.toUpperCase() + key.slice(1);
}

/** Where a contract's source is. */
export function contractSource(key: ContractKey): string {
  const folders: Partial<Record<ContractKey, string>> = {
    postageToken: "contracts/governance",
    timelock: "contracts/governance",
    votingPower: "contracts/governance",
    postageGovernor: "contracts/governance",
    guardian: "contracts/governance",
    ed25519Verifier: "generated/contracts",
  };
  return `${folders[key] ?? "contracts"}/${contractName(key)}.sol`;
}

/** The CREATE3 salt of a contract, the same on every chain. */
export function contractSalt(key: ContractKey): string {
  return id(`pennyblack.${contractName(key)}`);
}

/** The addresses that the Create3Deployer at an address gives, deployed or not. */
export function contractAddresses<K extends ContractKey>(deployer: string, keys: readonly K[]): Record<K, string> {
  const entries = keys.map((key) => [key, create3Address(deployer, contractSalt(key))] as const);
  return Object.fromEntries(entries) as Record<K, string>;
}
