/** No answer of ours is larger: the largest are logs of a range, which is then read in smaller ones. */
export const MOST_ANSWER_BYTES = 16 * 1024 * 1024;
const TIMEOUT_MS = 10_000;

/** Why an endpoint's answer is not used; `message` names the endpoint, never its path, which may hold a key. */
export class RpcError extends Error {
  override readonly name: string = "RpcError";
}

/** More bytes than any answer of ours has. */
export class RpcAnswerTooLargeError extends RpcError {
  override readonly name = "RpcAnswerTooLargeError";
}

/** Posts a body of JSON and answers the JSON that comes back. Rejects with an RpcError. */
export type RpcTransport = (body: string) => Promise<unknown>;

/** JSON-RPC over HTTP: one try, at most 10 s, at most 16 MB. */
export function httpTransport(url: string, name: string): RpcTransport {
  const target = new URL(url);
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (target.username || target.password) {
    // fetch takes no credentials in an address.
    const credentials = `${decodeURIComponent(target.username)}:${decodeURIComponent(target.password)}`;
    headers.authorization = `Basic ${Buffer.from(credentials).toString("base64")}`;
    target.username = target.password = "";
  }
  return async (body) => {
    const text = await post(target, headers, body, name);
    try {
      return JSON.parse(text) as unknown;
    } catch {
      throw new RpcError(`${name} answered something else than JSON`);
    }
  };
}

async function post(target: URL, headers: Record<string, string>, body: string, name: string): Promise<string> {
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const response = await fetch(target, { method: "POST", headers, body, signal, redirect: "error" });
    if (!response.ok) {
      await response.body?.cancel();
      throw new RpcError(`${name} answered HTTP ${response.status}`);
    }
    return await readBounded(response, name);
  } catch (error) {
    if (error instanceof RpcError) throw error;
    const { cause, name: kind } = error as Error & { cause?: { code?: string } };
    const why = kind === "TimeoutError" ? `no answer within ${TIMEOUT_MS} ms` : (cause?.code ?? "connection lost");
    throw new RpcError(`${name} cannot be reached: ${why}`);
  }
}

async function readBounded(response: Response, name: string): Promise<string> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of (response.body ?? []) as unknown as AsyncIterable<Uint8Array>) {
    length += part.length;
    // Leaving the loop cancels what is still to come.
    if (length > MOST_ANSWER_BYTES) {
      throw new RpcAnswerTooLargeError(`${name} answered more than ${MOST_ANSWER_BYTES} bytes`);
    }
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}
