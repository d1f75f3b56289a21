import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { ServerHttp2Session } from "node:http2";
import { createServer as createHttp2Server } from "node:http2";
import type { AddressInfo, Socket } from "node:net";

import type { ConnectRouter } from "@connectrpc/connect";

import { protocolOf } from "./firstBytes.ts";
import type { RequestHandler } from "./rpcHandler.ts";
import { rpcHandler } from "./rpcHandler.ts";

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
  /** How long close() waits for calls under way before it cuts them. Default 1 s. */
  drainMs?: number;
  /** How long a connection may take to say which HTTP it speaks. Default 10 s. */
  firstBytesMs?: number;
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

/** Of one port. Each stream of a browser is a connection of its own. */
const MOST_CONNECTIONS = 20_000;
/** Connections that have not said yet what they speak. */
const MOST_UNDECIDED = 1_000;
const MOST_HEADER_BYTES = 16 * 1024;
/** Of one HTTP/2 connection. */
const MOST_STREAMS = 256;
const MOST_SESSION_MEGABYTES = 64;
/** Keep-alive frames come every 30 s; who is silent longer has no stream open, or does not read it. */
const IDLE_MS = 300_000;
const HEADERS_MS = 20_000;
const REQUEST_MS = 120_000;
const SWEEP_MS = 50;

/**
 * gRPC-Web over HTTP/1.1 with CORS open, because browsers are clients too, and gRPC over HTTP/2 without TLS (h2c), which
 * native clients and stock nodes speak, on one port: the first bytes of a connection say which it is.
 */
export async function startGrpcServer(options: GrpcServerOptions): Promise<GrpcServer> {
  const shutdown = new AbortController();
  const http2 = createHttp2Server(
    {
      settings: { maxConcurrentStreams: MOST_STREAMS, maxHeaderListSize: MOST_HEADER_BYTES },
      maxSessionMemory: MOST_SESSION_MEGABYTES,
    },
    listener(options, "http2", shutdown.signal),
  );
  const server = createServer(
    {
      maxHeaderSize: MOST_HEADER_BYTES,
      headersTimeout: HEADERS_MS,
      requestTimeout: REQUEST_MS,
      // Who vanished without a word is found out.
      keepAlive: true,
      keepAliveInitialDelay: 30_000,
    },
    listener(options, "http1", shutdown.signal),
  );
  server.maxConnections = MOST_CONNECTIONS;
  const sessions = new Set<ServerHttp2Session>();
  http2.on("session", (session) => {
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
    session.setTimeout(IDLE_MS, () => session.destroy());
  });
  const undecided = handOut(server, http2, options.firstBytesMs ?? 10_000);
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
      for (const socket of undecided) socket.destroy();
      for (const session of sessions) session.close();
      // A connection may become idle later, when its call is answered.
      const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_MS);
      // Streams end by the signal; whoever does not let go in time is cut.
      const cut = setTimeout(() => {
        server.closeAllConnections();
        for (const session of sessions) session.destroy();
      }, options.drainMs ?? 1_000);
      await closed;
      clearInterval(sweep);
      clearTimeout(cut);
    },
  };
}

/** The HTTP/1 server listens, so that its own timeouts hold; a connection that speaks HTTP/2 goes to the other one. */
function handOut(
  server: ReturnType<typeof createServer>,
  http2: ReturnType<typeof createHttp2Server>,
  firstBytesMs: number,
): ReadonlySet<Socket> {
  const undecided = new Set<Socket>();
  const [serveHttp1] = server.listeners("connection");
  server.removeAllListeners("connection");
  server.on("connection", (socket) => {
    if (undecided.size >= MOST_UNDECIDED) return void socket.destroy();
    undecided.add(socket);
    // A reset must not end the process, whoever looks after the socket by then.
    socket.on("error", () => socket.destroy());
    void protocolOf(socket, firstBytesMs).then((protocol) => {
      undecided.delete(socket);
      if (!protocol || socket.destroyed) socket.destroy();
      else if (protocol === "http1") serveHttp1!.call(server, socket);
      else {
        // Whoever has nothing more to say reads nothing more, and what waits for it to read would wait for ever.
        socket.once("end", () => socket.destroy());
        http2.emit("connection", socket);
      }
    });
  });
  return undecided;
}

function listener(options: GrpcServerOptions, version: "http1" | "http2", shutdownSignal: AbortSignal): RequestHandler {
  const handler = rpcHandler(
    options.routes,
    {
      // XMTP nodes refuse the Connect protocol, so nobody may come to rely on it here.
      connect: false,
      grpc: version === "http2",
      grpcWeb: true,
      readMaxBytes: options.maxMessageBytes,
      shutdownSignal,
    },
    (options.fallback ?? notFound) as RequestHandler,
  );
  return (request, response) => {
    for (const [name, value] of Object.entries(CORS_HEADERS)) response.setHeader(name, value);
    if (request.method === "OPTIONS") {
      response.writeHead(204);
      return void response.end();
    }
    try {
      handler(request, response);
    } catch {
      // Thrown here it would end the process: no stranger's request may do that.
      if (!response.headersSent) response.writeHead(400);
      response.end();
    }
  };
}

function notFound(_request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(404, { "content-type": "text/plain" }).end("not found\n");
}
