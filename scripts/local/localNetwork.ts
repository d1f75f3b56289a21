import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { join } from "node:path";

import type { Contract } from "ethers";
import { Wallet } from "ethers";

import type { GatewayConfigInput } from "../../src/cli/config/gatewayConfig.ts";
import type { NodeConfigInput } from "../../src/cli/config/operatorConfig.ts";
import type { Contracts } from "../../src/contracts/connectContracts.ts";
import { connectContracts } from "../../src/contracts/connectContracts.ts";
import { nodeRegistration } from "../../src/contracts/nodeRegistration.ts";
import { fromHex, toAddress, toHex } from "../../src/protocol/bytes.ts";
import { attestationKeyFrom } from "../../src/protocol/possession.ts";
import type { DeploymentRecord } from "../../src/contracts/deploymentRecord.ts";
import { deployNetwork } from "../deploy/deployNetwork.ts";
import { readParameters } from "../../src/deployment/parameters.ts";
import { writeDeployment } from "../../src/deployment/writeDeployment.ts";
import type { LocalChain } from "./localChain.ts";
import type { AppTerms, GatewayTerms, LocalApp, LocalGateway } from "./localApp.ts";
import { openChannel, startGateway, tokenOf } from "./localApp.ts";
import { localWallet, startLocalChain } from "./localChain.ts";
import { commonConfig, writeConfig, writeKey } from "./localFiles.ts";
import type { Service } from "./service.ts";
import { startService } from "./service.ts";

export interface LocalNetworkOptions {
  /** Databases, keys, configs and logs go here. */
  directory: string;
  nodes: number;
  /** The payer's first deposit, base units. */
  deposit: bigint;
  /** What the gateway signs ahead, base units. */
  headroom: bigint;
  holdSeconds?: number;
  /** What else the gateway's config says. */
  gateway?: Partial<GatewayConfigInput>;
  /** Whether nodes ask strangers for stamps. */
  requireStamps?: boolean;
  /** What 1e18 wei are worth, base units: how dear gas is for daemons. 4,000 USD when left out. */
  nativeTokenPrice?: bigint;
  /** Per byte and day, when a test wants postage to be dear. */
  storageFeePico?: bigint;
  /** Seats beside them that are registered, and of which nobody ever hears. */
  absent?: number;
  /** Stakes by place, in minimum stakes; one each when left out. */
  stakes?: readonly bigint[];
  /** Scripts that run a node by its id, instead of `pennyblack node`. */
  scripts?: Record<number, string>;
  progress?: (message: string) => void;
}

export interface LocalNode {
  nodeId: number;
  url: string;
  operatorUrl: string;
  /** Where its claims go. */
  payout: string;
  service: Service;
  /** Ends the process without warning, as a power cut would. */
  kill(): Promise<void>;
  /** Starts it again on what it left on disk. */
  restart(): Promise<void>;
}

export interface LocalNetwork {
  chain: LocalChain;
  record: DeploymentRecord;
  /** Connected for reading. */
  contracts: Contracts;
  token: Contract;
  nodes: LocalNode[];
  gateway: LocalGateway;
  /** The payer's channel: the address of the gateway's postage key. */
  channel: string;
  deposit(amount: bigint): Promise<void>;
  /** Starts one more gateway of the same channel, with an account of its own for gas: with a `databaseUrl` among its settings. */
  addGateway(name: string): Promise<LocalGateway>;
  /** Apps beside the first one. */
  apps: LocalApp[];
  /** Starts more gateways, each with a channel of its own. They sign nothing ahead. */
  addApps(terms: readonly AppTerms[]): Promise<LocalApp[]>;
  /**
   * Registers one more node with a stake of its own and starts it; its seat begins with the next epoch. It is not among
   * `nodes`.
   * @param script runs it, instead of `pennyblack node`; takes the same `--config`
   */
  addNode(script?: string): Promise<LocalNode>;
  close(): Promise<void>;
}

const EPOCH_MARGIN_SECONDS = 60;
const DEPLOYER = 0;
const GATEWAY_GAS = 2;
const FIRST_OPERATOR = 3;
const USD = 1_000_000n;

/**
 * A whole network on this machine: chain, contracts, nodes with their daemons, a payer with a gateway. Each service is
 * a process of its own, started as an operator would start it.
 */
export async function startLocalNetwork(options: LocalNetworkOptions): Promise<LocalNetwork> {
  const progress = options.progress ?? (() => {});
  const { directory } = options;
  mkdirSync(directory, { recursive: true });
  const parameters = readParameters("local");
  if (options.storageFeePico) parameters.firstRates.storageFeePicoPerByteDay = options.storageFeePico;
  // Seats begin with the next epoch, so the chain starts one epoch ago and is moved up to now once they are taken.
  const head = (parameters.epochSeconds + EPOCH_MARGIN_SECONDS) * 1000;
  const chain = await startLocalChain(new Date(Date.now() - head));
  progress(`chain ${chain.url}`);
  const services: Service[] = [];
  try {
    const record = await deployNetwork({ signer: localWallet(DEPLOYER).connect(chain.provider), parameters });
    writeDeployment(record, join(directory, "deployment.json"));
    progress("contracts deployed, every link checked");
    const context: Context = { ...options, chain, record, services, stake: parameters.minimumStakeAmount };
    const seats = options.nodes + (options.absent ?? 0);
    const ports = await freePorts(seats + 1);
    const places: Place[] = [];
    for (let i = 0; i < seats; i++) places.push(await registerNode(context, FIRST_OPERATOR + i, ports[i]!));
    const nodeIds = places.map(({ nodeId }) => nodeId);
    progress(`nodes ${nodeIds.join(", ")} registered, their stakes posted`);
    await chain.increaseTime(Math.max(1, Math.floor(Date.now() / 1000) - (await now(chain))));

    const postageKeyFile = join(directory, "postage.key");
    const { channel, deposit } = await openChannel(context, postageKeyFile);
    await deposit(options.deposit);
    progress(`channel ${channel} funded`);
    const present = places.slice(0, options.nodes);
    const nodes = await Promise.all(present.map((place) => startNode(context, place, options.scripts?.[place.nodeId])));
    const { headroom, holdSeconds, gateway: config } = options;
    const own = { name: "gateway", postageKeyFile, gas: GATEWAY_GAS, port: ports.at(-1)! };
    const gateway = await startGateway(context, { ...own, headroom, holdSeconds, config });
    progress("nodes, daemons and gateway are up");
    // Test accounts that nothing uses yet.
    let next = FIRST_OPERATOR + seats;
    const addNode = async (script?: string) => {
      const [port] = await freePorts(1);
      return startNode(context, await registerNode(context, next++, port!), script);
    };
    const addGateway = async (name: string) => {
      const [port] = await freePorts(1);
      return startGateway(context, { ...own, headroom, holdSeconds, config, name, port: port!, gas: next++ });
    };
    const apps: LocalApp[] = [];
    const addApps = async (terms: readonly AppTerms[]) => {
      const added = await startApps(
        context,
        terms.map((one) => ({ ...one, gas: next++ })),
      );
      apps.push(...added);
      return added;
    };
    return {
      ...{ chain, record, nodes, gateway, channel, deposit, addNode, addGateway, apps, addApps },
      contracts: connectContracts(record, chain.provider),
      token: tokenOf(record, chain.provider),
      close: () => closeAll(services, chain),
    };
  } catch (error) {
    await closeAll(services, chain);
    throw error;
  }
}

interface Context extends LocalNetworkOptions {
  chain: LocalChain;
  record: DeploymentRecord;
  services: Service[];
  stake: bigint;
}

interface Place {
  nodeId: number;
  port: number;
  operator: number;
  payout: string;
  signingKey: string;
  attestationKey: string;
}

async function now({ provider }: LocalChain): Promise<number> {
  return (await provider.getBlock("latest"))!.timestamp;
}

/** The i-th wallet on the chain, with a stake that NodeStaking may take. */
async function staker({ chain, record }: Context, index: number, stake: bigint) {
  const wallet = localWallet(index).connect(chain.provider);
  const { postageToken } = connectContracts(record, localWallet(DEPLOYER).connect(chain.provider));
  await (await postageToken.transfer(wallet.address, stake)).wait();
  const { nodeStaking } = record.contracts;
  await (await connectContracts(record, wallet).postageToken.approve(nodeStaking.address, stake)).wait();
  return wallet;
}

async function registerNode(context: Context, operator: number, port: number): Promise<Place> {
  const stakes = context.stakes?.[operator - FIRST_OPERATOR] ?? 1n;
  const wallet = await staker(context, operator, stakes * context.stake);
  const { nodeRegistry, nodeStaking } = connectContracts(context.record, wallet);
  const signingKey = Wallet.createRandom().privateKey;
  const attestationKey = toHex(attestationKeyFrom(randomBytes(48)));
  const payout = Wallet.createRandom().address;
  const registration = nodeRegistration(context.record, {
    owner: toAddress(wallet.address),
    signingKey: fromHex(signingKey),
    attestationKey: fromHex(attestationKey),
    httpAddress: `http://127.0.0.1:${port}`,
    payout: toAddress(payout),
  });
  const nodeId = Number(await nodeRegistry.register.staticCall(registration));
  await (await nodeRegistry.register(registration)).wait();
  // Votes are noted by the second: in the next one it costs more than what was estimated in this.
  const gasLimit = 1_000_000n;
  if (stakes > 1n) await (await nodeStaking.stake(nodeId, (stakes - 1n) * context.stake, { gasLimit })).wait();
  return { nodeId, port, operator, payout, signingKey, attestationKey };
}

async function startNode(context: Context, place: Place, script?: string): Promise<LocalNode> {
  const { directory, chain, services } = context;
  const { nodeId, port, operator, payout } = place;
  const home = join(directory, `node-${nodeId}`);
  mkdirSync(home, { recursive: true });
  writeKey(join(home, "signing.key"), place.signingKey);
  writeKey(join(home, "attestation.key"), place.attestationKey);
  writeKey(join(home, "settlement.key"), localWallet(operator).privateKey);
  const config: NodeConfigInput = {
    ...commonConfig(chain, port),
    nodeId,
    signingKeyFile: "signing.key",
    settlementKeyFile: "settlement.key",
    attestationKeyFile: "attestation.key",
    reportsEveryMs: 1_000,
    operatorPort: 0,
    registryRefreshMs: 1_000,
    settleEveryMs: 5_000,
    gossipEveryMs: 500,
    faultsEveryMs: 1_000,
    followEveryMs: 100,
    termsEveryMs: 1_000,
    // A local chain has no block when it has no transaction.
    staleHeadMs: 86_400_000,
    nativeTokenPrice: String(context.nativeTokenPrice ?? 4_000n * USD),
    requireStamps: context.requireStamps ?? false,
  };
  const file = writeConfig(home, config);
  const start = () => startService("node", file, join(home, "log.jsonl"), script);
  const node: LocalNode = {
    ...{ nodeId, payout, url: `http://127.0.0.1:${port}`, operatorUrl: "", service: await start() },
    kill: () => node.service.end("SIGKILL"),
    restart: async () => {
      node.service = await start();
      node.operatorUrl = node.service.ready.operatorUrl!;
      services.push(node.service);
    },
  };
  node.operatorUrl = node.service.ready.operatorUrl!;
  services.push(node.service);
  return node;
}

async function startApps(context: Context, terms: readonly (AppTerms & { gas: number })[]): Promise<LocalApp[]> {
  const ports = await freePorts(terms.length);
  const places: (GatewayTerms & { channel: string })[] = [];
  for (const [i, { name, gas, deposit: amount, stamps }] of terms.entries()) {
    const postageKeyFile = join(context.directory, `${name}.key`);
    const { channel, deposit } = await openChannel(context, postageKeyFile);
    await deposit(amount);
    places.push({ name, channel, postageKeyFile, gas, port: ports[i]!, headroom: 0n, stamps });
  }
  return Promise.all(
    places.map(async (place) => {
      const { name, channel, postageKeyFile } = place;
      return { name, channel, postageKeyFile, gateway: await startGateway(context, place) };
    }),
  );
}

/** Ports that were free a moment ago: addresses are registered before anybody listens there. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve, reject) => {
          server.once("error", reject);
          server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
        }),
    ),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

async function closeAll(services: Service[], chain: LocalChain): Promise<void> {
  await Promise.all(services.filter((service) => service.isRunning()).map((service) => service.end("SIGTERM")));
  await chain.close();
}
