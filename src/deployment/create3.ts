import { readFileSync } from "node:fs";

import { AbiCoder, Transaction, concat, getCreate2Address, getCreateAddress, id, keccak256 } from "ethers";
import { z } from "zod";

/**
 * Arachnid's deterministic deployment proxy: takes `salt 32 | creation code`, and is at one address on every chain,
 * because its only transaction was signed without a chain id by an account whose key nobody has.
 */
export const PROXY = {
  address: "0x4e59b44847b379578588920cA78FbF26c0B4956C",
  code: "0x7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe03601600081602082378035828234f58015156039578182fd5b8082525050506014600cf3",
  transaction: Transaction.from(
    "0xf8a58085174876e800830186a08080b853604580600e600039806000f350fe7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe03601600081602082378035828234f58015156039578182fd5b8082525050506014600cf31ba02222222222222222222222222222222222222222222222222222222222222222a02222222222222222222222222222222222222222222222222222222222222222",
  ),
} as const;

/** What the proxy's own deployment costs at its fixed price: 0.01 of the chain's money. */
export const PROXY_COST = PROXY.transaction.gasLimit * PROXY.transaction.gasPrice!;

const hex = z.string().regex(/^0x([0-9a-f]{2})+$/);
const pinnedSchema = z.strictObject({ creationCode: hex, runtimeCodeHash: hex });

/**
 * The Create3Deployer's code, fixed in `deployments/create3Deployer.json`: all addresses derive from these bytes, so they
 * do not follow the compiler or a comment. A test holds that the production build makes them from the source.
 */
export const CREATE3_DEPLOYER = pinnedSchema.parse(
  JSON.parse(readFileSync(new URL("../../deployments/create3Deployer.json", import.meta.url), "utf8")),
);

/** What is sent to the proxy, and the address that it gives. */
export interface DeterministicCall {
  address: string;
  data: string;
  creationCode: string;
}

/** The same Create3Deployer on every chain, for one owner and suite: nobody else can put another one there. */
export function create3DeployerCall(owner: string, suite: number): DeterministicCall {
  const creationCode = concat([CREATE3_DEPLOYER.creationCode, AbiCoder.defaultAbiCoder().encode(["address"], [owner])]);
  return deterministicCall(`pennyblack.suite.${suite}`, creationCode);
}

export function deterministicCall(name: string, creationCode: string): DeterministicCall {
  const salt = id(name);
  const address = getCreate2Address(PROXY.address, salt, keccak256(creationCode));
  return { address, data: concat([salt, creationCode]), creationCode };
}

/** Of solady's CREATE3 proxy. */
const CREATE3_PROXY_HASH = keccak256("0x67363d3d37363d34f03d5260086018f3");

/** The address that a Create3Deployer gives a salt, deployed or not; what its `addressOf` answers. */
export function create3Address(deployer: string, salt: string): string {
  return getCreateAddress({ from: getCreate2Address(deployer, salt, CREATE3_PROXY_HASH), nonce: 1 });
}
