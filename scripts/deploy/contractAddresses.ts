import type { Contract } from "ethers";
import { id } from "ethers";

import type { ContractKey } from "../../src/contracts/abis.ts";

/** Parts that are not built yet, whose addresses others are constructed with. */
export const RESERVED_KEYS = ["epochReports"] as const;
export type ReservedKey = (typeof RESERVED_KEYS)[number];

/** `PostageChannels` for `postageChannels`. */
export function contractName(key: ContractKey | ReservedKey): string {
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
export function contractSalt(key: ContractKey | ReservedKey): string {
  return id(`pennyblack.${contractName(key)}`);
}

/** The addresses that a Create3Deployer gives, deployed or not. */
export async function contractAddresses<K extends ContractKey | ReservedKey>(
  deployer: Contract,
  keys: readonly K[],
): Promise<Record<K, string>> {
  const entries = keys.map(async (key) => {
    return [key, (await deployer.getFunction("addressOf")(contractSalt(key))) as string] as const;
  });
  return Object.fromEntries(await Promise.all(entries)) as Record<K, string>;
}
