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
