import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { expect } from "chai";
import type { Contract } from "ethers";
import { parseEther } from "ethers";

import { localWallet } from "../../scripts/local/localChain.ts";
import type { LocalNetwork } from "../../scripts/local/localNetwork.ts";
import { startLocalNetwork } from "../../scripts/local/localNetwork.ts";
import { tokenOf } from "../../scripts/local/localApp.ts";
import { readChannel } from "../../src/contracts/readChannel.ts";
import { writeKeyFile } from "../../src/platform/keyFile.ts";
import { toAddress } from "../../src/protocol/bytes.ts";
import { USD } from "../contracts/fixtures.ts";
import type { Person } from "./support/person.ts";
import { startPerson } from "./support/person.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const DEPOSIT = 5n * USD;
const NEXT_DEPOSIT = 3n * USD;
const THREE_DAYS = 72 * 3_600;
const payer = localWallet(11);

interface Status {
  channel: string;
  usage: string;
  usagePico: string;
  authorised: string;
}

/** docs/payers.md, "Another postage key", step by step, under clients who know nothing of it. */
describe("a gateway gets another postage key", function () {
  this.timeout(240_000);
  const directory = mkdtempSync(join(tmpdir(), "pennyblack-rotation-"));
  const file = (name: string) => join(directory, name);
  const people: Person[] = [];
  let network: LocalNetwork;

  /** `pennyblack` as a payer types it; the JSON that it prints. */
  async function pennyblack(...words: string[]): Promise<unknown> {
    const argv = ["--import", "tsx", MAIN, ...words, "--json"];
    const env = { ...process.env, PENNYBLACK_DEPLOYMENT: deployment(), PENNYBLACK_RPC_URL: network.chain.url };
    const run = promisify(execFile)(process.execPath, argv, { env });
    const { stdout } = await run.catch(({ message, stdout: said }: Error & { stdout: string }) => {
      throw new Error(`${message}${said}`);
    });
    return JSON.parse(stdout);
  }
  const deployment = () => join(directory, "net", "deployment.json");
  const token = () => tokenOf(network.record, network.chain.provider);
  const status = async () => (await (await fetch(`${network.gateway.url}/status`)).json()) as Status;
  const channelOf = (channel: string) => readChannel(network.contracts, toAddress(channel));
  async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
    for (const end = Date.now() + 60_000; !(await isSo());) {
      if (Date.now() > end) throw new Error(`never: ${what}`);
      await new Promise((wake) => setTimeout(wake, 200));
    }
  }

  before(async () => {
    network = await startLocalNetwork({
      ...{ directory: join(directory, "net"), nodes: 1, deposit: DEPOSIT, headroom: 50_000n, holdSeconds: 20 },
      // Otherwise so little is not worth the gas of settling it.
      nativeTokenPrice: 1n,
    });
    writeFileSync(file("password.txt"), "a password of the test", { mode: 0o600 });
    writeKeyFile(file("payer.key"), payer.privateKey);
    const minter = token().connect(localWallet(0).connect(network.chain.provider)) as Contract;
    await (await minter.getFunction("mint").send(payer.address, NEXT_DEPOSIT)).wait();
  });
  after(async () => {
    for (const one of people) one.leave();
    await network?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  it("and people go on writing; the old channel is settled in full, and what is left comes back", async () => {
    const [alice, bob] = ["alice", "bob"].map((name) => startPerson(directory, name)) as [Person, Person];
    people.push(alice, bob);
    await alice.register(network.gateway.url);
    const dm = await alice.openDm(await bob.register(network.gateway.url));
    await alice.send(dm, "under the first key");
    expect(await bob.read(dm).catch(() => bob.read(dm))).to.deep.equal(["under the first key"]);

    const password = ["--password-file", file("password.txt")];
    await pennyblack("channel", "key", "--to", file("postage-2.json"), ...password);
    const paying = ["--amount", "3 USD", "--key", file("payer.key")];
    const rotation = ["channel", "rotate", network.channel, "--postage-key", file("postage-2.json"), ...password];
    await pennyblack(...rotation, ...paying);

    const body = JSON.stringify({ units: "0" });
    const headers = { "content-type": "application/json" };
    const answer = await fetch(`${network.gateway.url}/headroom`, { method: "POST", body, headers });
    expect(answer.status).to.equal(200);
    await alice.send(dm, "the last under the first key");
    const old = await status();
    await network.gateway.service.end("SIGTERM");
    const config = join(directory, "net", "gateway", "config.json");
    const settings = JSON.parse(readFileSync(config, "utf8")) as Record<string, unknown>;
    delete settings.postageKeyFile;
    settings.postageKey = { keystoreFile: file("postage-2.json"), passwordFile: file("password.txt") };
    writeFileSync(config, JSON.stringify(settings));
    await network.gateway.restart();

    await alice.send(dm, "under the second key");
    await bob.send(dm, "I noticed nothing");
    const texts = ["under the first key", "the last under the first key", "under the second key", "I noticed nothing"];
    expect(await alice.read(dm)).to.deep.equal(texts);
    const now = await status();
    expect(now.channel).to.not.equal(old.channel);
    expect(old.channel).to.equal(toAddress(network.channel));
    expect(BigInt(now.usage) > 0n, "the second key pays now").to.equal(true);

    const isSettled = async () => (await channelOf(old.channel)).feesSpent >= BigInt(old.usage);
    await until("the old channel is settled", isSettled);
    expect((await channelOf(old.channel)).feesSpent <= BigInt(old.authorised), "no more than was signed").to.equal(
      true,
    );
    expect((await channelOf(now.channel)).owner, "whoever paid owns it").to.equal(toAddress(payer.address));

    // A channel without another owner is its key's own, which pays its gas.
    const wei = parseEther("1");
    await (
      await localWallet(0).connect(network.chain.provider).sendTransaction({ to: old.channel, value: wei })
    ).wait();
    const oldKey = ["--key", join(directory, "net", "postage.key")];
    await pennyblack("channel", "request-withdrawal", old.channel, "--amount", "all", ...oldKey);
    await network.chain.increaseTime(THREE_DAYS + 1);
    await pennyblack("channel", "withdraw", old.channel, "--recipient", payer.address, ...oldKey);
    const balance = await token().getFunction("balanceOf")(payer.address);
    expect(balance, "what was not spent").to.equal(DEPOSIT - (await channelOf(old.channel)).feesSpent);

    const spent = async (...words: string[]) => {
      const answer = (await pennyblack("spend", "--config", config, ...words)) as { total: { postagePico: string } };
      return answer.total.postagePico;
    };
    expect(await spent("--channel", old.channel), "the old channel's spending is still told").to.equal(old.usagePico);
    expect(await spent()).to.equal((await status()).usagePico);
  });
});
