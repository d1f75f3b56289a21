import type { Signer } from "ethers";
import { Contract, ContractFactory } from "ethers";

import { readArtifact } from "./readArtifact.ts";

const SOURCE = "test/support/TestUSDC.sol";

/** Deploys the stand-in for USDC of tests and local chains: anyone may `mint(address,uint256)`. */
export async function deployTestToken(signer: Signer, overrides: { nonce?: number } = {}): Promise<Contract> {
  const { abi, bytecode } = readArtifact(SOURCE);
  const contract = await new ContractFactory(abi, bytecode, signer).deploy(overrides);
  await contract.waitForDeployment();
  return new Contract(await contract.getAddress(), abi, signer);
}
