import { createHash } from "node:crypto";

import type { Authenticate, GatewayUser } from "./callers.ts";

/** A secret, and whose it is. */
export interface BearerToken extends GatewayUser {
  /** 16 characters at least, as `Authorization: Bearer <token>` has it. */
  token: string;
}

const LEAST_LENGTH = 16;
const TOKEN = /^[\x21-\x7e]+$/;
const BEARER = /^bearer +(\S+) *$/i;
// What is compared is a digest, so that the time it takes tells nothing of the tokens.
const digestOf = (token: string) => createHash("sha256").update(token).digest("hex");

/** An `authenticate` that knows a fixed list of tokens. Throws TypeError when one is short or is there twice. */
export function bearerTokens(tokens: readonly BearerToken[]): Authenticate {
  const users = new Map<string, GatewayUser>();
  for (const { token, ...user } of tokens) {
    if (token.length < LEAST_LENGTH || !TOKEN.test(token)) {
      throw new TypeError(
        `the token of ${user.user} is not ${LEAST_LENGTH} or more printable characters without a space`,
      );
    }
    if (users.has(digestOf(token))) throw new TypeError(`the token of ${user.user} is there twice`);
    users.set(digestOf(token), user);
  }
  return (headers) => {
    const [, token] = BEARER.exec(headers.get("authorization") ?? "") ?? [];
    if (token === undefined) throw new Error("no bearer token came");
    const user = users.get(digestOf(token));
    if (!user) throw new Error("nobody has this bearer token");
    return user;
  };
}
