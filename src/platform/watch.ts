import type { Beats } from "./beats.ts";
import type { HttpHandler } from "./grpcServer.ts";
import type { HttpAnswer } from "./httpAnswer.ts";
import { jsonAnswer, sendAnswer } from "./httpAnswer.ts";
import type { Log } from "./log.ts";
import type { MetricsText } from "./metrics/metrics.ts";

export interface Verdict {
  ok: boolean;
  /** Why not, each with what to do; empty when it is. */
  reasons: string[];
  /** What does not work while the rest does, each with what to do; left out when there is nothing. */
  warnings?: string[];
}

export function verdict(reasons: string[]): Verdict {
  return { ok: reasons.length === 0, reasons };
}

/** A reason for each loop that hangs. */
export function stuckLoops(beats: Beats): string[] {
  const stuck = beats.status().filter(({ isStuck }) => isStuck);
  return stuck.map(
    ({ loop, ageSeconds }) => `the ${loop} loop has not ended a step for ${Math.round(ageSeconds)} s: start it again`,
  );
}

/** What whoever watches a process asks. */
export interface WatchRoutes {
  /** Whether it is worth keeping: a supervisor may start it again when it is not. */
  health(): Verdict;
  /** Whether it can do its work now: nobody should be sent there when it cannot. Starting again does not help. */
  ready(): Verdict | Promise<Verdict>;
  /** Rejects when what it shows cannot be read: a scrape that fails is an alarm of its own. */
  metrics(): Promise<MetricsText>;
}

/** 200 or 503, for whoever only looks at that. */
export function verdictAnswer(judged: Pick<Verdict, "ok">): HttpAnswer {
  return jsonAnswer(judged, judged.ok ? 200 : 503);
}

/** `GET` of /health, /ready and /metrics; undefined for any other path. */
export async function watchAnswer(routes: WatchRoutes, path: string): Promise<HttpAnswer | undefined> {
  if (path === "/health") return verdictAnswer(routes.health());
  if (path === "/ready") return verdictAnswer(await routes.ready());
  if (path !== "/metrics") return undefined;
  const { text, contentType } = await routes.metrics();
  return { status: 200, headers: { "content-type": contentType }, body: text };
}

/** For a listener of its own that other machines may reach: it gives numbers and reasons, and takes nothing. */
export function watchHandler(routes: WatchRoutes, log: Log): HttpHandler {
  return (request, response) => {
    const [path = "/"] = (request.url ?? "/").split("?");
    const asked = request.method === "GET" ? watchAnswer(routes, path) : Promise.resolve(undefined);
    asked
      .then((answer) => sendAnswer(response, answer ?? jsonAnswer({ error: `nothing at ${path}` }, 404)))
      .catch((error: unknown) => {
        log.error({ path, error: String(error) }, "a request failed");
        sendAnswer(response, jsonAnswer({ error: "this could not be done: see the log" }, 500));
      });
  };
}
