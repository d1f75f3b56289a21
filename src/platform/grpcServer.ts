import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import type { ConnectRouter } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";

export type HttpHandler = (request: IncomingMessage, response: ServerResponse) => void;

export interface GrpcServerOptions {
  host: string;
  /** 0 takes a free one. */
  port: number;
  routes: (router: ConnectRouter) => void;
  /** Serves plain HTTP requests that are no RPC; without it they get 404. */
  fallback?: HttpHandler;
  /** Bytes that one request message may have. */
  maxMessageBytes: number;
}

export interface GrpcServer {
  /** `http://host:port` as a client reaches it. */
  url: string;
  /** Stops listening, ends open streams, and resolves when every connection is closed. */
  close(): Promise<void>;
}

const CORS_HEADERS = {
  "access-control-allow-origin": "*",
  "access-control-allow-methods": "GET, POST, OPTIONS",
  "access-control-allow-headers": "*",
  "access-control-expose-headers": "*",
};

/** gRPC-Web over HTTP/1.1 with CORS open, because browsers are clients too. */
export async function startGrpcServer(options: GrpcServerOptions): Promise<GrpcServer> {
  const shutdown = new AbortController();
  const handler = connectNodeAdapter({
    routes: options.routes,
    // XMTP nodes refuse the Connect protocol, so nobody may come to rely on it here.
    connect: false,
    grpc: false,
    grpcWeb: true,
    readMaxBytes: options.maxMessageBytes,
    shutdownSignal: shutdown.signal,
    fallback: (request, response) =>
      (options.fallback ?? notFound)(request as IncomingMessage, response as ServerResponse),
  });
  const server = createServer((request, response) => {
    for (const [name, value] of Object.entries(CORS_HEADERS)) response.setHeader(name, value);
    if (request.method === "OPTIONS") return void response.writeHead(204).end();
    try {
      handler(request, response);
    } catch {
      // Thrown here it would end the process: no stranger's request may do that.
      if (!response.headersSent) response.writeHead(400);
      response.end();
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, options.host, () => resolve());
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${options.host}:${port}`,
    close: async () => {
      shutdown.abort(new Error("the server is shutting down"));
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      // Streams end by the signal; whoever does not let go within a second is cut.
      const cut = setTimeout(() => server.closeAllConnections(), 1_000);
      await closed;
      clearTimeout(cut);
    },
  };
}

function notFound(_request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(404, { "content-type": "text/plain" }).end("not found\n");
}
