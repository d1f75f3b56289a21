import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";

import { ConfigError } from "../../src/cli/config/readSettings.ts";
import { readTokens } from "../../src/cli/readTokens.ts";

const TOKEN = "a-token-nobody-sees";
const NEVER = new AbortController().signal;

describe("cli/readTokens", () => {
  let directory: string;
  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), "pennyblack-tokens-"))));
  afterEach(() => rmSync(directory, { recursive: true }));

  const file = (text: string, mode = 0o600) => {
    const path = join(directory, "tokens.json");
    writeFileSync(path, text, { mode });
    chmodSync(path, mode);
    return path;
  };
  const problemOf = (path: string) => {
    try {
      readTokens(path);
    } catch (error) {
      if (error instanceof ConfigError) return error.message;
      throw error;
    }
    return "no problem";
  };

  it("knows whose a token is", () => {
    const authenticate = readTokens(file(JSON.stringify([{ token: TOKEN, user: "alice", app: "chat" }])));
    const headers = new Headers({ authorization: `Bearer ${TOKEN}` });
    expect(authenticate(headers, NEVER)).to.deep.equal({ user: "alice", app: "chat" });
    expect(() => authenticate(new Headers({ authorization: `Basic ${TOKEN}` }), NEVER)).to.throw("no bearer token");
  });

  it("says what is wrong with the file, and never repeats a token", () => {
    const problems = [
      problemOf(join(directory, "missing.json")),
      problemOf(file(`[{ "token": "${TOKEN}" `)),
      problemOf(file(JSON.stringify([{ token: TOKEN, user: "a", admin: true }]))),
      problemOf(file(JSON.stringify([{ token: TOKEN, user: "a", inboxId: "12" }]))),
      problemOf(file(JSON.stringify(["a", "b"].map((user) => ({ token: TOKEN, user }))))),
      problemOf(file("[]")),
      problemOf(file(JSON.stringify([{ token: TOKEN, user: "alice" }]), 0o644)),
    ];
    const expected = ["ENOENT", "not JSON", "0: ", "64 hex digits", "twice", "no list", "chmod 600"];
    for (const [i, words] of expected.entries()) expect(problems[i]).to.include(words);
    for (const problem of problems) expect(problem).not.to.include(TOKEN);
  });
});
