import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";

import { DeploymentError } from "../../src/deployment/errors.ts";
import { withoutGit } from "../../scripts/campaigns/contractInputs.ts";
import { cleanCommit } from "../../src/deployment/gitCommit.ts";

describe("cleanCommit", () => {
  const root = mkdtempSync(join(tmpdir(), "pennyblack-"));
  const git = (...args: string[]) =>
    execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@t", ...args], {
      cwd: root,
      env: withoutGit(process.env),
      encoding: "utf8",
    }).trim();

  before(() => {
    git("init", "-q");
    mkdirSync(join(root, "deployments/parameters"), { recursive: true });
    writeFileSync(join(root, "deployments/parameters/base.json"), "{}");
    writeFileSync(join(root, "deployments/create3Deployer.json"), "{}");
    git("add", ".");
    git("commit", "-qm", "first");
  });

  after(() => rmSync(root, { recursive: true }));

  it("names the commit, whatever records the deployment has written", () => {
    writeFileSync(join(root, "deployments/base.json"), "{}");
    expect(cleanCommit(root)).to.equal(git("rev-parse", "HEAD"));
  });

  it("refuses parameters that no commit has, and names the file", () => {
    writeFileSync(join(root, "deployments/parameters/base.json"), "{ }");
    expect(() => cleanCommit(root))
      .to.throw(DeploymentError, "deployments/parameters/base.json")
      .with.property("code", "uncommitted");
    git("checkout", "-q", "deployments/parameters/base.json");
  });

  it("refuses the code that all addresses derive from when no commit has it: it is beside the records, and is none", () => {
    writeFileSync(join(root, "deployments/create3Deployer.json"), "{ }");
    expect(() => cleanCommit(root)).to.throw(DeploymentError, "create3Deployer.json");
    git("checkout", "-q", "deployments/create3Deployer.json");
  });

  it("refuses a folder that is no checkout, and says so", () => {
    const folder = mkdtempSync(join(tmpdir(), "pennyblack-"));
    expect(() => cleanCommit(folder))
      .to.throw(DeploymentError, "git")
      .with.property("code", "uncommitted");
    rmSync(folder, { recursive: true });
  });
});
