/** Causes nest a few levels deep; a loop among them must not hang us. */
const MOST_DEPTH = 8;

/** Whether a call failed because nobody took the connection: then not one byte of it arrived. */
export function causedByRefusedConnection(error: unknown, depth = 0): boolean {
  if (!(error instanceof Error) || depth > MOST_DEPTH) return false;
  // Several addresses were tried: each has to have refused.
  if (error instanceof AggregateError && error.errors.length > 0) {
    return error.errors.every((one) => causedByRefusedConnection(one, depth + 1));
  }
  if ("code" in error && (error.code === "ECONNREFUSED" || error.code === "ENOTFOUND")) return true;
  return causedByRefusedConnection(error.cause, depth + 1);
}
