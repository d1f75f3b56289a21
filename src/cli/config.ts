import { dirname, resolve } from "node:path";

import { z } from "zod";

import { NODE_STRATEGIES, requireChoice } from "../client/nodes/nodeOrder.ts";
import { KeyFileError, readKeyFile } from "../platform/keyFile.ts";
import type { KeySource, LocalKeySource } from "../platform/keys/keySource.ts";
import { openSigner, readLocalKey } from "../platform/keys/keySource.ts";
import type { TransactionSigner } from "../platform/keys/transactionSigner.ts";
import type { Environment, Rule } from "./readSettings.ts";
import { ConfigError, hasSetting, readSettings } from "./readSettings.ts";

export { ConfigError } from "./readSettings.ts";

const units = z
  .string()
  .regex(/^\d{1,20}$/, "an amount in base units, as a decimal string")
  .transform((text) => BigInt(text));
const port = z.int().min(0).max(65_535);
const path = z.string().min(1);
const wei = z
  .string()
  .regex(/^\d{1,30}$/, "an amount in wei, as a decimal string")
  .transform((text) => BigInt(text));
const nodeId = z.int().min(100).multipleOf(100);
const dailyBudget = z.strictObject({ postage: units.optional(), gasWei: wei.optional() });
const perMinute = z.int().min(1).max(1_000_000);
const milliseconds = z.int().min(50).max(3_600_000);

/** What a config says of a key instead of naming a file with its hex. */
const localKey = [
  z.strictObject({ keyFile: path }),
  z.strictObject({ keystoreFile: path, passwordFile: path }),
  z.strictObject({ keystoreFile: path, passwordVariable: z.string().regex(/^\w+$/) }),
] as const;
const remoteKey = z.strictObject({
  remoteSigner: z.strictObject({
    url: z.url({ protocol: /^https?$/ }),
    address: z.string().regex(/^0x[0-9a-fA-F]{40}$/, "an address, 0x and 40 hex digits"),
    method: z.enum(["eth_signTransaction", "account_signTransaction"]).optional(),
    timeoutMs: milliseconds.optional(),
  }),
});
const LOCAL_KEY = "a key is { keyFile }, { keystoreFile, passwordFile } or { keystoreFile, passwordVariable }";
const localKeySource = z.union(localKey, LOCAL_KEY);
const keySource = z.union([...localKey, remoteKey], `${LOCAL_KEY}, or { remoteSigner: { url, address } }`);

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
  /** How often the daemon looks at what is new on chain: after a minute without a look the gate begins to doubt it. */
  followEveryMs: z.int().min(50).max(30_000).default(6_000),
  /** How often the daemon reads rates and nodes: rates are announced a day ahead, seats change with epochs. */
  termsEveryMs: milliseconds.default(300_000),
  /** How often every channel is compared with the chain. */
  reconcileEveryMs: z.int().min(1_000).max(86_400_000).default(3_600_000),
  nodeId,
  /** Hex of the key whose public key the registry has for this node; or `signingKey`. */
  signingKeyFile: path.optional(),
  signingKey: localKeySource.optional(),
  /** Hex of the key with which this node attests reports; or `attestationKey`. Without one it takes no part in them. */
  attestationKeyFile: path.optional(),
  attestationKey: localKeySource.optional(),
  /** Hex of the key that pays gas for settling, claiming and reporting; or `settlementKey`. */
  settlementKeyFile: path.optional(),
  settlementKey: keySource.optional(),
  /** Pays gas for what has a deadline. Without it the settlement key does. */
  deadlineKey: keySource.optional(),
  /** Wei of each of these accounts that work without a deadline leaves. */
  gasReserve: units.default(5_000_000_000_000_000n),
  /** The operator's listener, on 127.0.0.1. */
  operatorPort: port,
  /** A second listener for metrics and health alone, which other machines may reach: not the public one. */
  metricsListen: z.strictObject({ host: z.string().min(1), port }).optional(),
  /** Where the ledger is kept when several daemons of this node share it; without it, ledger.sqlite in dataDirectory. */
  databaseUrl: z.url({ protocol: /^postgres(ql)?$/, error: "a postgres:// URL" }).optional(),
  registryRefreshMs: milliseconds.default(60_000),
  settleEveryMs: milliseconds.default(30_000),
  gossipEveryMs: milliseconds.default(5_000),
  /** Whether evidence of what other nodes must not have signed is brought to the chain. */
  reportFaults: z.boolean().default(true),
  requireStamps: z.boolean().default(false),
  /** How often logs are compared with one peer's, and cases looked after. */
  faultsEveryMs: milliseconds.default(30_000),
  /** How often the daemon looks at the report that is due. */
  reportsEveryMs: milliseconds.default(30_000),
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

/** The settlement daemon beside a stock node: as for a node, without what the stock node does itself. */
const daemonSchema = nodeSchema.omit({ signingKeyFile: true, signingKey: true, confirmations: true }).extend({
  /** Where the stock node listens; nobody else may reach it there. */
  upstream: z.strictObject({
    url: z.url({ protocol: /^https?$/ }),
    protocol: z.enum(["grpc", "grpc-web"]).default("grpc"),
    /** How long it may take to answer a publish: a stock node holds one for up to 30 s. */
    timeoutMs: milliseconds.default(40_000),
  }),
});

const TOP_UP = "below and amount are above 0, and mostPerDay is at least amount";

const gatewaySchema = z.strictObject({
  ...common,
  /** Hex of the postage key, whose address is the channel; or `postageKey`. */
  postageKeyFile: path.optional(),
  postageKey: localKeySource.optional(),
  /** Hex of the key that pays gas for commits and identity updates; or `transactionKey`. */
  transactionKeyFile: path.optional(),
  transactionKey: localKeySource.optional(),
  /** Signed ahead of use, in base units; at most 1 % of the deposit counts. */
  headroom: units.default(50_000n),
  /** Base units that may be signed for stamps in all, over the channel's life; 0 buys none. */
  stamps: units.default(0n),
  /** JSON: who may publish, by bearer token. Everybody may when left out. */
  tokensFile: path.optional(),
  /** 64 hex digits that only the app has: tags each welcome with its sender, for recipients who block one user alone. */
  senderSecretFile: path.optional(),
  /** When the log warns of a low balance: base units, and days that it lasts. */
  lowBalance: z.strictObject({ below: units.optional(), runwayDays: z.number().min(0).max(365).optional() }).optional(),
  /** Deposits money of the key's account by itself, in base units. */
  topUp: z
    .strictObject({ ownerKey: localKeySource, below: units, amount: units, mostPerDay: units })
    .refine(({ below, amount, mostPerDay }) => below > 0n && amount > 0n && mostPerDay >= amount, TOP_UP)
    .optional(),
  /** Envelopes in a minute. */
  rateLimits: z.strictObject({ user: perMinute.optional(), app: perMinute.optional() }).optional(),
  /** What may be spent in a day, UTC: base units of postage, wei of gas. */
  budgets: z
    .strictObject({ user: dailyBudget.optional(), app: dailyBudget.optional(), all: dailyBudget.optional() })
    .optional(),
  /** Which node a publish goes to. */
  nodes: z
    .strictObject({ strategy: z.enum(NODE_STRATEGIES), preferredNodes: z.array(nodeId).max(256).optional() })
    .superRefine((choice, context) => {
      try {
        requireChoice(choice);
      } catch (error) {
        context.addIssue({ code: "custom", message: (error as Error).message });
      }
    })
    .optional(),
  /** How long a publish waits for money or nodes before it fails; clients give up after 120 s. */
  holdSeconds: z.int().min(1).max(110).default(100),
});

type KeyNames =
  | "attestationKey"
  | "attestationKeyFile"
  | "signingKey"
  | "signingKeyFile"
  | "settlementKey"
  | "settlementKeyFile"
  | "deadlineKey";
type Places = ReturnType<typeof places>;
/** What a file may say in several ways. */
type Unresolved = Pick<
  z.output<typeof nodeSchema>,
  | "attestationKeyFile"
  | "attestationKey"
  | "settlementKeyFile"
  | "settlementKey"
  | "deadlineKey"
  | "rpcUrl"
  | "rpcUrls"
  | keyof Places
>;
interface Resolved {
  rpcUrls: string[];
  settlementKey: KeySource;
  deadlineKey?: KeySource;
  attestationKey?: LocalKeySource;
}
export type NodeConfig = Omit<z.output<typeof nodeSchema>, KeyNames | "rpcUrl" | "rpcUrls"> &
  Resolved & { signingKey: LocalKeySource };
export type DaemonConfig = Omit<z.output<typeof daemonSchema>, KeyNames | "rpcUrl" | "rpcUrls"> & Resolved;
/** What a node with its daemon and a daemon alone have in common. */
export type SettlementConfig = Omit<NodeConfig, "signingKey" | "confirmations">;
export type GatewayConfig = Omit<
  z.output<typeof gatewaySchema>,
  "postageKey" | "postageKeyFile" | "transactionKey" | "transactionKeyFile"
> & { postageKey: LocalKeySource; transactionKey: LocalKeySource };

/** What a config file may hold, before defaults. */
export type NodeConfigInput = z.input<typeof nodeSchema>;
export type DaemonConfigInput = z.input<typeof daemonSchema>;
export type GatewayConfigInput = z.input<typeof gatewaySchema>;

export function readNodeConfig(file: string, environment: Environment = process.env): NodeConfig {
  const rules = [endpointsOnce, keyOnce("signingKey"), keyOnce("settlementKey"), keyAtMostOnce("attestationKey")];
  const settings = readSettings({ file, schema: nodeSchema, environment, rules, groups: GROUPS });
  const { signingKeyFile, signingKey, ...config } = settings;
  return { ...resolved(file, config), signingKey: keyOf(file, signingKeyFile, signingKey) };
}

export function readDaemonConfig(file: string, environment: Environment = process.env): DaemonConfig {
  const rules = [endpointsOnce, keyOnce("settlementKey"), keyAtMostOnce("attestationKey")];
  return resolved(file, readSettings({ file, schema: daemonSchema, environment, rules, groups: GROUPS }));
}

/** What runs here: a node with its daemon, or a daemon in front of a stock node, which has an `upstream`. */
export type OperatorConfig =
  { kind: "node"; file: string; config: NodeConfig } | { kind: "daemon"; file: string; config: DaemonConfig };

/** The config of a node or of a daemon, whichever the settings are of. */
export function readOperatorConfig(file: string, environment: Environment = process.env): OperatorConfig {
  return hasSetting(file, "upstream", environment)
    ? { kind: "daemon", file, config: readDaemonConfig(file, environment) }
    : { kind: "node", file, config: readNodeConfig(file, environment) };
}

/** Settings of which one is enough, and two would contradict each other. */
const GROUPS = [
  ["rpcUrl", "rpcUrls"],
  ["signingKey", "signingKeyFile"],
  ["settlementKey", "settlementKeyFile"],
  ["attestationKey", "attestationKeyFile"],
  ["postageKey", "postageKeyFile"],
  ["transactionKey", "transactionKeyFile"],
];

const endpointsOnce: Rule = ({ rpcUrl, rpcUrls }) => {
  if ((rpcUrl === undefined) === (rpcUrls === undefined)) {
    return ["rpcUrl: name the chain's endpoints once: rpcUrl for one, rpcUrls for several"];
  }
  if (!Array.isArray(rpcUrls) || new Set(rpcUrls).size === rpcUrls.length) return [];
  return ["rpcUrls: has an endpoint twice: it would confirm itself"];
};

/** A key is named once: as the file with its hex, or in full. */
function keyOnce(name: string): Rule {
  return (settings) => {
    const isOnce = (settings[name] === undefined) !== (settings[`${name}File`] === undefined);
    return isOnce ? [] : [`${name}: name the key once, as ${name} or as ${name}File`];
  };
}

function keyAtMostOnce(name: string): Rule {
  return (settings) => {
    const isTwice = settings[name] !== undefined && settings[`${name}File`] !== undefined;
    return isTwice ? [`${name}: name the key once, as ${name} or as ${name}File`] : [];
  };
}

/** Paths made absolute, endpoints in one list, keys in one form. */
function resolved<T extends Unresolved>(file: string, settings: T): Omit<T, keyof Unresolved> & Places & Resolved {
  const {
    settlementKeyFile,
    settlementKey,
    deadlineKey,
    attestationKeyFile,
    attestationKey,
    rpcUrl,
    rpcUrls,
    deployment,
    dataDirectory,
    ...config
  } = settings;
  return {
    ...config,
    ...absolute(file, { deployment, dataDirectory }),
    rpcUrls: rpcUrls ?? [rpcUrl!],
    settlementKey: keyOf(file, settlementKeyFile, settlementKey),
    ...(attestationKey || attestationKeyFile
      ? { attestationKey: keyOf<LocalKeySource>(file, attestationKeyFile, attestationKey) }
      : {}),
    ...(deadlineKey ? { deadlineKey: absoluteKey(file, deadlineKey) } : {}),
  };
}

/** One of the two is there: `keyOnce` has seen to it. */
function keyOf<T extends KeySource>(file: string, keyFile: string | undefined, source: T | undefined) {
  return absoluteKey<T | { keyFile: string }>(file, source ?? { keyFile: keyFile! });
}

function absoluteKey<T extends KeySource>(file: string, source: T): T {
  if ("remoteSigner" in source) return source;
  const { keyFile, keystoreFile, passwordFile } = source as Record<string, string | undefined>;
  return { ...source, ...absolute(file, present({ keyFile, keystoreFile, passwordFile })) };
}

function present(files: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(Object.entries(files).flatMap(([name, at]) => (at === undefined ? [] : [[name, at]])));
}

export function readGatewayConfig(file: string, environment: Environment = process.env): GatewayConfig {
  const rules = [keyOnce("postageKey"), keyOnce("transactionKey")];
  const settings = readSettings({ file, schema: gatewaySchema, environment, rules, groups: GROUPS });
  const { postageKeyFile, postageKey, transactionKeyFile, transactionKey, ...config } = settings;
  const keys = {
    postageKey: keyOf<LocalKeySource>(file, postageKeyFile, postageKey),
    transactionKey: keyOf<LocalKeySource>(file, transactionKeyFile, transactionKey),
  };
  const { tokensFile, senderSecretFile } = config;
  const files = present({ tokensFile, senderSecretFile });
  const topUp = config.topUp && { ...config.topUp, ownerKey: absoluteKey<LocalKeySource>(file, config.topUp.ownerKey) };
  return { ...config, ...keys, ...(topUp ? { topUp } : {}), ...absolute(file, { ...places(config), ...files }) };
}

function places({ deployment, dataDirectory }: { deployment: string; dataDirectory: string }) {
  return { deployment, dataDirectory };
}

/** Paths in a config file, and in the environment over it, are relative to that file. */
function absolute<T extends Record<string, string>>(file: string, paths: T): T {
  const base = dirname(resolve(file));
  return Object.fromEntries(Object.entries(paths).map(([name, value]) => [name, resolve(base, value)])) as T;
}

/** 32 bytes from a file of 64 hex digits. The key itself never shows up in an error. */
export function readKey(file: string): Uint8Array {
  try {
    return readKeyFile(file);
  } catch (error) {
    throw configError(error);
  }
}

/** A key that this process holds, as its config says. */
export async function openKey(source: LocalKeySource): Promise<Uint8Array> {
  try {
    return await readLocalKey(source, process.env);
  } catch (error) {
    throw configError(error);
  }
}

/** What signs transactions, as a config says. */
export async function openTransactionSigner(source: KeySource): Promise<TransactionSigner> {
  try {
    return await openSigner(source, process.env);
  } catch (error) {
    throw configError(error);
  }
}

function configError(error: unknown): unknown {
  return error instanceof KeyFileError ? new ConfigError(error.message) : error;
}
