import { z } from "zod";

import { NODE_STRATEGIES, requireChoice } from "../../client/nodes/nodeOrder.ts";
import type { LocalKeySource } from "../../platform/keys/keySource.ts";
import type { Environment } from "./readSettings.ts";
import { readSettings } from "./readSettings.ts";
import {
  GROUPS,
  absolute,
  absoluteKey,
  common,
  keyOf,
  keyOnce,
  localKeySource,
  metricsListen,
  nodeId,
  path,
  places,
  postgresUrl,
  present,
  units,
  wei,
} from "./parts.ts";

const dailyBudget = z.strictObject({ postage: units.optional(), gasWei: wei.optional() });
const perMinute = z.int().min(1).max(1_000_000);
const TOP_UP = "below and amount are above 0, and mostPerDay is at least amount";

const gatewaySchema = z.strictObject({
  ...common,
  /** Hex of the postage key, whose address is the channel; or `postageKey`. */
  postageKeyFile: path.optional(),
  postageKey: localKeySource.optional(),
  /** Hex of the key that pays gas for commits and identity updates; or `transactionKey`. */
  transactionKeyFile: path.optional(),
  transactionKey: localKeySource.optional(),
  /** Where the ledger is kept when several gateways share the channel; without it, gateway.sqlite in dataDirectory. */
  databaseUrl: postgresUrl,
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
  metricsListen,
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

export type GatewayConfig = Omit<
  z.output<typeof gatewaySchema>,
  "postageKey" | "postageKeyFile" | "transactionKey" | "transactionKeyFile"
> & { postageKey: LocalKeySource; transactionKey: LocalKeySource };

/** What a config file may hold, before defaults. */
export type GatewayConfigInput = z.input<typeof gatewaySchema>;

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
