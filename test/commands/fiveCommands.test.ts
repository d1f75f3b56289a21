import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { expect } from "chai";
import { Contract } from "ethers";

import { deployNetwork } from "../../scripts/deploy/deployNetwork.ts";
import { readParameters } from "../../src/deployment/parameters.ts";
import { readArtifact } from "../../src/deployment/readArtifact.ts";
import { writeDeployment } from "../../src/deployment/writeDeployment.ts";
import type { LocalChain } from "../../scripts/local/localChain.ts";
import { localWallet, startLocalChain } from "../../scripts/local/localChain.ts";
import type { Service } from "../../scripts/local/service.ts";
import { startService } from "../../scripts/local/service.ts";
import { connectContracts } from "../../src/contracts/connectContracts.ts";
import { EPOCH, TOKEN, USD, postageKey, voucherRow } from "../contracts/fixtures.ts";
import { keyFile, temporary } from "./support.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const OPERATORS = new URL("../../docs/operators.md", import.meta.url);
const OWNER = 1;

interface Ended {
  exitCode: number | null;
  out: string;
  err: string;
}

/** `pennyblack ...` in a process of its own. */
function pennyblack(...args: string[]): Promise<Ended> {
  const child = spawn(process.execPath, ["--import", "tsx", MAIN, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const ended: Ended = { exitCode: null, out: "", err: "" };
  child.stdout.on("data", (data: Buffer) => (ended.out += data.toString()));
  child.stderr.on("data", (data: Buffer) => (ended.err += data.toString()));
  return new Promise((resolve) => child.once("close", (code) => resolve({ ...ended, exitCode: code })));
}

/** The five commands of docs/operators.md, with files in `directory` and the node on this machine. */
function documented(directory: string, port: number): string[][] {
  const [, block] = /five commands[\s\S]*?```sh\n([\s\S]*?)```/.exec(readFileSync(OPERATORS, "utf8"))!;
  const lines = block!.replaceAll("\\\n", " ").split("\n");
  const names: Record<string, string> = {
    "https://node.example.org": `http://127.0.0.1:${port}`,
    "0.0.0.0:5050": `127.0.0.1:${port}`,
  };
  const isFile = (word: string) => /^[a-z/]+\.(key|json)$/.test(word);
  return lines
    .filter((line) => line.startsWith("pennyblack "))
    .map((line) => [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare!).slice(1))
    .map((words) =>
      words.map((word, i) => {
        const isDirectory = words[i - 1] === "--directory";
        return names[word] ?? (isFile(word) || isDirectory ? join(directory, word) : word);
      }),
    );
}

const chainTime = async ({ provider }: LocalChain) => (await provider.getBlock("latest"))!.timestamp;

describe("from nothing to earning", function () {
  this.timeout(240_000);
  let chain: LocalChain;
  let node: Service | undefined;

  afterEach(async () => {
    delete process.env.PENNYBLACK_DEPLOYMENT;
    delete process.env.PENNYBLACK_RPC_URL;
    await node?.end("SIGTERM");
    await chain.close();
  });

  it("takes five commands", async () => {
    // Seats begin with the next epoch, so the chain starts one epoch ago.
    chain = await startLocalChain(new Date(Date.now() - (EPOCH + 60) * 1_000));
    const deployer = localWallet(0).connect(chain.provider);
    const record = await deployNetwork({ signer: deployer, parameters: readParameters("local") });
    const contracts = connectContracts(record, deployer);
    const owner = localWallet(OWNER);
    await (await contracts.postageToken.transfer(owner.address, 11_000n * TOKEN)).wait();

    const directory = temporary();
    const deployment = join(directory, "deployment.json");
    writeDeployment(record, deployment);
    keyFile(directory, "owner.key", owner.privateKey);
    const home = join(directory, "node");
    const config = join(home, "node.json");
    process.env.PENNYBLACK_DEPLOYMENT = deployment;
    process.env.PENNYBLACK_RPC_URL = chain.url;

    const port = 20_000 + (process.pid % 20_000);
    const [makeKeys, register, stake, run, claim, ...more] = documented(directory, port);
    expect(more).to.deep.equal([]);
    const made = await pennyblack(...makeKeys!, "--json");
    expect(made.exitCode, made.err).to.equal(0);
    const settlement = JSON.parse(made.out).keys.settlement.address as string;
    await (await deployer.sendTransaction({ to: settlement, value: 10n ** 18n })).wait();

    const registered = await pennyblack(...register!, "--operator-port", "0", "--json");
    expect(registered.exitCode, registered.out + registered.err).to.equal(0);
    expect(JSON.parse(registered.out)).to.deep.include({ nodeId: 100, config });
    expect(JSON.parse(readFileSync(config, "utf8"))).to.deep.include({ nodeId: 100, nativeTokenPrice: "4000000000" });

    const staked = await pennyblack(...stake!, "--json");
    expect(staked.exitCode, staked.out + staked.err).to.equal(0);
    expect(await contracts.nodeStaking.stakeOf(100)).to.equal(10_500n * TOKEN);

    await chain.increaseTime(Math.max(1, Math.floor(Date.now() / 1_000) - (await chainTime(chain))));
    expect(run).to.deep.equal(["node", "--config", config]);
    node = await startService("node", config, join(home, "log.jsonl"));
    expect(node.ready.url).to.include(String(port));

    await traffic();
    const claimed = await pennyblack(...claim!, "--json");
    expect(claimed.exitCode, claimed.out + claimed.err).to.equal(0);
    const { amount } = JSON.parse(claimed.out) as { amount: string };
    const usdc = new Contract(record.token, readArtifact("test/support/TestUSDC.sol").abi, deployer);
    expect(await usdc.getFunction("balanceOf")(owner.address)).to.equal(BigInt(amount));
    expect(BigInt(amount) > 0n).to.equal(true);

    /** What the world adds: somebody sends messages for 14 USD, and the next epoch passes. */
    async function traffic(): Promise<void> {
      const payer = postageKey(1);
      const token = new Contract(record.token, readArtifact("test/support/TestUSDC.sol").abi, deployer);
      await (await token.getFunction("mint")(deployer.address, 14n * USD)).wait();
      await (await token.getFunction("approve")(contracts.postageChannels, 14n * USD)).wait();
      await (await contracts.postageChannels.deposit(payer.address, 14n * USD)).wait();
      const world = { postageChannels: contracts.postageChannels, chainId: BigInt(record.chainId) };
      await (await contracts.postageChannels.settle(await voucherRow(world, payer, 14n * USD))).wait();
      await (await contracts.feeDistributor.distribute()).wait();
      await chain.increaseTime(2 * EPOCH);
    }
  });

  it("says in a process of its own what is wrong, with exit codes and without keys", async () => {
    chain = await startLocalChain();
    const deployer = localWallet(0).connect(chain.provider);
    const record = await deployNetwork({ signer: deployer, parameters: readParameters("local") });
    const directory = temporary();
    const deployment = join(directory, "deployment.json");
    writeDeployment(record, deployment);
    const network = ["--deployment", deployment, "--rpc-url", chain.url];
    const unknown = await pennyblack("operator", "show", "100", ...network);
    expect([unknown.exitCode, unknown.out]).to.deep.equal([1, ""]);
    expect(unknown.err).to.include("no node is registered yet").and.include("(unknown_node)");
    const bad = await pennyblack("operator", "show", "101", ...network, "--json");
    expect([bad.exitCode, JSON.parse(bad.out).error.code]).to.deep.equal([2, "bad_node"]);
    for (const words of [["operator", "show"], ["operator", "show", "100", "--bogus"], ["nonsense"], ["operator"]]) {
      expect((await pennyblack(...words)).exitCode, words.join(" ")).to.equal(2);
    }
    expect((await pennyblack("operator", "--help")).exitCode).to.equal(0);
    const missing = await pennyblack("operator", "show", "100", "--rpc-url", chain.url);
    expect(missing.exitCode).to.equal(2);
    expect(missing.err).to.include("--deployment FILE is missing").and.include("PENNYBLACK_DEPLOYMENT");
    const nowhere = ["--deployment", deployment, "--rpc-url", "http://127.0.0.1:1"];
    const dead = await pennyblack("rates", "show", ...nowhere);
    expect([dead.exitCode, dead.err.includes("chain_unavailable")]).to.deep.equal([1, true]);
    const owner = localWallet(OWNER);
    const key = keyFile(directory, "owner.key", owner.privateKey);
    const named = await pennyblack(
      ...["channel", "deposit", owner.address, "--amount", "5 USD", "--key", key, "--from", deployer.address],
      ...network,
    );
    expect([named.exitCode, named.err.includes("wrong_key")]).to.deep.equal([2, true]);
    const poor = await pennyblack("channel", "deposit", owner.address, "--amount", "5 USD", "--key", key, ...network);
    expect(poor.exitCode).to.equal(1);
    expect(poor.err).to.include("get 5 USD more");
    for (const { out, err } of [named, poor]) expect(out + err).not.to.include(owner.privateKey.slice(2));
  });
});

describe("the launcher", function () {
  this.timeout(180_000);

  it("finds the files that are named where its user is, not where the package is", async () => {
    const directory = temporary();
    const launch = fileURLToPath(new URL("../../scripts/launch.mjs", import.meta.url));
    const child = spawn(process.execPath, [launch, "operator", "keys", "--directory", "node"], { cwd: directory });
    const exitCode = await new Promise((resolve) => child.once("close", resolve));
    expect([exitCode, existsSync(join(directory, "node", "signing.key"))]).to.deep.equal([0, true]);
  });
});
