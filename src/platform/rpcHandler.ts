import type { OutgoingHttpHeaders } from "node:http";

import type { ConnectRouterOptions } from "@connectrpc/connect";
import { createConnectRouter, createContextValues } from "@connectrpc/connect";
import type { ConnectRouter } from "@connectrpc/connect";
import type { UniversalServerResponse } from "@connectrpc/connect/protocol";
import type { connectNodeAdapter } from "@connectrpc/connect-node";
import { compressionBrotli, compressionGzip, universalRequestFromNodeRequest } from "@connectrpc/connect-node";

import { kCaller } from "./caller.ts";

/** Serves a request of either HTTP. */
export type RequestHandler = ReturnType<typeof connectNodeAdapter>;
type Response = Parameters<RequestHandler>[1];

/**
 * Serves the RPCs of `routes`, and everything else with `fallback`. Like Connect's own adapter, but whoever leaves while
 * an answer waits for it to read has that answer ended: there, its handler would wait for ever.
 */
export function rpcHandler(
  routes: (router: ConnectRouter) => void,
  options: ConnectRouterOptions,
  fallback: RequestHandler,
): RequestHandler {
  const router = createConnectRouter({ acceptCompression: [compressionGzip, compressionBrotli], ...options });
  routes(router);
  const handlers = new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
  return (request, response) => {
    const handler = handlers.get((request.url ?? "").split("?", 1)[0]!);
    if (!handler) return fallback(request, response);
    const values = createContextValues().set(kCaller, request.socket.remoteAddress ?? "");
    handler(universalRequestFromNodeRequest(request, response, undefined, values))
      .then((answer) => send(answer, response))
      // Nobody is left to be told: the connection is gone.
      .catch(() => response.end());
  };
}

async function send({ status, header, body, trailer }: UniversalServerResponse, response: Response): Promise<void> {
  const chunks = body?.[Symbol.asyncIterator]();
  try {
    // The headers go with the first chunk: until then a handler may set them.
    let next = await chunks?.next();
    response.writeHead(status, plain(header));
    while (next && !next.done) {
      if (!response.write(next.value) && !(await drained(response))) return;
      next = await chunks!.next();
    }
    if (trailer) response.addTrailers(plain(trailer));
    response.end();
  } finally {
    await chunks?.return?.(undefined)?.catch(() => {});
  }
}

/** False when the other side is gone. */
function drained(response: Response): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (isDrained: boolean) => {
      response.off("drain", onDrain);
      response.off("close", onClose);
      resolve(isDrained);
    };
    const onDrain = () => settle(true);
    const onClose = () => settle(false);
    response.on("drain", onDrain);
    response.on("close", onClose);
    if (response.destroyed) settle(false);
  });
}

function plain(headers: HeadersInit | undefined): OutgoingHttpHeaders {
  const all: OutgoingHttpHeaders = {};
  new Headers(headers).forEach((value, name) => (all[name] = value));
  return all;
}
