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

const endpointUrl = common.rpcUrl;
/** Blocks below the newest one. */
const depth = z.int().min(1).max(100_000);

const nodeSchema = z.strictObject({
  ...common,
  rpcUrl: endpointUrl.optional(),
  /** Endpoints of the chain that are held against each other, instead of `rpcUrl`. */
  rpcUrls: z.array(endpointUrl).min(1).max(5).optional(),
  /** How the chain says what stays: by its block tags, or by depth where it has none. By chain id when left out. */
  finality: z
    .union([z.literal("tags"), z.strictObject({ safeDepth: depth, finalizedDepth: depth })])
    .refine((value) => value === "tags" || value.safeDepth <= value.finalizedDepth, "safeDepth above finalizedDepth")
    .optional(),
  /** How often the daemon looks at what is new on chain. */
  followEveryMs: milliseconds.default(6_000),
  /** How often the daemon reads rates and nodes: rates are announced a day ahead, seats change with epochs. */
  termsEveryMs: milliseconds.default(300_000),
  /** How often every channel is compared with the chain. */
  reconcileEveryMs: z.int().min(1_000).max(86_400_000).default(3_600_000),
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
  /** Without a new block for so long, an endpoint stands still; when all do, the gate lends less and less. */
  staleHeadMs: z.int().min(10_000).default(300_000),
  /** Gas may cost at most this part of what it collects. */
  maxGasBps: units.default(200n),
  /** What 1e18 wei of the chain's own token are worth, in base units of the fee token. */
  nativeTokenPrice: units,
  /** Most that one channel may have carried and not settled, in base units. */
  exposureCap: units.default(5_000_000n),
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

export type NodeConfig = Omit<z.output<typeof nodeSchema>, "rpcUrl" | "rpcUrls"> & { rpcUrls: string[] };
export type GatewayConfig = z.output<typeof gatewaySchema>;

/** What a config file may hold, before defaults. */
export type NodeConfigInput = z.input<typeof nodeSchema>;
export type GatewayConfigInput = z.input<typeof gatewaySchema>;

export function readNodeConfig(file: string): NodeConfig {
  const config = read(file, nodeSchema);
  const keys = { signingKeyFile: config.signingKeyFile, settlementKeyFile: config.settlementKeyFile };
  return { ...config, ...absolute(file, { ...places(config), ...keys }), rpcUrls: endpointsOf(file, config) };
}

function endpointsOf(
  file: string,
  { rpcUrl, rpcUrls }: { rpcUrl?: string | undefined; rpcUrls?: string[] | undefined },
) {
  const urls = rpcUrls ?? (rpcUrl === undefined ? [] : [rpcUrl]);
  if (urls.length === 0 || (rpcUrl !== undefined && rpcUrls !== undefined)) {
    throw new ConfigError(
      `${file} cannot be used:\nname the chain's endpoints once: rpcUrl for one, rpcUrls for several`,
    );
  }
  if (new Set(urls).size < urls.length) {
    throw new ConfigError(`${file} cannot be used:\nrpcUrls has an endpoint twice: it would confirm itself`);
  }
  return urls;
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
