import { readFileSync } from "node:fs";

import type { Provider } from "ethers";
import { HDNodeWallet } from "ethers";
import { network } from "hardhat";

import { writeDataFeeParameters } from "../../scripts/bench/baseDataFee.ts";
import type { ApplyOptions } from "../../src/deployment/apply.ts";
import { applyDeployment } from "../../src/deployment/apply.ts";
import { deployTestToken } from "../../src/deployment/deployTestToken.ts";
import type { NetworkParameters } from "../../src/deployment/networkParameters.ts";
import { parseNetworkParameters } from "../../src/deployment/networkParameters.ts";
import { readArtifact } from "../../src/deployment/readArtifact.ts";
import type { RecordStore } from "../../src/deployment/recordStore.ts";
import type { UnfinishedRecord } from "../../src/contracts/deploymentRecord.ts";
import { systemClock } from "../../src/platform/clock.ts";
import { silentLog } from "../../src/platform/log.ts";
import type { Network } from "../contracts/fixtures.ts";

export const PHRASE = "test test test test test test test test test test test junk";
/** The first account of every simulated chain. */
export const WALLET = HDNodeWallet.fromPhrase(PHRASE);
export const KEYHOLDER = "0x00000000000000000000000000000000000000C1";
export const HOLDERS = ["0x00000000000000000000000000000000000000A1", "0x00000000000000000000000000000000000000A2"];

type Json = Record<string, unknown>;

/** A network's reviewed files as a reviewer fills them in, with what a test changes. */
export function filledParameters(name: string, changes: Json = {}, chainChanges: Json = {}): NetworkParameters {
  const { parameters } = reviewedFiles(name);
  const chain = { ...(parameters.chain as Json), deployer: WALLET.address, ...chainChanges };
  const allocations = HOLDERS.map((holder) => ({ holder, amount: (5n * 10n ** 26n).toString() }));
  return parseNetworkParameters(
    name,
    { ...parameters, guardianKeyholder: KEYHOLDER, ...changes, chain },
    { allocations },
  );
}

export function reviewedFiles(name: string): { parameters: Json; genesis: Json } {
  const read = (kind: string) =>
    JSON.parse(readFileSync(new URL(`../../deployments/${kind}/${name}.json`, import.meta.url), "utf8")) as Json;
  return { parameters: read("parameters"), genesis: read("genesis") };
}

export interface SimulatedChain {
  net: Network;
  provider: Provider;
  close: () => Promise<void>;
}

const CHAINS = {
  localhost: ["local", 31_337],
  sepolia: ["local", 11_155_111],
  mainnet: ["local", 1],
  baseSepolia: ["simulatedBase", 84_532],
  base: ["simulatedBase", 8_453],
} as const;
export type NetworkName = keyof typeof CHAINS;
export const NAMES = Object.keys(CHAINS) as NetworkName[];

/** A chain of the network's type and id, with a stand-in where USDC is, and Base's price of data. */
export async function simulatedChain(name: NetworkName): Promise<SimulatedChain> {
  const [simulated, chainId] = CHAINS[name];
  const isBase = simulated === "simulatedBase";
  // Base's date keeps the price of data in force.
  const override = { chainId, ...(isBase ? { initialDate: new Date("2027-01-01T00:00:00Z") } : {}) };
  const options = { network: simulated, chainType: isBase ? "op" : "l1", override };
  const net = (await network.create(options)) as unknown as Network;
  if (isBase) await writeDataFeeParameters(net.provider);
  const provider = net.ethers.provider as unknown as Provider;
  const { feeToken } = filledParameters(name).chain;
  if (feeToken !== "test") await putToken(net, feeToken.address);
  return { net, provider, close: () => net.close() };
}

/** What TestUSDC is, at another address: its code, and its symbol in slot 4. */
export async function putToken({ ethers, networkHelpers, provider }: Network, address: string): Promise<void> {
  const signers = await ethers.getSigners();
  const token = await deployTestToken(signers[9]!);
  await networkHelpers.setCode(address, await ethers.provider.getCode(await token.getAddress()));
  const slot = { position: "0x4", value: `0x${Buffer.from("USDC").toString("hex").padEnd(62, "0")}08` };
  await provider.request({ method: "hardhat_setStorageAt", params: [address, slot.position, slot.value] });
}

export interface MemoryStore extends RecordStore {
  record?: UnfinishedRecord;
  writes: number;
}

/** A store whose content nobody can change behind its back. */
export function memoryStore(): MemoryStore {
  return {
    writes: 0,
    read() {
      return structuredClone(this.record);
    },
    write(record) {
      this.record = structuredClone(record);
      this.writes++;
    },
  };
}

/** Applies with the everyday build and quick polling. */
export function apply(
  network: NetworkParameters,
  provider: Provider,
  store: RecordStore,
  changes: Partial<ApplyOptions> = {},
) {
  return applyDeployment({
    network,
    provider,
    store,
    signer: WALLET,
    artifacts: readArtifact,
    gitCommit: "0123abc",
    clock: systemClock,
    log: silentLog,
    pollingMs: 1,
    patienceMs: 20_000,
    ...changes,
  });
}

export async function rejection(promise: Promise<unknown>): Promise<Error & { code?: string; isRetryable?: boolean }> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error("nothing was refused");
}

/** A method of an object, as a Proxy's handler has to give it. */
export function bound(target: object, name: string | symbol): unknown {
  const value = Reflect.get(target, name) as unknown;
  return typeof value === "function" ? (value.bind(target) as unknown) : value;
}

/** A provider some of whose methods are others. */
export function providerWith(provider: Provider, methods: Partial<Provider>): Provider {
  return new Proxy(provider, { get: (target, name) => Reflect.get(methods, name) ?? bound(target, name) });
}
