import type { OverviewData } from "../../daemon/overview/overview.ts";

/** Why the daemon's operator port said nothing of use; the message says what to do. */
export class DaemonSilentError extends Error {
  override readonly name = "DaemonSilentError";
}

const TIMEOUT_MS = 15_000;

/** What JSON has made of an overview: amounts are decimal strings. */
export type Jsonified<T> = T extends bigint
  ? string
  : T extends (infer E)[]
    ? Jsonified<E>[]
    : T extends object
      ? { [K in keyof T]: Jsonified<T[K]> }
      : T;

/** Asks the running daemon for its overview. Throws DaemonSilentError. */
export async function askOverview(operatorUrl: string): Promise<Jsonified<OverviewData>> {
  let response: Response;
  try {
    response = await fetch(new URL("/overview", operatorUrl), { signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch (error) {
    const why = (error as Error).name === "TimeoutError" ? `not within ${TIMEOUT_MS / 1_000} s` : "no connection";
    throw new DaemonSilentError(
      `the daemon does not answer at ${operatorUrl} (${why}): see whether it runs and what its log says, ` +
        "then `pennyblack doctor --config FILE`",
      { cause: error },
    );
  }
  const body = (await response.json().catch(() => undefined)) as object | undefined;
  if (response.ok && body) return body as Jsonified<OverviewData>;
  throw new DaemonSilentError(
    `the daemon at ${operatorUrl} answered HTTP ${response.status}: its log says why; an older version has no overview`,
  );
}
