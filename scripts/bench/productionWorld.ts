import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

import { Contract, ContractFactory, concat, id, keccak256 } from "ethers";
import { network } from "hardhat";

import type { ContractKey } from "../../src/contracts/abis.ts";
import { abis } from "../../src/contracts/abis.ts";
import { connectContracts } from "../../src/contracts/connectContracts.ts";
import { deploymentRecordSchema } from "../../src/contracts/deploymentRecord.ts";
import type { Network, World } from "../../test/contracts/fixtures.ts";
import { TOKEN as PENNY, USD, impersonated } from "../../test/contracts/fixtures.ts";
import { constructorArguments } from "../deploy/constructorArguments.ts";
import { RESERVED_KEYS, contractAddresses, contractSource } from "../deploy/contractAddresses.ts";
import { handOver } from "../deploy/handOver.ts";
import { readParameters } from "../deploy/parameters.ts";
import type { Artifact } from "../deploy/readArtifact.ts";
import { DATA_FEE, writeDataFeeParameters } from "./baseDataFee.ts";

/** Everyday artifacts stay as they are: the production profile has a folder of its own. */
const OUTPUT = "tmp/production";
const TOKEN = "test/support/TestUSDC.sol";

/** Compiles what is deployed, with the settings it is deployed with. About 50 s cold, 2 s when nothing changed. */
export function buildProduction(): void {
  const sources = ["contracts", "generated/contracts"]
    .flatMap((folder) => readdirSync(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && entry.name.endsWith(".sol"))
    .map((entry) => join(entry.parentPath, entry.name));
  const options = ["build", "--build-profile", "production", "--no-typechain", "--quiet"];
  const args = ["node_modules/hardhat/dist/src/cli.js", ...options, ...sources, TOKEN];
  const env = { ...process.env, PENNYBLACK_OUTPUT: OUTPUT };
  execFileSync(process.execPath, args, { env, stdio: ["ignore", "ignore", "inherit"] });
}

function readProductionArtifact(source: string): Artifact {
  const name = source.slice(source.lastIndexOf("/") + 1, -".sol".length);
  return JSON.parse(readFileSync(join(OUTPUT, "artifacts", source, `${name}.json`), "utf8")) as Artifact;
}

/**
 * The production build on a simulated Base whose blocks charge a data fee. Everything that gas depends on is fixed
 * (accounts, order, time, signatures), so that two runs on one build give the same figures to the unit.
 */
export async function productionWorld(): Promise<World> {
  const override = { initialDate: DATA_FEE.startsAt };
  const net = (await network.create({ network: "base", chainType: "op", override })) as unknown as Network;
  await writeDataFeeParameters(net.provider);
  const { ethers } = net;
  const [deployer, funder, settler, operator, stranger] = await ethers.getSigners();

  const deploy = async (source: string, ...args: unknown[]) => {
    const { abi, bytecode } = readProductionArtifact(source);
    const deployed = await new ContractFactory(abi, bytecode, deployer).deploy(...args);
    await deployed.waitForDeployment();
    return new Contract(await deployed.getAddress(), abi, deployer);
  };
  const usdc = await deploy(TOKEN);
  const token = await usdc.getAddress();
  const create3 = await deploy("contracts/deployment/Create3Deployer.sol", deployer!.address);

  const keys = Object.keys(abis) as ContractKey[];
  const nameOf = (key: ContractKey) => key[0]!.toUpperCase() + key.slice(1);
  const saltOf = (key: ContractKey) => id(`pennyblack.${nameOf(key)}`);
  const addresses = {} as Record<ContractKey, string>;
  for (const key of keys) addresses[key] = (await create3.getFunction("addressOf")(saltOf(key))) as string;
  const constructed = constructorArguments(
    {
      contracts: addresses,
      reserved: await contractAddresses(create3, RESERVED_KEYS),
      token,
      signer: deployer!.address,
    },
    readParameters("local"),
  );
  for (const key of keys) {
    const { abi, bytecode } = readProductionArtifact(contractSource(key));
    const encoded = new ContractFactory(abi, bytecode).interface.encodeDeploy(constructed[key]);
    await create3.getFunction("deploy")(saltOf(key), concat([bytecode, encoded]));
  }

  let nonce = await deployer!.getNonce();
  await handOver(addresses, create3, deployer!, () => nonce++);

  const codes = keys.map(async (key) => {
    const code = await ethers.provider.getCode(addresses[key]);
    if (code === "0x") throw new Error(`${key} has no code`);
    return [key, { address: addresses[key], codeHash: keccak256(code) }] as const;
  });
  const { chainId } = await ethers.provider.getNetwork();
  const record = deploymentRecordSchema.parse({
    chainId: Number(chainId),
    deploymentBlock: 0,
    token,
    deployer: await create3.getAddress(),
    contracts: Object.fromEntries(await Promise.all(codes)),
  });
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
    governance: await impersonated({ net, ethers }, addresses.timelock),
    pauser: await impersonated({ net, ethers }, addresses.guardian),
    chainId,
  };
}
