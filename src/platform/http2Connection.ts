import type { ClientHttp2Session, ClientHttp2Stream, OutgoingHttpHeaders } from "node:http2";
import { connect, constants } from "node:http2";

import type { GrpcTransportOptions } from "@connectrpc/connect-node";

/** A connection with calls on it is asked for a sign of life; Go's servers take that for an attack when it is oftener. */
const PING_MS = 30_000;
const PONG_MS = 10_000;

/**
 * One HTTP/2 connection that is opened when it is needed and again after it broke. In place of Connect's own manager,
 * which may leave a session's error without a listener, and that ends the process.
 */
export class Http2Connection implements NonNullable<GrpcTransportOptions["sessionManager"]> {
  readonly authority: string;
  #session: ClientHttp2Session | undefined;
  #isClosed = false;
  #streams = 0;

  constructor(url: string) {
    this.authority = new URL(url).origin;
  }

  async request(method: string, path: string, headers: OutgoingHttpHeaders): Promise<ClientHttp2Stream> {
    if (this.#isClosed) throw new Error("the connection was closed");
    const session = await this.#open();
    const stream = session.request({ ...headers, ":method": method, ":path": path });
    this.#streams++;
    stream.once("close", () => this.#streams--);
    return stream;
  }

  notifyResponseByteRead(): void {}

  /** Breaks what is under way. */
  close(): void {
    this.#isClosed = true;
    this.#session?.destroy();
  }

  async #open(): Promise<ClientHttp2Session> {
    const current = this.#session;
    if (current && !current.closed && !current.destroyed) return opened(current);
    const session = connect(this.authority);
    // Always heard, also when nobody waits: calls learn of it by their streams.
    session.on("error", () => {});
    // The other side takes no more calls; those under way may end.
    session.on("goaway", () => session.close());
    this.#session = session;
    this.#watch(session);
    return opened(session);
  }

  #watch(session: ClientHttp2Session): void {
    let pong: NodeJS.Timeout | undefined;
    const ping = setInterval(() => {
      if (this.#streams === 0 || pong) return;
      pong = setTimeout(() => session.destroy(new Error("no answer to a ping"), constants.NGHTTP2_CANCEL), PONG_MS);
      session.ping(() => {
        clearTimeout(pong);
        pong = undefined;
      });
    }, PING_MS);
    ping.unref();
    session.once("close", () => {
      clearInterval(ping);
      clearTimeout(pong);
    });
  }
}

/** Rejects with what kept it from connecting, such as ECONNREFUSED. */
function opened(session: ClientHttp2Session): Promise<ClientHttp2Session> {
  if (!session.connecting) return Promise.resolve(session);
  return new Promise((resolve, reject) => {
    session.once("connect", () => resolve(session));
    session.once("error", reject);
    session.once("close", () => reject(new Error("the connection closed before it was open")));
  });
}
