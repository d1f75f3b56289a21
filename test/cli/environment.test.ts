import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";

import { ConfigError } from "../../src/cli/config/readSettings.ts";
import { readGatewayConfig } from "../../src/cli/config/gatewayConfig.ts";
import { readNodeConfig } from "../../src/cli/config/operatorConfig.ts";

const CONFIG = {
  ...{ deployment: "deployment.json", nodeId: 100, listen: { host: "127.0.0.1", port: 0 }, operatorPort: 0 },
  ...{ dataDirectory: ".", signingKeyFile: "a.key", settlementKeyFile: "b.key", nativeTokenPrice: "1" },
  rpcUrl: "http://a",
};

function fileOf(content: object | string): string {
  const file = join(mkdtempSync(join(tmpdir(), "pennyblack-")), "node.json");
  writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
  return file;
}

function problemOf(content: object | string, environment = {}): string {
  try {
    readNodeConfig(fileOf(content), environment);
  } catch (error) {
    expect(error).to.be.instanceOf(ConfigError);
    return (error as Error).message;
  }
  throw new Error("the config was taken");
}

describe("cli/config from file and environment", () => {
  it("takes a setting from the environment over the file, each as what it is", () => {
    const config = readNodeConfig(fileOf(CONFIG), {
      PENNYBLACK_CONFIG_OPERATOR_PORT: "5051",
      PENNYBLACK_CONFIG_EXPOSURE_CAP: "7000000",
      PENNYBLACK_CONFIG_REPORT_FAULTS: "false",
      PENNYBLACK_CONFIG_LISTEN: '{"host":"0.0.0.0","port":5050}',
      PENNYBLACK_CONFIG_LOG_LEVEL: "debug",
      PENNYBLACK_CONFIG_DATA_DIRECTORY: "/var/lib/pennyblack",
      PENNYBLACK_RPC_URL: "http://of-the-commands",
      PATH: "/bin",
    });
    expect(config).to.deep.include({
      ...{ operatorPort: 5051, exposureCap: 7_000_000n, reportFaults: false, logLevel: "debug" },
      ...{ listen: { host: "0.0.0.0", port: 5050 }, dataDirectory: "/var/lib/pennyblack", rpcUrls: ["http://a"] },
    });
    expect(
      readGatewayConfig(
        fileOf({
          ...{ deployment: "d", rpcUrl: "http://a", listen: CONFIG.listen, dataDirectory: "." },
          ...{ postageKeyFile: "p", transactionKeyFile: "t" },
        }),
        { PENNYBLACK_CONFIG_HEADROOM: "9" },
      ).headroom,
    ).to.equal(9n);
  });

  it("lets the environment name in one way what the file names in another", () => {
    const config = readNodeConfig(fileOf(CONFIG), {
      PENNYBLACK_CONFIG_RPC_URLS: '["http://b","http://c"]',
      PENNYBLACK_CONFIG_SETTLEMENT_KEY: '{"keystoreFile":"s.json","passwordVariable":"SECRET"}',
    });
    expect(config.rpcUrls).to.deep.equal(["http://b", "http://c"]);
    expect(config.settlementKey).to.have.property("passwordVariable", "SECRET");
  });

  it("names every fault in one list, those of the environment by its variable", () => {
    const problem = problemOf(
      {
        ...CONFIG,
        nodeId: 7,
        exposureCup: "1",
        listen: { host: "", port: 70_000, prot: 1 },
        signingKey: {},
        rpcUrl: "a",
      },
      {
        PENNYBLACK_CONFIG_LOG_LEVEL: "loud",
        PENNYBLACK_CONFIG_EXPOSURE_CUP: "2",
        PENNYBLACK_CONFIG_GAS_RESERVE: "much",
      },
    );
    const named = [
      ...[
        "nodeId: ",
        "exposureCup: there is no such setting",
        "listen.host: ",
        "listen.port: ",
        "listen.prot: there is no",
      ],
      ...["signingKey: name the key once", "signingKey: a key is {", "rpcUrl: "],
      ...["logLevel (PENNYBLACK_CONFIG_LOG_LEVEL): ", "PENNYBLACK_CONFIG_EXPOSURE_CUP (environment): there is no such"],
      "gasReserve (PENNYBLACK_CONFIG_GAS_RESERVE): an amount in base units",
    ];
    for (const fault of named) expect(problem).to.include(`\n- ${fault}`);
    expect(problem.split("\n").length).to.be.greaterThan(named.length);
  });

  it("repeats no value, neither of a setting nor of a file that is no JSON", () => {
    const secret = "hunter2-of-the-database";
    const problems = [
      problemOf(`{\n "databaseUrl": "postgres://u:${secret}@h/d\n}`),
      problemOf(`{ "databaseUrl": ${secret} }`),
      problemOf({
        ...CONFIG,
        databaseUrl: `mysql://u:${secret}@h`,
        rpcUrl: `ftp://${secret}`,
        nativeTokenPrice: secret,
      }),
      problemOf(CONFIG, { PENNYBLACK_CONFIG_DATABASE_URL: secret, PENNYBLACK_CONFIG_RPC_URLS: `["${secret}"]` }),
    ];
    for (const problem of problems) expect(problem).not.to.include(secret.slice(0, 8));
    expect(problems[0]).to.include("look at line 2");
    expect(problemOf("[1]")).to.include("not a JSON object");
  });
});
