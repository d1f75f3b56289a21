import { pino } from "pino";

import { redactor } from "./redact.ts";

/** Structured lines for operators. Fields first, then a sentence that stays the same for the same event. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

/**
 * JSON lines on standard error; amounts, which are bigint, as decimal strings.
 * @param secrets what must never stand in a line, beside what `redactor` knows by its form
 */
export function createLog(name: string, level: LogLevel, secrets: readonly string[] = []): Log {
  const redact = redactor(secrets);
  const fields = (given: Record<string, unknown>) => redact(given) as Record<string, unknown>;
  return pino(
    { name, level, base: { name }, timestamp: pino.stdTimeFunctions.isoTime, formatters: { log: fields } },
    pino.destination({ fd: 2, sync: true }),
  );
}

export const silentLog: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
