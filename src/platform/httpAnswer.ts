import type { ServerResponse } from "node:http";

/** What a plain HTTP request is answered with. */
export interface HttpAnswer {
  status: number;
  headers: Record<string, string>;
  body: Uint8Array | string;
}

/** Amounts are bigint; in JSON they are decimal strings. */
export function jsonAnswer(body: object, status = 200): HttpAnswer {
  const text = JSON.stringify(body, (_key, value: unknown) => (typeof value === "bigint" ? value.toString() : value));
  return { status, headers: { "content-type": "application/json" }, body: `${text}\n` };
}

export function sendAnswer(response: ServerResponse, { status, headers, body }: HttpAnswer): void {
  response.writeHead(status, headers).end(body);
}
