import { concatBytes } from "../protocol/bytes.ts";

/** An answer that is not what was asked for, by its HTTP status. */
export class HttpStatusError extends Error {
  override readonly name = "HttpStatusError";
  readonly status: number;

  constructor(name: string, status: number) {
    super(`${name} answered ${status}`);
    this.status = status;
  }
}

/** What a path below somebody's address answers, as JSON; otherwise as `fetchBounded`. */
export async function fetchJson(
  httpAddress: string,
  path: string,
  request: RequestInit,
  most: number,
  name?: string,
): Promise<unknown> {
  return JSON.parse(new TextDecoder().decode(await fetchBounded(urlBelow(httpAddress, path), request, most, name)));
}

/** A request that brings JSON. */
export function postOf(body: object, signal: AbortSignal): RequestInit {
  return { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json" }, signal };
}

/** Addresses are registered with a slash at the end or without. */
export function urlBelow(httpAddress: string, path: string): URL {
  return new URL(httpAddress.replace(/\/+$/, "") + path);
}

/**
 * Reads no more than so many bytes, whatever the other side sends, and follows no redirect.
 * @param name who answered, for the errors
 */
export async function fetchBounded(url: URL, request: RequestInit, most: number, name = url.href): Promise<Uint8Array> {
  const response = await fetch(url, { ...request, redirect: "error" });
  if (!response.ok || !response.body) {
    await response.body?.cancel();
    throw new HttpStatusError(name, response.status);
  }
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of response.body as unknown as AsyncIterable<Uint8Array>) {
    length += part.length;
    if (length > most) throw new Error(`${name} answered more than ${most} bytes`);
    parts.push(part);
  }
  return concatBytes(...parts);
}
