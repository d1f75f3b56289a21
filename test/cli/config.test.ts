import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";

import { ConfigError } from "../../src/cli/config/readSettings.ts";
import { readGatewayConfig } from "../../src/cli/config/gatewayConfig.ts";
import { readNodeConfig } from "../../src/cli/config/operatorConfig.ts";

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

describe("cli/config of gateways", () => {
  let directory: string;
  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), "config-"))));
  afterEach(() => rmSync(directory, { recursive: true }));

  const guide = readFileSync(new URL("../../docs/gateway.md", import.meta.url), "utf8");
  const [, shown] = /## 3\. gateway\.json\s+```json\n([\s\S]*?)```/.exec(guide)!;
  function read(changes: object) {
    const file = join(directory, "gateway.json");
    writeFileSync(file, JSON.stringify({ ...(JSON.parse(shown!) as object), ...changes }));
    return readGatewayConfig(file, {});
  }
  const at = (name: string) => join(directory, name);

  it("takes a PostgreSQL for several gateways, and no other database", () => {
    const databaseUrl = "postgres://gateway:secret@db/postage";
    expect(read({ databaseUrl }).databaseUrl).to.equal(databaseUrl);
    expect(() => read({ databaseUrl: "mysql://db" })).to.throw(ConfigError, "databaseUrl");
  });

  it("takes what the guide shows, every file relative to the config", () => {
    const config = read({ senderSecretFile: "secret.key" });
    expect(config.postageKey).to.deep.equal({ keystoreFile: at("postage.json"), passwordFile: at("password.txt") });
    expect(config.transactionKey).to.deep.equal({ keyFile: at("gas.key") });
    expect(config.topUp).to.deep.include({ ownerKey: { keyFile: at("owner.key") }, mostPerDay: 10_000_000n });
    expect(config).to.include({ tokensFile: at("tokens.json"), senderSecretFile: at("secret.key") });
    expect(config.budgets).to.deep.equal({
      user: { postage: 50_000n, gasWei: 200_000_000_000_000n },
      all: { postage: 5_000_000n },
    });
  });

  it("refuses a key that is named twice or not at all, and top-ups that mean nothing", () => {
    const topUp = { ownerKey: { keyFile: "k" }, below: "1", amount: "2", mostPerDay: "1" };
    expect(() => read({ postageKeyFile: "postage.key" })).to.throw(ConfigError, "name the key once");
    expect(() => read({ transactionKeyFile: undefined })).to.throw(ConfigError, "transactionKey");
    expect(() => read({ topUp })).to.throw(ConfigError, "mostPerDay is at least amount");
    expect(() => read({ rateLimits: { user: 0 } })).to.throw(ConfigError, "rateLimits.user");
    expect(() => read({ budgets: { everybody: {} } })).to.throw(ConfigError, "there is no such setting");
  });
});
