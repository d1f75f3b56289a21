import { mkdirSync } from "node:fs";
import { join } from "node:path";

import type { JsonRpcProvider } from "ethers";
import { Contract, Wallet } from "ethers";

import type { GatewayConfigInput } from "../../src/cli/config/gatewayConfig.ts";
import { connectContracts } from "../../src/contracts/connectContracts.ts";
import type { DeploymentRecord } from "../../src/contracts/deploymentRecord.ts";
import { readArtifact } from "../../src/deployment/readArtifact.ts";
import type { LocalChain } from "./localChain.ts";
import { localWallet } from "./localChain.ts";
import { commonConfig, writeConfig, writeKey } from "./localFiles.ts";
import type { Service } from "./service.ts";
import { startService } from "./service.ts";

const PAYER = 1;

/** An app's gateway, a process of its own. */
export interface LocalGateway {
  url: string;
  service: Service;
  kill(): Promise<void>;
  restart(): Promise<void>;
}

/** An app that pays for its users: a channel and a gateway. */
export interface LocalApp {
  name: string;
  /** The address of its postage key. */
  channel: string;
  gateway: LocalGateway;
  /** Hex. */
  postageKeyFile: string;
}

export interface AppTerms {
  name: string;
  /** Base units. */
  deposit: bigint;
  /** What it may sign for stamps, base units. */
  stamps: bigint;
}

export interface AppPlace {
  /** Of the network; the app's files go below it. */
  directory: string;
  chain: LocalChain;
  record: DeploymentRecord;
  /** Where its processes are noted, to be ended with the network. */
  services: Service[];
}

export function tokenOf({ token }: DeploymentRecord, provider: JsonRpcProvider): Contract {
  return new Contract(token, readArtifact("test/support/TestUSDC.sol").abi, provider);
}

/** A new postage key in a file, its channel, and what pays into it. */
export async function openChannel({ chain, record }: AppPlace, postageKeyFile: string) {
  const { privateKey, address: channel } = Wallet.createRandom();
  writeKey(postageKeyFile, privateKey);
  const deposit = async (amount: bigint) => {
    const { postageChannels } = record.contracts;
    const payer = localWallet(PAYER).connect(chain.provider);
    const token = tokenOf(record, chain.provider).connect(payer) as Contract;
    await (await token.getFunction("mint").send(payer.address, amount)).wait();
    await (await token.getFunction("approve").send(postageChannels.address, amount)).wait();
    await (await connectContracts(record, payer).postageChannels.deposit(channel, amount)).wait();
  };
  return { channel, deposit };
}

export interface GatewayTerms {
  /** Of its directory. */
  name: string;
  postageKeyFile: string;
  /** The test account that pays its gas. */
  gas: number;
  port: number;
  /** What it signs ahead, base units. */
  headroom: bigint;
  /** What it may sign for stamps, base units. */
  stamps?: bigint;
  holdSeconds?: number | undefined;
  /** What else its config says. */
  config?: Partial<GatewayConfigInput> | undefined;
}

export async function startGateway(
  { directory, chain, services }: AppPlace,
  { name, postageKeyFile, gas, port, headroom, stamps = 0n, holdSeconds, config: more }: GatewayTerms,
): Promise<LocalGateway> {
  const home = join(directory, name);
  mkdirSync(home, { recursive: true });
  writeKey(join(home, "gas.key"), localWallet(gas).privateKey);
  const config: GatewayConfigInput = {
    ...commonConfig(chain, port),
    postageKeyFile,
    transactionKeyFile: "gas.key",
    headroom: String(headroom),
    stamps: String(stamps),
    ...(holdSeconds ? { holdSeconds } : {}),
    ...more,
  };
  const file = writeConfig(home, config);
  const start = () => startService("gateway", file, join(home, "log.jsonl"));
  const gateway: LocalGateway = {
    url: `http://127.0.0.1:${port}`,
    service: await start(),
    kill: () => gateway.service.end("SIGKILL"),
    restart: async () => {
      gateway.service = await start();
      services.push(gateway.service);
    },
  };
  services.push(gateway.service);
  return gateway;
}
