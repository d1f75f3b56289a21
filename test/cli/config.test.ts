import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";

import { ConfigError, readNodeConfig } from "../../src/cli/config.ts";

describe("cli/config", () => {
  let directory: string;
  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), "pennyblack-"))));
  afterEach(() => rmSync(directory, { recursive: true }));

  function withDatabase(databaseUrl: string | undefined): string {
    const file = join(directory, "node.json");
    const config = {
      ...{ deployment: "d.json", rpcUrl: "http://127.0.0.1:8545", listen: { host: "127.0.0.1", port: 0 } },
      ...{ dataDirectory: "data", nodeId: 100, signingKeyFile: "s", settlementKeyFile: "t", operatorPort: 0 },
      ...{ nativeTokenPrice: "1", databaseUrl },
    };
    writeFileSync(file, JSON.stringify(config));
    return file;
  }

  it("takes a PostgreSQL over TCP or a socket, or none", () => {
    for (const url of ["postgres://user@host:5432/ledger", "postgresql:///ledger?host=/run/postgresql", undefined]) {
      expect(readNodeConfig(withDatabase(url)).databaseUrl).to.equal(url);
    }
  });

  it("refuses another database without repeating its password", () => {
    for (const url of ["mysql://user:secret@host/ledger", "user:secret@host", "postgres://user:secret@:::/"]) {
      let problem: unknown;
      try {
        readNodeConfig(withDatabase(url));
      } catch (error) {
        problem = error;
      }
      expect(problem, url).to.be.instanceOf(ConfigError);
      expect((problem as Error).message)
        .to.include("a postgres:// URL")
        .and.not.include("secret");
    }
  });
});
