import { Contract } from "ethers";
import { network } from "hardhat";

import { connectContracts } from "../../src/contracts/connectContracts.ts";
import type { Network, World } from "../../test/contracts/fixtures.ts";
import { TOKEN as PENNY, USD, impersonated } from "../../test/contracts/fixtures.ts";
import { deployNetwork } from "../deploy/deployNetwork.ts";
import { TEST_TOKEN_SOURCE } from "../../src/deployment/deployTestToken.ts";
import { readParameters } from "../../src/deployment/parameters.ts";
import { productionArtifacts } from "../../src/deployment/readArtifact.ts";
import { DATA_FEE, writeDataFeeParameters } from "./baseDataFee.ts";

/**
 * The production build on a simulated Base whose blocks charge a data fee. Everything that gas depends on is fixed
 * (accounts, order, time, signatures), so that two runs on one build give the same figures to the unit.
 */
export async function productionWorld(): Promise<World> {
  const override = { initialDate: DATA_FEE.startsAt };
  const net = (await network.create({ network: "simulatedBase", chainType: "op", override })) as unknown as Network;
  await writeDataFeeParameters(net.provider);
  const { ethers } = net;
  const [deployer, funder, settler, operator, stranger] = await ethers.getSigners();

  const parameters = readParameters("local");
  const artifacts = productionArtifacts();
  const record = await deployNetwork({ signer: deployer!, parameters, artifacts });
  const usdc = new Contract(record.token, artifacts(TEST_TOKEN_SOURCE).abi, deployer);
  const contracts = connectContracts(record, deployer!);
  for (const account of [funder!, operator!, stranger!]) {
    await usdc.getFunction("mint")(account, 10_000_000n * USD);
    await (usdc.connect(account) as Contract).getFunction("approve")(contracts.postageChannels, 2n ** 256n - 1n);
    await contracts.postageToken.transfer(account, 100_000_000n * PENNY);
    await contracts.postageToken.connect(account).approve(contracts.nodeStaking, 2n ** 256n - 1n);
  }
  return {
    ...contracts,
    record,
    net,
    ethers,
    usdc,
    deployer: deployer!,
    funder: funder!,
    settler: settler!,
    operator: operator!,
    stranger: stranger!,
    governance: await impersonated({ net, ethers }, record.contracts.timelock.address),
    pauser: await impersonated({ net, ethers }, record.contracts.guardian.address),
    chainId: BigInt(record.chainId),
  };
}
