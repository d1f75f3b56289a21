import { z } from "zod";

import type { KeySource, LocalKeySource } from "../../platform/keys/keySource.ts";
import type { Environment, Rule } from "./readSettings.ts";
import { hasSetting, readSettings } from "./readSettings.ts";
import {
  GROUPS,
  absolute,
  absoluteKey,
  common,
  keyAtMostOnce,
  keyOf,
  keyOnce,
  keySource,
  localKeySource,
  metricsListen,
  milliseconds,
  nodeId,
  path,
  places,
  postgresUrl,
  port,
  units,
} from "./parts.ts";

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
  metricsListen,
  /** Where the ledger is kept when several daemons of this node share it; without it, ledger.sqlite in dataDirectory. */
  databaseUrl: postgresUrl,
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
/** What a config file may hold, before defaults. */
export type NodeConfigInput = z.input<typeof nodeSchema>;
export type DaemonConfigInput = z.input<typeof daemonSchema>;

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

const endpointsOnce: Rule = ({ rpcUrl, rpcUrls }) => {
  if ((rpcUrl === undefined) === (rpcUrls === undefined)) {
    return ["rpcUrl: name the chain's endpoints once: rpcUrl for one, rpcUrls for several"];
  }
  if (!Array.isArray(rpcUrls) || new Set(rpcUrls).size === rpcUrls.length) return [];
  return ["rpcUrls: has an endpoint twice: it would confirm itself"];
};

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
    ...absolute(file, places({ deployment, dataDirectory })),
    rpcUrls: rpcUrls ?? [rpcUrl!],
    settlementKey: keyOf(file, settlementKeyFile, settlementKey),
    ...(attestationKey || attestationKeyFile
      ? { attestationKey: keyOf<LocalKeySource>(file, attestationKeyFile, attestationKey) }
      : {}),
    ...(deadlineKey ? { deadlineKey: absoluteKey(file, deadlineKey) } : {}),
  };
}
