import type { Signer } from "ethers";
import { Contract, ContractFactory } from "ethers";

import type { ReadArtifact } from "./readArtifact.ts";
import { readArtifact } from "./readArtifact.ts";

export const TEST_TOKEN_SOURCE = "test/support/TestUSDC.sol";

/** Deploys the stand-in for USDC of tests and local chains: anyone may `mint(address,uint256)`. */
export async function deployTestToken(
  signer: Signer,
  options: { nonce?: number; artifacts?: ReadArtifact } = {},
): Promise<Contract> {
  const { artifacts = readArtifact, ...overrides } = options;
  const { abi, bytecode } = artifacts(TEST_TOKEN_SOURCE);
  const contract = await new ContractFactory(abi, bytecode, signer).deploy(overrides);
  await contract.waitForDeployment();
  return new Contract(await contract.getAddress(), abi, signer);
}
