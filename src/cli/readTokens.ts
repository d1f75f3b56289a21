import { readFileSync } from "node:fs";

import { z } from "zod";

import type { Authenticate } from "../index.ts";
import { bearerTokens } from "../index.ts";
import { isReadByOthers } from "../platform/keyFile.ts";
import { ConfigError } from "./config/readSettings.ts";

const MOST_TOKENS = 100_000;
const name = z.string().min(1).max(128);
const key = z.string().regex(/^(0x)?[0-9a-f]{64}$/i, "64 hex digits");
const schema = z
  .array(
    z.strictObject({
      token: z.string(),
      user: name,
      app: name.optional(),
      inboxId: key.optional(),
      installationId: key.optional(),
    }),
  )
  .min(1)
  .max(MOST_TOKENS);

/** Who may publish, from a JSON file of bearer tokens. Throws ConfigError, which repeats no token. */
export function readTokens(file: string): Authenticate {
  let value: unknown;
  try {
    if (isReadByOthers(file)) throw new ConfigError(`${file} can be read by others than you: chmod 600 ${file}`);
    value = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    // The parser's message quotes what it stopped at, which may be a token.
    const problem = error instanceof SyntaxError ? "it is not JSON" : (error as Error).message;
    throw new ConfigError(`cannot read the tokens file ${file}: ${problem}`);
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    const faults = parsed.error.issues.slice(0, 20).map(({ path, message }) => `- ${path.join(".")}: ${message}`);
    throw new ConfigError(
      [`${file} is no list of { token, user, app?, inboxId?, installationId? }:`, ...faults].join("\n"),
    );
  }
  try {
    return bearerTokens(parsed.data);
  } catch (error) {
    throw new ConfigError(`${file}: ${(error as Error).message}`);
  }
}
