import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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

  it("takes no interval in which the gate would come to doubt the chain", () => {
    const file = withDatabase(undefined);
    const config = JSON.parse(readFileSync(file, "utf8")) as object;
    const reading = (followEveryMs: number) => {
      writeFileSync(file, JSON.stringify({ ...config, followEveryMs }));
      return readNodeConfig(file).followEveryMs;
    };
    expect(reading(30_000)).to.equal(30_000);
    expect(() => reading(30_001)).to.throw(ConfigError, "followEveryMs");
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

const ADDRESS = `0x${"ab".repeat(20)}`;
const REST = {
  ...{ deployment: "record.json", rpcUrl: "http://127.0.0.1:1", listen: { host: "127.0.0.1", port: 1 } },
  ...{ dataDirectory: ".", nodeId: 100, operatorPort: 0, nativeTokenPrice: "1" },
};
const FILES = { signingKeyFile: "signing.key", settlementKeyFile: "settlement.key" };

describe("cli/config of keys", () => {
  let directory: string;
  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), "config-"))));
  afterEach(() => rmSync(directory, { recursive: true }));

  function read(keys: object) {
    const file = join(directory, "node.json");
    writeFileSync(file, JSON.stringify({ ...REST, ...keys }));
    return readNodeConfig(file);
  }
  const at = (name: string) => join(directory, name);

  it("takes the file names of before, relative to the config", () => {
    const config = read(FILES);
    expect(config.signingKey).to.deep.equal({ keyFile: at("signing.key") });
    expect(config.settlementKey).to.deep.equal({ keyFile: at("settlement.key") });
    expect(config.deadlineKey).to.equal(undefined);
  });

  it("takes keystores for every key, and a remote signer for those that pay gas", () => {
    const remote = { remoteSigner: { url: "http://127.0.0.1:9000", address: ADDRESS } };
    const config = read({
      signingKey: { keystoreFile: "signing.json", passwordVariable: "PASSWORD" },
      settlementKey: { keystoreFile: "settlement.json", passwordFile: "settlement.password" },
      deadlineKey: remote,
    });
    expect(config.signingKey).to.deep.equal({ keystoreFile: at("signing.json"), passwordVariable: "PASSWORD" });
    expect(config.settlementKey).to.deep.equal({
      keystoreFile: at("settlement.json"),
      passwordFile: at("settlement.password"),
    });
    expect(config.deadlineKey).to.deep.equal(remote);
    expect(() => read({ settlementKeyFile: "s", signingKey: remote }), "it signs envelopes here").to.throw(ConfigError);
  });

  it("refuses a key that is named twice, not at all, or by halves", () => {
    const settlementKey = { keyFile: "other.key" };
    expect(() => read({ ...FILES, settlementKey })).to.throw(ConfigError, /name the key once/);
    expect(() => read({ signingKeyFile: "signing.key" })).to.throw(
      ConfigError,
      /settlementKey or as settlementKeyFile/,
    );
    for (const deadlineKey of [
      { keystoreFile: "k.json" },
      { remoteSigner: { url: "http://a" } },
      {},
      { keyFile: "" },
    ]) {
      expect(() => read({ ...FILES, deadlineKey }), JSON.stringify(deadlineKey)).to.throw(ConfigError);
    }
  });
});
