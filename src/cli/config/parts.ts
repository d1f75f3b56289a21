import { dirname, resolve } from "node:path";

import { z } from "zod";

import type { KeySource } from "../../platform/keys/keySource.ts";
import type { Rule } from "./readSettings.ts";

export const units = z
  .string()
  .regex(/^\d{1,20}$/, "an amount in base units, as a decimal string")
  .transform((text) => BigInt(text));
export const port = z.int().min(0).max(65_535);
export const path = z.string().min(1);
export const wei = z
  .string()
  .regex(/^\d{1,30}$/, "an amount in wei, as a decimal string")
  .transform((text) => BigInt(text));
export const nodeId = z.int().min(100).multipleOf(100);
export const milliseconds = z.int().min(50).max(3_600_000);

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
export const localKeySource = z.union(localKey, LOCAL_KEY);
export const keySource = z.union([...localKey, remoteKey], `${LOCAL_KEY}, or { remoteSigner: { url, address } }`);

export const common = {
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
/** A PostgreSQL that several processes may share. */
export const postgresUrl = z.url({ protocol: /^postgres(ql)?$/, error: "a postgres:// URL" }).optional();
/** Another listener, for metrics and health alone, which other machines may reach: not the public one. */
export const metricsListen = common.listen.optional();

/** Settings of which one is enough, and two would contradict each other. */
export const GROUPS = [
  ["rpcUrl", "rpcUrls"],
  ["signingKey", "signingKeyFile"],
  ["settlementKey", "settlementKeyFile"],
  ["attestationKey", "attestationKeyFile"],
  ["postageKey", "postageKeyFile"],
  ["transactionKey", "transactionKeyFile"],
];

/** A key is named once: as the file with its hex, or in full. */
export function keyOnce(name: string): Rule {
  return (settings) => {
    const isOnce = (settings[name] === undefined) !== (settings[`${name}File`] === undefined);
    return isOnce ? [] : [`${name}: name the key once, as ${name} or as ${name}File`];
  };
}

export function keyAtMostOnce(name: string): Rule {
  return (settings) => {
    const isTwice = settings[name] !== undefined && settings[`${name}File`] !== undefined;
    return isTwice ? [`${name}: name the key once, as ${name} or as ${name}File`] : [];
  };
}

/** One of the two is there: `keyOnce` has seen to it. */
export function keyOf<T extends KeySource>(file: string, keyFile: string | undefined, source: T | undefined) {
  return absoluteKey<T | { keyFile: string }>(file, source ?? { keyFile: keyFile! });
}

export function absoluteKey<T extends KeySource>(file: string, source: T): T {
  if ("remoteSigner" in source) return source;
  const { keyFile, keystoreFile, passwordFile } = source as Record<string, string | undefined>;
  return { ...source, ...absolute(file, present({ keyFile, keystoreFile, passwordFile })) };
}

export function present(files: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(Object.entries(files).flatMap(([name, at]) => (at === undefined ? [] : [[name, at]])));
}

export function places({ deployment, dataDirectory }: { deployment: string; dataDirectory: string }) {
  return { deployment, dataDirectory };
}

/** Paths in a config file, and in the environment over it, are relative to that file. */
export function absolute<T extends Record<string, string>>(file: string, paths: T): T {
  const base = dirname(resolve(file));
  return Object.fromEntries(Object.entries(paths).map(([name, value]) => [name, resolve(base, value)])) as T;
}
