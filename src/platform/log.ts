import { pino } from "pino";

/** Structured lines for operators. Fields first, then a sentence that stays the same for the same event. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

/** JSON lines on standard error; amounts, which are bigint, as decimal strings. */
export function createLog(name: string, level: LogLevel): Log {
  return pino(
    { name, level, base: { name }, timestamp: pino.stdTimeFunctions.isoTime, formatters: { log: printable } },
    pino.destination({ fd: 2, sync: true }),
  );
}

function printable(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [key, typeof value === "bigint" ? value.toString() : value]),
  );
}

export const silentLog: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
