import type { Contract } from "ethers";
import { ContractFactory } from "ethers";
import type { network } from "hardhat";

import { readArtifact } from "../../../src/deployment/readArtifact.ts";

/** EnvelopeReaderHarness on a local chain. */
export async function deployHarness(net: Awaited<ReturnType<typeof network.create<"l1">>>): Promise<Contract> {
  const [signer] = await net.ethers.getSigners();
  const { abi, bytecode } = readArtifact("test/support/EnvelopeReaderHarness.sol");
  return (await new ContractFactory(abi, bytecode, signer).deploy()) as Contract;
}
