import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { expect } from "chai";

import { INPUTS, contractInputs, digestOf } from "../../scripts/campaigns/contractInputs.ts";

const ROOT = join(import.meta.dirname, "..", "..");

describe("assurance/contractInputs", () => {
  const files = contractInputs(ROOT);

  it("has every Solidity file of the project, and every tool that is named", () => {
    const solidity = execFileSync("git", ["ls-files", "*.sol"], { cwd: ROOT, encoding: "utf8" }).trim().split("\n");
    expect(solidity.length).to.be.greaterThan(100);
    expect(solidity.filter((file) => !files.includes(file))).to.deep.equal([]);
    const isThere = (input: string) => files.some((file) => file.startsWith(input.split("*")[0]!));
    expect(INPUTS.filter((input) => !isThere(input))).to.deep.equal([]);
  });

  describe("in a copy", () => {
    let root: string;
    const copied = ["contracts/PostageChannels.sol", "foundry.toml", "test/contracts/VoucherRows.t.sol"];

    beforeEach(() => {
      root = mkdtempSync(join(tmpdir(), "pennyblack-inputs-"));
      for (const file of copied) cpSync(join(ROOT, file), join(root, file));
      execFileSync("git", ["init", "--quiet"], { cwd: root });
    });
    afterEach(() => rmSync(root, { recursive: true }));

    const digest = () => digestOf(root, contractInputs(root));

    it("says the same of the same files, whether or not git has them yet", () => {
      const before = digest();
      execFileSync("git", ["add", "."], { cwd: root });
      expect(digest()).to.equal(before);
    });

    it("says something else as soon as a file is another, new, gone or renamed, and not for what is none of theirs", () => {
      const before = digest();
      const seen = new Set([before]);
      const write = (file: string, text: string) => {
        cpSync(join(ROOT, "foundry.toml"), join(root, file));
        writeFileSync(join(root, file), text);
        return digest();
      };
      expect(write("src/other.ts", "export {};")).to.equal(before);
      seen.add(write(copied[0]!, "contract A {}"));
      seen.add(write(join(dirname(copied[0]!), "New.sol"), "contract B {}"));
      seen.add(write(join(dirname(copied[0]!), "New.sol"), "contract B { }"));
      rmSync(join(root, copied[2]!));
      seen.add(digest());
      expect(seen.size).to.equal(5);
    });
  });
});
