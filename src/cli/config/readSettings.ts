import { readFileSync } from "node:fs";

import type { z } from "zod";

/** Settings that cannot be used; the message lists everything wrong with them, and repeats no value. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** What a schema alone cannot say: the faults of settings as they were written, each with its remedy. */
export type Rule = (settings: Readonly<Record<string, unknown>>) => string[];

export interface SettingsOptions<T extends z.ZodObject> {
  file: string;
  schema: T;
  environment: Environment;
  rules?: readonly Rule[];
  /** Keys that say the same in several ways: one from the environment takes the place of all that the file has. */
  groups?: readonly (readonly string[])[];
}

/** Every variable with this prefix is a setting; one that names no setting is an error, as an unknown key is. */
export const VARIABLE_PREFIX = "PENNYBLACK_CONFIG_";

/** `rpcUrl` is PENNYBLACK_CONFIG_RPC_URL. */
export function variableOf(key: string): string {
  return VARIABLE_PREFIX + key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}

/** A JSON file with the environment over it. Throws ConfigError with all faults of both. */
export function readSettings<T extends z.ZodObject>(options: SettingsOptions<T>): z.output<T> {
  const { file, schema, rules = [] } = options;
  const { settings, variables, faults } = withEnvironment(readJson(file), options);
  const parsed = schema.safeParse(settings);
  if (!parsed.success) faults.push(...parsed.error.issues.flatMap((issue) => describe(issue, variables)));
  for (const rule of rules) faults.push(...rule(settings));
  if (parsed.success && faults.length === 0) return parsed.data;
  throw new ConfigError([`${file} cannot be used:`, ...faults.map((fault) => `- ${fault}`)].join("\n"));
}

/** Whether file or environment have a setting, whatever it is. Throws ConfigError when the file cannot be read. */
export function hasSetting(file: string, key: string, environment: Environment): boolean {
  return readJson(file)[key] !== undefined || environment[variableOf(key)] !== undefined;
}

function readJson(file: string): Record<string, unknown> {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new ConfigError(`cannot read ${file}: ${(error as Error).message}`);
  }
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch (error) {
    // The parser's message quotes what it stopped at, which may be a password.
    const [, position] = /position (\d+)/.exec((error as Error).message) ?? [];
    const line = position === undefined ? undefined : text.slice(0, Number(position)).split("\n").length;
    throw new ConfigError(`${file} is not JSON${line === undefined ? "" : `: look at line ${line}`}`);
  }
  throw new ConfigError(`${file} is not a JSON object of settings`);
}

function withEnvironment<T extends z.ZodObject>(
  written: Record<string, unknown>,
  { schema, environment, groups = [] }: SettingsOptions<T>,
) {
  const settings = { ...written };
  const faults: string[] = [];
  const keys = new Map(Object.keys(schema.shape).map((key) => [variableOf(key), key]));
  const variables = new Map<string, string>();
  for (const [variable, text] of Object.entries(environment)) {
    if (!variable.startsWith(VARIABLE_PREFIX) || text === undefined) continue;
    const key = keys.get(variable);
    if (key === undefined) faults.push(`${variable} (environment): there is no such setting`);
    else variables.set(key, variable);
  }
  for (const key of variables.keys()) {
    for (const other of groups.find((group) => group.includes(key)) ?? []) delete settings[other];
  }
  for (const [key, variable] of variables) {
    settings[key] = valueOf(environment[variable]!, schema.shape[key] as z.ZodType);
  }
  return { settings, variables, faults };
}

/** The text itself where the setting takes it, such as an amount or a path; otherwise what it says as JSON. */
function valueOf(text: string, setting: z.ZodType): unknown {
  if (setting.safeParse(text).success) return text;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

function describe(issue: z.core.$ZodIssue, variables: ReadonlyMap<string, string>): string[] {
  const at = issue.path.map(String).join(".");
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => `${at === "" ? key : `${at}.${key}`}: there is no such setting`);
  }
  const variable = variables.get(String(issue.path[0]));
  return [`${at}${variable ? ` (${variable})` : ""}: ${issue.message}`];
}
