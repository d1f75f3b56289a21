import type { IncomingMessage } from "node:http";

/**
 * From this machine, and not by way of a browser or a proxy on it: a page of any site may reach a loopback port, but
 * says so by its origin, or by a host name when it has that resolve to this machine.
 */
export function isLocalCaller({ headers, socket }: IncomingMessage): boolean {
  const address = socket.remoteAddress ?? "";
  const isLoopback = /^(::ffff:)?127\.\d+\.\d+\.\d+$/.test(address) || address === "::1";
  const isDirect = headers.origin === undefined && headers["x-forwarded-for"] === undefined;
  return isLoopback && isDirect && /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/.test(headers.host ?? "");
}
