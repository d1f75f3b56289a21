import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, normalize } from "node:path";

import { expect } from "chai";

import { CHECKS, contractInputs, digestOf, withoutGit } from "../../scripts/campaigns/contractInputs.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const env = withoutGit(process.env);

/** A script with all that it imports of ours. */
function closureOf(file: string, seen = new Set<string>()): Set<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  for (const [, name] of readFileSync(join(ROOT, file), "utf8").matchAll(/from "(\.[^"]+)"/g)) {
    closureOf(normalize(join(dirname(file), name!)), seen);
  }
  return seen;
}

describe("assurance/contractInputs", () => {
  let files: string[];

  before(function () {
    // A source archive: nothing is landed from there.
    if (!existsSync(join(ROOT, ".git")) && !process.env.CI) return this.skip();
    files = contractInputs(ROOT);
  });

  it("has every Solidity file of the project", () => {
    const solidity = execFileSync("git", ["ls-files", "*.sol"], { cwd: ROOT, env, encoding: "utf8" })
      .trim()
      .split("\n");
    expect(solidity.length).to.be.greaterThan(100);
    expect(solidity.filter((file) => !files.includes(file))).to.deep.equal([]);
  });

  it("has every script that the checks are made of", () => {
    const scripts = ["scripts/campaigns/contracts.ts", ...CHECKS.map(([script]) => script!)];
    const closure = [...new Set(scripts.flatMap((script) => [...closureOf(script)]))];
    expect(closure.length).to.be.greaterThan(scripts.length);
    expect(closure.filter((file) => !files.includes(file))).to.deep.equal([]);
  });

  describe("in a copy", () => {
    let root: string;
    const channels = "contracts/PostageChannels.sol";
    const git = (...args: string[]) => execFileSync("git", args, { cwd: root, env });
    const digest = () => digestOf(root, contractInputs(root));
    const write = (file: string, text: string) => {
      writeFileSync(join(root, file), text);
      return digest();
    };

    beforeEach(() => {
      root = mkdtempSync(join(tmpdir(), "pennyblack-inputs-"));
      for (const file of files) cpSync(join(ROOT, file), join(root, file));
      git("init", "--quiet");
    });
    afterEach(() => rmSync(root, { recursive: true }));

    it("says the same of the same files, whether or not git has them yet", () => {
      const before = digest();
      expect(before).to.equal(digestOf(ROOT, files));
      git("add", ".");
      expect(digest()).to.equal(before);
    });

    it("says something else as soon as a file is another, new, gone or renamed, and not for what is none of theirs", () => {
      const before = digest();
      expect(write("other.ts", "export {};")).to.equal(before);
      const seen = [before, write(channels, "contract A {}"), write("contracts/New.sol", "contract B {}")];
      seen.push(write("contracts/New.sol", "contract B { }"), write("remappings.txt", "a=b"));
      rmSync(join(root, "test/contracts/VoucherRows.t.sol"));
      seen.push(digest());
      expect(new Set(seen).size).to.equal(6);
    });

    it("does not go on without what it names", () => {
      rmSync(join(root, "foundry.toml"));
      expect(() => contractInputs(root)).to.throw("foundry.toml");
    });

    it("looks at the folder, whatever a hook of git's says", () => {
      const before = digest();
      process.env.GIT_DIR = join(ROOT, ".git");
      process.env.GIT_LITERAL_PATHSPECS = "1";
      try {
        expect(digest()).to.equal(before);
      } finally {
        delete process.env.GIT_DIR;
        delete process.env.GIT_LITERAL_PATHSPECS;
      }
    });
  });
});
