import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { Command } from "commander";
import { expect } from "chai";
import { Wallet } from "ethers";

import type { LocalChain } from "../../scripts/local/localChain.ts";
import { startLocalChain } from "../../scripts/local/localChain.ts";
import { addDeploymentCommands } from "../../src/cli/deploymentCommands.ts";
import { keyFile, temporary } from "../commands/support.ts";

describe("pennyblack deploy and status", function () {
  this.timeout(180_000);
  const directory = temporary();
  const deployment = join(directory, "localhost.json");
  let chain: LocalChain;

  before(async () => {
    chain = await startLocalChain();
  });

  after(() => chain.close());

  async function pennyblack(...words: string[]): Promise<{ exitCode: number; out: string; err: string }> {
    const program = new Command("pennyblack").exitOverride();
    let [exitCode, out, err] = [-1, "", ""];
    const output = { out: (text: string) => void (out += `${text}\n`), err: (text: string) => void (err += text) };
    addDeploymentCommands(program, output, (code) => (exitCode = code));
    await program.parseAsync(words, { from: "user" });
    return { exitCode, out, err };
  }

  const onChain = (...words: string[]) => pennyblack(...words, "--deployment", deployment, "--rpc-url", chain.url);

  it("plans, applies what was reviewed and nothing else, and status needs the record and the chain alone", async () => {
    const early = await onChain("deployment", "status");
    expect([early.exitCode, early.err]).to.satisfy(([code, text]: [number, string]) => {
      return code === 1 && text.startsWith("wrong_record: ");
    });
    const { digest } = JSON.parse((await onChain("deploy", "--json")).out) as { digest: string };
    const other = await onChain("deploy", "--apply", "--digest", `0x${"12".repeat(32)}`);
    expect([other.exitCode, other.err.split(":")[0]]).to.deep.equal([1, "other_plan"]);
    expect(await chain.provider.getBlockNumber()).to.equal(0);
    const stranger = keyFile(directory, "stranger.key", Wallet.createRandom().privateKey);
    const wrong = await onChain("deploy", "--apply", "--key", stranger, "--json");
    expect(wrong.exitCode).to.equal(1);
    expect(JSON.parse(wrong.out)).to.deep.include({ command: "deploy" }).and.have.nested.property("error.code");
    const applied = await onChain("deploy", "--apply", "--digest", digest);
    expect(applied.exitCode, applied.err).to.equal(0);
    expect(applied.out).to.include("localhost is deployed, handed over and proved");
    const good = await onChain("deployment", "status");
    expect(good.exitCode, good.out).to.equal(0);
    expect(good.out).to.match(/^localhost: everything is as it should be\n/);
    expect(good.out).to.match(/parameters +\d+ compared/);
  });

  it("status exits with 1 on drift, and names it", async () => {
    const record = JSON.parse(readFileSync(deployment, "utf8")) as { contracts: { guardian: { codeHash: string } } };
    record.contracts.guardian.codeHash = `0x${"00".repeat(32)}`;
    const drifted = join(directory, "drifted.json");
    writeFileSync(drifted, JSON.stringify(record));
    const { exitCode, out } = await pennyblack("deployment", "status", "--deployment", drifted, "--rpc-url", chain.url);
    expect(exitCode).to.equal(1);
    expect(out).to.include("code: guardian");
  });

  it("status of a record that names no network says that parameters are not compared", async () => {
    const { provenance, ...record } = JSON.parse(readFileSync(deployment, "utf8")) as { provenance: object };
    expect(provenance).to.be.an("object");
    const anonymous = join(directory, "anonymous.json");
    writeFileSync(anonymous, JSON.stringify(record));
    const args = ["deployment", "status", "--deployment", anonymous, "--rpc-url", chain.url];
    const bare = await pennyblack(...args);
    expect(bare.exitCode).to.equal(0);
    expect(bare.out).to.match(/parameters +not compared/);
    const named = await pennyblack(...args, "--network", "localhost");
    expect(named.out).to.match(/parameters +\d+ compared/);
    expect(JSON.parse((await pennyblack(...args, "--json")).out)).to.not.have.property("network");
  });

  it("bad input exits with 2 and says what to do; nothing is asked of a chain", async () => {
    const bad = async (...words: string[]) => {
      const { exitCode, err } = await pennyblack(...words);
      return `${exitCode} ${/\((\w+)\)$/.exec(err)?.[1] ?? err}`;
    };
    expect(await bad("deploy")).to.equal("2 missing_argument");
    expect(await bad("deployment", "status")).to.equal("2 missing_argument");
    expect(await bad("deploy", "--rpc-url", "ftp://x")).to.equal("2 bad_url");
    expect(await bad("deployment", "status", "--deployment", deployment, "--rpc-url", "nowhere")).to.equal("2 bad_url");
    const url = ["--rpc-url", chain.url];
    expect(await bad("deploy", ...url, "--apply", "--key", join(directory, "none"))).to.equal("2 bad_key_file");
    expect(await bad("deploy", ...url, "--network", "../localhost")).to.match(
      /^1 bad_parameters: .*localhost, sepolia/,
    );
    expect(await bad("deploy", ...url, "--network", "base")).to.match(/^1 not_filled_in: /);
    expect(await bad("deploy", ...url, "--verify")).to.match(/^1 needs_hardhat: .*hardhat deploy --network localhost/);
    expect(await bad("deploy", "--rpc-url", "http://127.0.0.1:1")).to.match(/^1 chain_unread: /);
  });
});
