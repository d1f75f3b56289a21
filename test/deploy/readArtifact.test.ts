import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { expect } from "chai";

import { DeploymentError } from "../../src/deployment/errors.ts";
import { productionArtifacts, readArtifact } from "../../src/deployment/readArtifact.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const OUTPUT = "tmp/artifact-test";
const SOURCE = "contracts/governance/Timelock.sol";

/** A production build as Hardhat leaves it, of one contract. */
function built({ viaIR = true, content = readFileSync(join(ROOT, SOURCE), "utf8") } = {}): void {
  const write = (name: string, value: object) => {
    const file = join(ROOT, OUTPUT, "artifacts", name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, JSON.stringify(value));
  };
  write(`${SOURCE}/Timelock.json`, { ...readArtifact(SOURCE), bytecode: "0x60", buildInfoId: "solc-1" });
  write("build-info/solc-1.json", { input: { settings: { viaIR }, sources: { [`project/${SOURCE}`]: { content } } } });
}

describe("production artifacts", () => {
  afterEach(() => rmSync(join(ROOT, OUTPUT), { recursive: true, force: true }));

  const refused = () =>
    expect(() => productionArtifacts(OUTPUT)(SOURCE)).to.throw(DeploymentError, "npm run build -- --production");

  it("are those of the build", () => {
    built();
    expect(productionArtifacts(OUTPUT)(SOURCE).bytecode).to.equal("0x60");
  });

  it("that are not there are refused, with what makes them", () => {
    refused().with.property("code", "not_built");
  });

  it("of other sources than are there now are refused, naming the file", () => {
    built({ content: "contract Timelock {}" });
    refused().with.property("message").that.includes(`before project/${SOURCE} was changed`);
  });

  it("of the everyday profile are refused", () => {
    built({ viaIR: false });
    refused().with.property("message").that.includes("production profile");
  });
});

describe("everyday artifacts", () => {
  it("that are not there are refused, with what makes them", () => {
    expect(() => readArtifact("contracts/Nothing.sol"))
      .to.throw(DeploymentError, "npm run build")
      .with.property("code", "not_built");
  });
});
