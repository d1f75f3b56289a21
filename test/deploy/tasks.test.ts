import { spawn } from "node:child_process";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { expect } from "chai";
import { network } from "hardhat";

import type { RunDeployOptions } from "../../src/deployment/runDeploy.ts";
import { runDeploy } from "../../src/deployment/runDeploy.ts";
import { readArtifact } from "../../src/deployment/readArtifact.ts";
import { systemClock } from "../../src/platform/clock.ts";
import { silentLog } from "../../src/platform/log.ts";
import { WALLET, filledParameters, memoryStore, simulatedChain } from "./support.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

describe("runDeploy", () => {
  async function run(changes: Partial<RunDeployOptions> = {}) {
    const chain = await simulatedChain("sepolia");
    const [out, err]: [string[], string[]] = [[], []];
    const exitCode = await runDeploy({
      network: filledParameters("sepolia"),
      provider: chain.provider,
      signer: () => Promise.resolve(WALLET),
      gitCommit: () => "0123abc",
      artifacts: readArtifact,
      store: memoryStore(),
      clock: systemClock,
      log: silentLog,
      pollingMs: 1,
      apply: false,
      json: false,
      output: { out: (text) => out.push(text), err: (text) => err.push(text) },
      ...changes,
    });
    const transactions = await chain.provider.getTransactionCount(WALLET.address);
    await chain.close();
    return { exitCode, out: out.join("\n"), err: err.join("\n"), transactions };
  }

  const unasked = () => {
    throw new Error("nobody should be asked");
  };

  it("plans without a key, sends nothing and says so", async () => {
    const { exitCode, out, transactions } = await run({ signer: unasked, gitCommit: unasked });
    expect([exitCode, transactions]).to.deep.equal([0, 0]);
    expect(out).to.include("Nothing was sent");
  });

  it("applies, says what it does, and prints the addresses", async () => {
    const { exitCode, out, err } = await run({ apply: true });
    expect(exitCode).to.equal(0);
    expect(err).to.include("every role at AccessManager to the Timelock");
    expect(out).to.match(/sepolia is deployed, handed over and proved:\nPostageToken +0x/);
  });

  it("prints one JSON value: the plan, or the record", async () => {
    expect(JSON.parse((await run({ json: true })).out)).to.include({ network: "sepolia", chainId: 11_155_111 });
    const record = JSON.parse((await run({ json: true, apply: true })).out) as { provenance: object };
    expect(record.provenance).to.include({ isComplete: true });
  });

  it("stops with the code and the fix, and exits with 1", async () => {
    const { exitCode, err, transactions } = await run({ apply: true, digest: "0x12" });
    expect([exitCode, transactions]).to.deep.equal([1, 0]);
    expect(err).to.match(/^other_plan: .*review it again/);
  });

  it("exits with 1 when the explorer does not take a source", async () => {
    expect((await run({ verify: () => Promise.resolve(1) })).exitCode).to.equal(1);
    expect((await run({ verify: () => Promise.resolve(0) })).exitCode).to.equal(0);
  });
});

describe("the tasks deploy and status", function () {
  this.timeout(180_000);
  const record = `${ROOT}/deployments/localhost.json`;

  /** Hardhat as people run it, with what it finds at localhost. */
  function hardhat(...args: string[]): Promise<{ exitCode: number | null; out: string; err: string }> {
    const program = ["--import", "tsx", "node_modules/hardhat/dist/src/cli.js", ...args];
    const child = spawn(process.execPath, program, { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] });
    let [out, err] = ["", ""];
    child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString()));
    return new Promise((resolve) => child.on("close", (exitCode) => resolve({ exitCode, out, err })));
  }

  it("deploy plans, applies and is proved by status, on localhost", async function () {
    // Somebody's own record of a chain at this port is not for a test to replace.
    if (existsSync(record)) this.skip();
    mkdirSync(`${ROOT}/deployments`, { recursive: true });
    const server = await network.createServer({ network: "local" }, "127.0.0.1", 8545).catch(() => undefined);
    if (!server) return this.skip();
    try {
      await server.listen().catch(() => this.skip());
      const early = await hardhat("status", "--network", "localhost");
      expect(early.exitCode, early.out).to.equal(1);
      expect(early.err).to.include("wrong_record");
      const plan = await hardhat("deploy", "--network", "localhost", "--json");
      const { digest } = JSON.parse(plan.out) as { digest: string };
      const applied = await hardhat("deploy", "--network", "localhost", "--apply", "--digest", digest);
      expect(applied.exitCode, applied.err).to.equal(0);
      expect(applied.out).to.include("localhost is deployed, handed over and proved");
      const status = await hardhat("status", "--network", "localhost");
      expect(status.exitCode, status.err).to.equal(0);
      expect(status.out).to.include("everything is as it should be");
    } finally {
      rmSync(record, { force: true });
      await server.close();
    }
  });

  it("deploy refuses a network whose parameters are not filled in, before it asks for anything", async () => {
    const { exitCode, err } = await hardhat("deploy", "--network", "base");
    expect(exitCode).to.equal(1);
    expect(err).to.match(/^not_filled_in: base cannot be deployed/m);
  });
});
