import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import type { HttpHandler } from "./grpcServer.ts";

/** A plain HTTP server on a port of its own. */
export interface Listener {
  readonly port: number;
  /** Stops listening and cuts what is open. */
  close(): Promise<void>;
}

/** Rejects when the port is taken. A port of 0 takes a free one. */
export async function listen(handler: HttpHandler, { host, port }: { host: string; port: number }): Promise<Listener> {
  const server = createServer(handler);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => resolve());
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
