import { execFile } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { expect } from "chai";
import { Wallet } from "ethers";

import { deployNetwork } from "../../scripts/deploy/deployNetwork.ts";
import type { LocalChain } from "../../scripts/local/localChain.ts";
import { localWallet, startLocalChain } from "../../scripts/local/localChain.ts";
import { tokenOf } from "../../scripts/local/localApp.ts";
import { connectContracts } from "../../src/contracts/connectContracts.ts";
import type { DeploymentRecord } from "../../src/contracts/deploymentRecord.ts";
import { readParameters } from "../../src/deployment/parameters.ts";
import { writeDeployment } from "../../src/deployment/writeDeployment.ts";
import { keyFile, temporary } from "../commands/support.ts";

const DEMO = fileURLToPath(new URL("../../scripts/demo.ts", import.meta.url));
const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const USD = 1_000_000n;
const ETHER = 10n ** 18n;

describe("demo --fund", function () {
  this.timeout(240_000);
  const directory = temporary();
  const deployment = join(directory, "deployment.json");
  let chain: LocalChain;
  let record: DeploymentRecord;
  before(async () => {
    chain = await startLocalChain();
    record = await deployNetwork({
      signer: localWallet(0).connect(chain.provider),
      parameters: readParameters("local"),
    });
    writeDeployment(record, deployment);
  });
  after(() => chain.close());

  async function run(script: string, words: string[], changes: Record<string, string> = {}): Promise<string> {
    const env = { ...process.env, PENNYBLACK_DEPLOYMENT: deployment, PENNYBLACK_RPC_URL: chain.url, ...changes };
    const { stdout } = await promisify(execFile)(process.execPath, ["--import", "tsx", script, ...words], { env });
    return stdout;
  }
  const refusal = (words: string[], changes: Record<string, string> = {}) =>
    run(DEMO, words, changes).then(
      () => "nothing was refused",
      (error: { stderr: string }) => error.stderr,
    );

  it("gives a payer's key and an address what a channel and a node need, and says how much", async () => {
    const payer = Wallet.createRandom();
    const key = keyFile(directory, "payer.key", payer.privateKey);
    const other = Wallet.createRandom().address;
    const said = await run(DEMO, ["--fund", key, "--fund", other]);
    for (const account of [payer.address, other]) {
      expect(said).to.include(account.toLowerCase());
      expect(await tokenOf(record, chain.provider).getFunction("balanceOf")(account)).to.equal(100n * USD);
      expect(await chain.provider.getBalance(account)).to.equal(10n * ETHER);
      const { postageToken } = connectContracts(record, chain.provider);
      expect(await postageToken.balanceOf(account)).to.equal(20_000n * ETHER);
    }
    expect(said).to.match(/100 USD.*10 ETH.*20000 PENNY/);
    const channel = Wallet.createRandom().address;
    await run(MAIN, ["channel", "deposit", channel, "--amount", "5 USD", "--key", key]);
    const { postageChannels } = connectContracts(record, chain.provider);
    expect((await postageChannels.getChannel(channel)).deposited).to.equal(5n * USD);
  });

  it("refuses what it would not do beside it", async () => {
    const { address } = Wallet.createRandom();
    const refused = await refusal([
      "--fund",
      address,
      "--keep",
      "--json",
      join(directory, "out.json"),
      "--messages",
      "5",
    ]);
    expect(refused.split("\n")[0]).to.equal("--fund goes alone: leave --keep, --json, --messages out");
    expect(await chain.provider.getBalance(address)).to.equal(0n);
  });

  it("says where a local chain comes from when there is none, and touches no other chain", async () => {
    const { address } = Wallet.createRandom();
    const fund = ["--fund", address];
    expect(await refusal(fund, { PENNYBLACK_RPC_URL: "" }))
      .to.include("--keep")
      .and.include("PENNYBLACK_RPC_URL");
    expect(await refusal(fund, { PENNYBLACK_RPC_URL: "http://127.0.0.1:1" })).to.include("http://127.0.0.1:1");
    const elsewhere = join(directory, "elsewhere.json");
    writeDeployment({ ...record, chainId: 8_453 }, elsewhere);
    expect(await refusal(fund, { PENNYBLACK_DEPLOYMENT: elsewhere })).to.include("local");
    expect(await refusal(["--fund", "0x12"])).to.include("0x12");
    expect(await chain.provider.getBalance(address)).to.equal(0n);
  });
});
