import { Code, ConnectError } from "@connectrpc/connect";

import { ProtocolError } from "../protocol/errors.ts";

/** A request that is wrong and stays wrong, however often it is sent. */
export function invalidArgument(message: string): ConnectError {
  return new ConnectError(message, Code.InvalidArgument);
}

/** Something the node needs is missing now; the same request may succeed later or elsewhere. */
export function unavailable(message: string): ConnectError {
  return new ConnectError(message, Code.Unavailable);
}

/** Runs `read`; a rule of the protocol that the caller's bytes break becomes InvalidArgument. */
export function readingRequest<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof ProtocolError) throw invalidArgument(`${what}: ${error.message} (${error.code})`);
    throw error;
  }
}

/** One line for a log. */
export function describe(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
