import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";

import { z } from "zod";

import { KeyFileError, readKeyFile } from "../platform/keyFile.ts";

/** A config file that cannot be used; the message lists everything wrong with it. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

const units = z
  .string()
  .regex(/^\d{1,20}$/, "an amount in base units, as a decimal string")
  .transform((text) => BigInt(text));
const port = z.int().min(0).max(65_535);
const path = z.string().min(1);
const milliseconds = z.int().min(50).max(3_600_000);

const common = {
  /** The deployment record of the network: deployments/<network>.json. */
  deployment: path,
  rpcUrl: z.url({ protocol: /^https?$/ }),
  listen: z.strictObject({ host: z.string().min(1), port }),
  /** Databases live here. It must survive a restart. */
  dataDirectory: path,
  /** About the chain's block time. */
  chainPollMs: milliseconds.default(1_000),
  logLevel: z.enum(["debug", "info", "warn", "error", "silent"]).default("info"),
};

const nodeSchema = z.strictObject({
  ...common,
  nodeId: z.int().min(100).multipleOf(100),
  /** Hex of the key whose public key the registry has for this node. */
  signingKeyFile: path,
  /** Hex of the key that pays gas for settling, claiming and reporting. */
  settlementKeyFile: path,
  /** The operator's listener, on 127.0.0.1. */
  operatorPort: port,
  registryRefreshMs: milliseconds.default(60_000),
  settleEveryMs: milliseconds.default(30_000),
  gossipEveryMs: milliseconds.default(5_000),
  /** Whether evidence of what other nodes must not have signed is brought to the chain. */
  reportFaults: z.boolean().default(true),
  /** How often logs are compared with one peer's, and cases looked after. */
  faultsEveryMs: milliseconds.default(30_000),
  /** Blocks on top of a commit or identity update before it is served: 0 on an L2, 3 on L1. */
  confirmations: z.int().min(0).max(100).default(0),
  /** When the newest block is older, the endpoint counts as standing still and the gate lends less and less. */
  staleHeadMs: z.int().min(10_000).default(300_000),
  /** Gas may cost at most this part of what it collects. */
  maxGasBps: units.default(200n),
  /** What 1e18 wei of the chain's own token are worth, in base units of the fee token. */
  nativeTokenPrice: units,
  /** Most that one channel may have carried and not settled, in base units. */
  exposureCap: units.default(5_000_000n),
});

/** The settlement daemon beside a stock node: as for a node, without what the stock node does itself. */
const daemonSchema = nodeSchema.omit({ signingKeyFile: true, confirmations: true }).extend({
  /** Where the stock node listens; nobody else may reach it there. */
  upstream: z.strictObject({
    url: z.url({ protocol: /^https?$/ }),
    protocol: z.enum(["grpc", "grpc-web"]).default("grpc"),
    /** How long it may take to answer a publish: a stock node holds one for up to 30 s. */
    timeoutMs: milliseconds.default(40_000),
  }),
});

const gatewaySchema = z.strictObject({
  ...common,
  /** Hex of the postage key: its address is the channel. */
  postageKeyFile: path,
  /** Hex of the key that pays gas for commits and identity updates. */
  transactionKeyFile: path,
  /** Signed ahead of use, in base units; at most 1 % of the deposit counts. */
  headroom: units.default(50_000n),
  /** How long a publish waits for money or nodes before it fails; clients give up after 120 s. */
  holdSeconds: z.int().min(1).max(110).default(100),
});

export type NodeConfig = z.output<typeof nodeSchema>;
export type DaemonConfig = z.output<typeof daemonSchema>;
export type GatewayConfig = z.output<typeof gatewaySchema>;

/** What a config file may hold, before defaults. */
export type NodeConfigInput = z.input<typeof nodeSchema>;
export type DaemonConfigInput = z.input<typeof daemonSchema>;
export type GatewayConfigInput = z.input<typeof gatewaySchema>;

export function readNodeConfig(file: string): NodeConfig {
  const config = read(file, nodeSchema);
  const keys = { signingKeyFile: config.signingKeyFile, settlementKeyFile: config.settlementKeyFile };
  return { ...config, ...absolute(file, { ...places(config), ...keys }) };
}

export function readDaemonConfig(file: string): DaemonConfig {
  const config = read(file, daemonSchema);
  const keys = { settlementKeyFile: config.settlementKeyFile };
  return { ...config, ...absolute(file, { ...places(config), ...keys }) };
}

export function readGatewayConfig(file: string): GatewayConfig {
  const config = read(file, gatewaySchema);
  const keys = { postageKeyFile: config.postageKeyFile, transactionKeyFile: config.transactionKeyFile };
  return { ...config, ...absolute(file, { ...places(config), ...keys }) };
}

function places({ deployment, dataDirectory }: { deployment: string; dataDirectory: string }) {
  return { deployment, dataDirectory };
}

/** Paths in a config file are relative to that file. */
function absolute<T extends Record<string, string>>(file: string, paths: T): T {
  const base = dirname(resolve(file));
  return Object.fromEntries(Object.entries(paths).map(([name, value]) => [name, resolve(base, value)])) as T;
}

function read<T extends z.ZodType>(file: string, schema: T): z.output<T> {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new ConfigError(`cannot read ${file}: ${(error as Error).message}`);
  }
  const parsed = schema.safeParse(content);
  if (!parsed.success) throw new ConfigError(`${file} cannot be used:\n${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

/** 32 bytes from a file of 64 hex digits. The key itself never shows up in an error. */
export function readKey(file: string): Uint8Array {
  try {
    return readKeyFile(file);
  } catch (error) {
    throw error instanceof KeyFileError ? new ConfigError(error.message) : error;
  }
}
