import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";

import { ConfigError } from "../../src/cli/config/readSettings.ts";
import { readNodeConfig } from "../../src/cli/config/operatorConfig.ts";

const CONFIG = {
  ...{ deployment: "deployment.json", nodeId: 100, listen: { host: "127.0.0.1", port: 0 }, operatorPort: 0 },
  ...{ dataDirectory: ".", signingKeyFile: "a.key", settlementKeyFile: "b.key", nativeTokenPrice: "1" },
};

function read(changes: object) {
  const file = join(mkdtempSync(join(tmpdir(), "pennyblack-")), "node.json");
  writeFileSync(file, JSON.stringify({ ...CONFIG, ...changes }));
  return readNodeConfig(file);
}

describe("cli/config of a node", () => {
  it("takes one endpoint or several", () => {
    expect(read({ rpcUrl: "http://a" }).rpcUrls).to.deep.equal(["http://a"]);
    expect(read({ rpcUrls: ["http://a", "https://b/key"] }).rpcUrls).to.deep.equal(["http://a", "https://b/key"]);
  });

  it("refuses none, both ways at once, the same one twice, and more than five", () => {
    const many = Array.from({ length: 6 }, (_, i) => `http://${i}.example`);
    const wrong = [
      {},
      { rpcUrl: "http://a", rpcUrls: ["http://b"] },
      { rpcUrls: ["http://a", "http://a"] },
      { rpcUrls: many },
    ];
    for (const changes of wrong) expect(() => read(changes), JSON.stringify(changes)).to.throw(ConfigError);
  });

  it("takes a depth for finality, the safe one not below the final one", () => {
    const rpcUrl = "http://a";
    const finality = { safeDepth: 5, finalizedDepth: 50 };
    expect(read({ rpcUrl, finality }).finality).to.deep.equal(finality);
    expect(() => read({ rpcUrl, finality: { safeDepth: 50, finalizedDepth: 5 } })).to.throw(ConfigError, "safeDepth");
  });
});
