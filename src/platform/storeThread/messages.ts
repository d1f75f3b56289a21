// What goes to a store's thread and back. Both ends share it.

/** A call of the store, or of one of its parts. */
export interface Call {
  id: number;
  part: string | undefined;
  method: string;
  args: readonly unknown[];
}

/** What an opened store looks like, so that the other end can look the same. */
export interface Shape {
  methods: string[];
  parts: Record<string, string[]>;
  values: Record<string, unknown>;
}

export type Report =
  | { kind: "opened"; shape: Shape }
  | { kind: "unopened"; error: PackedError }
  | { kind: "done"; id: number; value: unknown }
  | { kind: "failed"; id: number; error: PackedError }
  | { kind: "log"; level: LogMethod; fields: object; message: string };

export const LOG_METHODS = ["debug", "info", "warn", "error"] as const;
export type LogMethod = (typeof LOG_METHODS)[number];

/** An error without its class, which no message carries. */
export interface PackedError {
  className: string;
  name: string;
  message: string;
  stack: string | undefined;
  /** Its own fields: codes, numbers. */
  fields: Record<string, unknown>;
  cause: PackedError | undefined;
}

export interface ErrorClass {
  readonly name: string;
  readonly prototype: Error;
}

/** Causes of causes that are carried over. */
const MOST_CAUSES = 5;
const STANDARD: ReadonlySet<string> = new Set(["name", "message", "stack", "cause"]);

export function packError(error: unknown, depth = 0): PackedError {
  if (!(error instanceof Error)) return packError(new Error(String(error)), depth);
  const { cause, message, stack } = error;
  const own = Object.getOwnPropertyNames(error).filter((key) => !STANDARD.has(key));
  return {
    // A subclass need not have a name of its own, and a class need not be called as its errors are.
    className: error.constructor.name,
    name: error.name,
    message,
    stack,
    fields: Object.fromEntries(own.map((key) => [key, compact((error as unknown as Record<string, unknown>)[key])])),
    cause: cause === undefined || depth === MOST_CAUSES ? undefined : packError(cause, depth + 1),
  };
}

/** The error again, of its class when that is among those given, with its fields; otherwise a plain one. */
export function unpackError(packed: PackedError, classes: readonly ErrorClass[]): Error {
  const { cause, className, fields, message, name, stack } = packed;
  const error = new Error(message, cause && { cause: unpackError(cause, classes) });
  const itsClass = classes.find((one) => one.name === className);
  // Not constructed: constructors add words to what they are given.
  if (itsClass) Object.setPrototypeOf(error, itsClass.prototype);
  for (const [key, value] of Object.entries({ ...fields, name, stack })) {
    Object.defineProperty(error, key, { value, configurable: true, writable: true, enumerable: key in fields });
  }
  return error;
}

/**
 * The same without views that look at a part of their buffer: a message carries the whole buffer, which may be a
 * request of megabytes around one topic.
 */
export function compact(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Uint8Array) return value.byteLength === value.buffer.byteLength ? value : new Uint8Array(value);
  if (Array.isArray(value)) return value.map(compact);
  if (value instanceof Map) return new Map([...value].map(([key, one]) => [compact(key), compact(one)]));
  if (value instanceof Set) return new Set([...value].map(compact));
  if (value instanceof Error) return packError(value);
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(value)) copy[key] = compact((value as Record<string, unknown>)[key]);
  return copy;
}
