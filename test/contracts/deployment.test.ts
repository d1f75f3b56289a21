import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";
import { HDNodeWallet, JsonRpcProvider, ZeroAddress } from "ethers";
import { network } from "hardhat";

import { constructorArguments } from "../../scripts/deploy/constructorArguments.ts";
import { deployNetwork } from "../../scripts/deploy/deployNetwork.ts";
import { deploymentParametersSchema, readParameters } from "../../scripts/deploy/parameters.ts";
import { verifyDeployment } from "../../scripts/deploy/verifyDeployment.ts";
import { writeDeployment } from "../../scripts/deploy/writeDeployment.ts";
import type { ContractKey } from "../../src/contracts/abis.ts";
import { abis } from "../../src/contracts/abis.ts";
import { connectContracts } from "../../src/contracts/connectContracts.ts";
import { loadDeployment } from "../../src/contracts/loadDeployment.ts";

const parameters = readParameters("local");

describe("deployment", () => {
  describe("deployNetwork", () => {
    it("deploys every contract with code, links that point back and the parameters given", async () => {
      const { ethers } = await network.create("local");
      const [signer] = await ethers.getSigners();
      const record = await deployNetwork({ signer: signer!, parameters });
      const { postageChannels, feeDistributor, rateRegistry } = connectContracts(record, ethers.provider);

      expect(record.chainId).to.equal(31337);
      expect((await postageChannels.parameters()).withdrawalDelaySeconds).to.equal(72n * 3600n);
      expect(await feeDistributor.treasury()).to.equal(signer!.address);
      expect(await rateRegistry.getRates(0, 1)).to.deep.equal([[100n, 200n, 300n, 6000n, 0n]]);
    });

    it("gives the same addresses in any order", async () => {
      const addresses = [];
      const keys = Object.keys(abis) as ContractKey[];
      for (const order of [keys, keys.toReversed()]) {
        const { ethers } = await network.create("local");
        const [signer] = await ethers.getSigners();
        const { contracts } = await deployNetwork({ signer: signer!, parameters, order });
        addresses.push(keys.map((key) => contracts[key].address));
      }
      expect(addresses[0]).to.deep.equal(addresses[1]);
    });

    it("works over JSON-RPC with a plain wallet", async () => {
      const server = await network.createServer("local");
      const { address, port } = await server.listen();
      const provider = new JsonRpcProvider(`http://${address}:${port}`, undefined, { pollingInterval: 20 });
      try {
        // The first of the accounts that every Hardhat chain funds.
        const phrase = "test test test test test test test test test test test junk";
        const wallet = HDNodeWallet.fromPhrase(phrase).connect(provider);
        const record = await deployNetwork({ signer: wallet, parameters });
        expect(await connectContracts(record, provider).feeDistributor.treasury()).to.equal(wallet.address);
      } finally {
        provider.destroy();
        await server.close();
      }
    });

    it("refuses parameters outside the contracts' bounds", async () => {
      const { ethers } = await network.create("local");
      const [signer] = await ethers.getSigners();
      const deploying = deployNetwork({ signer: signer!, parameters: { ...parameters, maxSeats: 91 } });
      await expect(deploying).to.be.revert(ethers);
    });
  });

  describe("deploymentParametersSchema", () => {
    const plain = JSON.parse(
      readFileSync(new URL("../../deployments/parameters/local.json", import.meta.url), "utf8"),
    ) as object;
    for (const key of ["treasury", "governor", "guardian", "tokenHolder"]) {
      it(`refuses the zero address as ${key}`, () => {
        const answer = deploymentParametersSchema.safeParse({ ...plain, [key]: ZeroAddress });
        expect(answer.error?.issues).to.have.length(1);
        expect(answer.error?.issues[0]).to.include({ message: "the zero address" });
        expect(answer.error?.issues[0]?.path).to.deep.equal([key]);
      });
    }
  });

  describe("Create3Deployer", () => {
    it("deploys for its owner only", async () => {
      const { ethers } = await network.create("local");
      const [owner, stranger] = await ethers.getSigners();
      const deployer = await ethers.deployContract("Create3Deployer", [owner!.address]);
      const asStranger = deployer.connect(stranger);
      await expect(asStranger.getFunction("deploy")(ethers.ZeroHash, "0x00"))
        .to.be.revertedWithCustomError(deployer, "Create3DeployerNotOwner")
        .withArgs(stranger!.address, owner!.address);
    });
  });

  describe("verifyDeployment", () => {
    it("lists every contract that is missing or has other code", async () => {
      const { ethers } = await network.create("local");
      const [signer] = await ethers.getSigners();
      const record = await deployNetwork({ signer: signer!, parameters });
      record.contracts.nodeStaking.address = "0x000000000000000000000000000000000000dEaD";
      record.contracts.rateRegistry.codeHash = `0x${"00".repeat(32)}`;
      const error = await verifyDeployment(record, ethers.provider).catch((caught: Error) => caught);
      expect(error).to.be.instanceOf(Error);
      expect((error as Error).message).to.match(/nodeStaking .* has no code/);
      expect((error as Error).message).to.match(/rateRegistry .* has other code than recorded/);
    });

    it("names a link that points elsewhere", async () => {
      const { ethers } = await network.create("local");
      const [signer] = await ethers.getSigners();
      const record = await deployNetwork({ signer: signer!, parameters });
      const other = await deployNetwork({ signer: signer!, parameters, token: record.token });
      record.contracts.nodeStaking = other.contracts.nodeStaking;
      const error = await verifyDeployment(record, ethers.provider).catch((caught: Error) => caught);
      expect((error as Error).message).to.contain("nodeRegistry.staking is");
      expect((error as Error).message).to.contain("nodeStaking.registry is");
    });

    it("names an officer that is another one, and code where reports will be", async () => {
      const { ethers, networkHelpers } = await network.create("local");
      const [signer, other] = await ethers.getSigners();
      const record = await deployNetwork({ signer: signer!, parameters });
      const reports = await connectContracts(record, signer!).feeDistributor.reports();
      await networkHelpers.setCode(reports, "0x00");
      const officers = { treasury: signer!.address, governor: signer!.address, guardian: other!.address };
      const error = await verifyDeployment(record, ethers.provider, officers).catch((caught: Error) => caught);
      expect((error as Error).message).to.contain(`faultProofs.guardian is ${signer!.address}`);
      expect((error as Error).message).to.contain("reserved for reports, has code");
      expect((error as Error).message).not.to.contain("governor");
    });
  });

  describe("constructorArguments", () => {
    it("falls back to the signer for treasury, governor, guardian and the stake token's supply", () => {
      const contracts = Object.fromEntries(Object.keys(abis).map((key) => [key, key])) as Record<ContractKey, string>;
      const reserved = { epochReports: "epochReports" };
      const args = constructorArguments({ contracts, reserved, token: "token", signer: "signer" }, parameters);
      expect(args.feeDistributor[3]).to.equal("signer");
      expect(args.rateRegistry[0]).to.equal("signer");
      expect(args.nodeStaking[4]).to.equal("signer");
      expect(args.faultProofs.slice(3, 5)).to.deep.equal(["signer", "signer"]);
      expect(args.postageToken[0]).to.equal("signer");
      expect(args.accessManager[0]).to.equal("signer");
    });

    it("has a stamp hold outlast the stamp window, two epochs and the veto window", () => {
      const contracts = Object.fromEntries(Object.keys(abis).map((key) => [key, key])) as Record<ContractKey, string>;
      const reserved = { epochReports: "epochReports" };
      const args = constructorArguments({ contracts, reserved, token: "token", signer: "signer" }, parameters);
      expect(args.postageChannels[3]).to.equal((7 + 1 + 1) * 24 * 3_600);
    });
  });

  describe("writeDeployment and loadDeployment", () => {
    it("round trips, and a record that is wrong is refused with the field's name", async () => {
      const { ethers } = await network.create("local");
      const [signer] = await ethers.getSigners();
      const record = await deployNetwork({ signer: signer!, parameters });
      const directory = mkdtempSync(join(tmpdir(), "pennyblack-"));
      try {
        const file = join(directory, "local.json");
        writeDeployment(record, file);
        expect(loadDeployment(file)).to.deep.equal(record);
        writeFileSync(file, JSON.stringify({ ...record, token: "0x12" }));
        expect(() => loadDeployment(file)).to.throw(/token/);
      } finally {
        rmSync(directory, { recursive: true });
      }
    });
  });
});
