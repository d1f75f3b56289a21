import { join } from "node:path";

import { expect } from "chai";
import hre from "hardhat";

import { deployNetwork } from "../../scripts/deploy/deployNetwork.ts";
import { readParameters } from "../../src/deployment/parameters.ts";
import { writeDeployment } from "../../src/deployment/writeDeployment.ts";
import { localWallet } from "../../scripts/local/localChain.ts";
import { COMMANDS } from "../../src/commands/catalogue.ts";
import { connectContracts } from "../../src/contracts/connectContracts.ts";
import { TOKEN } from "../contracts/fixtures.ts";
import { keyFile, temporary } from "./support.ts";

describe("Hardhat tasks", () => {
  it("are all of the commands", () => {
    for (const { path, description } of COMMANDS) {
      expect(hre.tasks.getTask([...path]).description, path.join(" ")).to.equal(description);
    }
  });

  it("sign with Hardhat's own accounts, look, refuse, and print for a Safe", async () => {
    const { ethers } = await hre.network.getOrCreate();
    const [deployer, operator] = await ethers.getSigners();
    const record = await deployNetwork({ signer: deployer!, parameters: readParameters("local") });
    const directory = temporary();
    const deployment = join(directory, "deployment.json");
    writeDeployment(record, deployment);
    const { postageToken, nodeStaking, nodeRegistry } = connectContracts(record, deployer!);
    await postageToken.transfer(operator!, 20_000n * TOKEN);
    const task = async (path: string[], args: Record<string, unknown>) =>
      (await hre.tasks.getTask(path).run({ ...args, quiet: true })) as {
        success: boolean;
        value?: string;
        error?: string;
      };
    const home = join(directory, "node");
    expect((await task(["operator", "keys"], { directory: home, json: true })).success).to.equal(true);
    const shared = { deployment, json: true };
    const registration = { directory: home, httpAddress: "http://127.0.0.1:5050", from: operator!.address };
    const dry = await task(["operator", "register"], { ...shared, ...registration, dryRun: true });
    expect(dry.success).to.equal(true);
    expect(await nodeRegistry.lastNodeId()).to.equal(0n);
    const registered = await task(["operator", "register"], { ...shared, ...registration });
    expect(JSON.parse(registered.value!)).to.deep.include({ nodeId: 100 });
    expect(await nodeRegistry.ownerOf(100)).to.equal(operator!.address);
    const stake = { ...shared, node: "100", amount: "1 PENNY" };
    const unsigned = await task(["operator", "stake"], { ...stake, unsigned: true });
    expect(JSON.parse(unsigned.value!).account).to.equal(operator!.address.toLowerCase());
    // The first account signs unless another is named, and it owns no node.
    const refused = await task(["operator", "stake"], stake);
    expect([refused.success, JSON.parse(refused.error!).error.code]).to.deep.equal([false, "not_owner"]);
    expect((await task(["operator", "stake"], { ...stake, from: operator!.address })).success).to.equal(true);
    expect(await nodeStaking.stakeOf(100)).to.equal(10_001n * TOKEN);
    // The second of Hardhat's accounts again, by its key.
    const key = keyFile(directory, "owner.key", localWallet(1).privateKey);
    expect((await task(["operator", "stake"], { ...stake, key })).success).to.equal(true);
    expect(await nodeStaking.stakeOf(100)).to.equal(10_002n * TOKEN);
    const disagree = await task(["operator", "stake"], { ...stake, key, from: deployer!.address });
    expect(JSON.parse(disagree.error!).error.code).to.equal("wrong_key");
    const nowhere = await task(["operator", "stake"], { ...stake, deployment: "" });
    expect(JSON.parse(nowhere.error!).error.message).to.include("name one with --deployment");
    const shown = await task(["operator", "show"], { ...shared, node: "100" });
    expect(JSON.parse(shown.value!)).to.deep.include({ nodeId: 100, standing: "seat_ahead" });
  });
});
