import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";
import { Contract, HDNodeWallet, JsonRpcProvider, ZeroAddress } from "ethers";
import { network } from "hardhat";

import { constructorArguments } from "../../src/deployment/constructorArguments.ts";
import { deployNetwork } from "../../scripts/deploy/deployNetwork.ts";
import { deploymentParametersSchema, genesisSchema, readParameters } from "../../src/deployment/parameters.ts";
import { readArtifact } from "../../src/deployment/readArtifact.ts";
import { verifyDeployment } from "../../src/deployment/verifyDeployment.ts";
import { writeDeployment } from "../../src/deployment/writeDeployment.ts";
import type { ContractKey } from "../../src/contracts/abis.ts";
import { abis } from "../../src/contracts/abis.ts";
import { connectContracts } from "../../src/contracts/connectContracts.ts";
import { loadDeployment } from "../../src/contracts/loadDeployment.ts";

const parameters = readParameters("local");
const CREATE3_DEPLOYER = "contracts/deployment/Create3Deployer.sol";

describe("deployment", () => {
  describe("deployNetwork", () => {
    it("deploys every contract with code, links that point back and the parameters given", async () => {
      const { ethers } = await network.create("local");
      const [signer] = await ethers.getSigners();
      const record = await deployNetwork({ signer: signer!, parameters });
      const { postageChannels, feeDistributor, rateRegistry } = connectContracts(record, ethers.provider);

      expect(record.chainId).to.equal(31337);
      expect((await postageChannels.parameters()).withdrawalDelaySeconds).to.equal(72n * 3600n);
      expect(await feeDistributor.treasury()).to.equal(record.contracts.timelock.address);
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
        expect(await connectContracts(record, provider).guardian.keyholder()).to.equal(wallet.address);
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
    it("refuses the zero address as the guardian's keyholder", () => {
      const answer = deploymentParametersSchema.safeParse({ ...plain, guardianKeyholder: ZeroAddress });
      expect(answer.error?.issues).to.have.length(1);
      expect(answer.error?.issues[0]).to.include({ message: "the zero address" });
      expect(answer.error?.issues[0]?.path).to.deep.equal(["guardianKeyholder"]);
    });
  });

  describe("genesisSchema", () => {
    const holder = "0x00000000000000000000000000000000000000A1";
    const allocationsOf = (...allocations: unknown[]) => genesisSchema.safeParse({ allocations });

    it("takes amounts as decimal strings of base units, and the deploying account as a placeholder", () => {
      expect(
        allocationsOf({ holder, amount: "1" }, { holder: "deployer", amount: "2" }).data?.allocations,
      ).to.deep.equal([
        { holder, amount: 1n },
        { holder: "deployer", amount: 2n },
      ]);
    });

    it("refuses nobody, nothing, the zero address and a holder twice", () => {
      const messages = (...allocations: unknown[]) => allocationsOf(...allocations).error?.issues[0]?.message;
      expect(messages()).to.be.a("string");
      expect(messages({ holder, amount: "0" })).to.equal("nothing");
      expect(messages({ holder, amount: 1 })).to.be.a("string");
      expect(messages({ holder: ZeroAddress, amount: "1" })).to.be.a("string");
      const twice = [holder, holder.toLowerCase()].map((same) => ({ holder: same, amount: "1" }));
      expect(messages(...twice)).to.equal("a holder twice");
    });
  });

  describe("Create3Deployer", () => {
    it("deploys for its owner only, who may hand that over, but not to nobody", async () => {
      const { ethers } = await network.create("local");
      const [owner, stranger] = await ethers.getSigners();
      const deployer = await ethers.deployContract("Create3Deployer", [owner!.address]);
      const by = (signer: typeof owner, name: string, ...args: unknown[]) =>
        deployer.connect(signer).getFunction(name)(...args) as Promise<unknown>;
      const refused = (attempt: Promise<unknown>, caller: string, current: string) =>
        expect(attempt).to.be.revertedWithCustomError(deployer, "Create3DeployerNotOwner").withArgs(caller, current);
      await refused(by(stranger, "deploy", ethers.ZeroHash, "0x00"), stranger!.address, owner!.address);
      await refused(by(stranger, "handOver", stranger), stranger!.address, owner!.address);
      await expect(by(owner, "handOver", ZeroAddress))
        .to.be.revertedWithCustomError(deployer, "Create3DeployerOwnerNotAllowed")
        .withArgs(ZeroAddress);
      await expect(by(owner, "handOver", stranger))
        .to.emit(deployer, "DeployerHandedOver")
        .withArgs(owner!.address, stranger!.address);
      await refused(by(owner, "deploy", ethers.ZeroHash, "0x00"), owner!.address, stranger!.address);
      await expect(by(stranger, "deploy", ethers.ZeroHash, "0x600160005360016000f3")).to.emit(
        deployer,
        "ContractDeployed",
      );
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

    it("names a keyholder that is another one", async () => {
      const { ethers } = await network.create("local");
      const [signer, other] = await ethers.getSigners();
      const record = await deployNetwork({ signer: signer!, parameters });
      const expected = { keyholder: other!.address, timelockDelaySeconds: 60 };
      const error = await verifyDeployment(record, ethers.provider, expected).catch((caught: Error) => caught);
      expect((error as Error).message).to.contain(`guardian.keyholder is ${signer!.address}`);
      expect((error as Error).message).to.contain("timelock.getMinDelay is 172800, expected 60");
    });

    it("I16: names every role that somebody else has, has not, or has later, and a deployer that was not handed over", async () => {
      const { ethers, networkHelpers } = await network.create("local");
      const [signer, other, late] = await ethers.getSigners();
      const record = await deployNetwork({ signer: signer!, parameters });
      const { accessManager, timelock, postageChannels, nodeSeats } = connectContracts(record, signer!);
      const { address } = record.contracts.timelock;
      await networkHelpers.impersonateAccount(address);
      await networkHelpers.setBalance(address, 10n ** 18n);
      const governance = await ethers.getSigner(address);
      const refusal = async () => {
        const error = await verifyDeployment(record, ethers.provider).catch((caught: Error) => caught);
        return error instanceof Error ? error.message : "";
      };
      expect(await refusal()).to.equal("");
      const manager = accessManager.connect(governance);
      // A grant that begins in a week, when nobody looks any more.
      await manager.setGrantDelay(1n, 7n * 24n * 3_600n);
      await networkHelpers.time.increase(6 * 24 * 3_600);
      await manager.grantRole(1n, late!, 0n);
      expect((await manager.hasRole(1n, late!))[0]).to.equal(false);
      const setBounty = postageChannels.interface.getFunction("setBounty").selector;
      await manager.grantRole(0n, other!, 0n);
      await manager.grantRole(1n, other!, 60n);
      await manager.setTargetFunctionRole(postageChannels, [setBounty], 1n);
      await manager.setTargetClosed(nodeSeats, true);
      await timelock.connect(governance).grantRole(await timelock.CANCELLER_ROLE(), other!);
      const deployer = new Contract(record.deployer, readArtifact(CREATE3_DEPLOYER).abi, governance);
      await deployer.getFunction("handOver")(signer!);
      const message = await refusal();
      expect(message).to.contain(`0 ${other!.address}`);
      expect(message).to.contain(`1 ${other!.address} after 60 s`);
      expect(message).to.contain(`1 ${late!.address}`);
      expect(message).to.contain("getRoleGrantDelay of pausing is 604800, expected 0");
      expect(message).to.contain("postageChannels.setBounty role is 1, expected 0");
      expect(message).to.contain("nodeSeats closed is true");
      expect(message).to.contain(`canceller ${other!.address}`);
      expect(message).to.contain(`deployer.owner is ${signer!.address}`);
    });
  });

  describe("constructorArguments", () => {
    it("has the Timelock govern and be the treasury, and the signer stand in for deployer and keyholder", () => {
      const contracts = Object.fromEntries(Object.keys(abis).map((key) => [key, key])) as Record<ContractKey, string>;
      const args = constructorArguments({ contracts, token: "token", signer: "signer" }, parameters);
      expect(args.feeDistributor[3]).to.equal("timelock");
      expect(args.rateRegistry[0]).to.equal("timelock");
      expect(args.nodeStaking[4]).to.equal("timelock");
      expect(args.faultProofs.slice(3, 5)).to.deep.equal(["guardian", "timelock"]);
      expect(args.postageToken[0]).to.deep.equal([{ holder: "signer", amount: 10n ** 27n }]);
      expect(args.accessManager[0]).to.equal("signer");
      expect(args.guardian[4]).to.equal("signer");
      expect(args.postageGovernor[1]).to.include({ supply: 10n ** 27n, proposalThresholdAmount: 10n ** 24n });
    });

    it("has a stamp hold outlast the stamp window, two epochs and the veto window", () => {
      const contracts = Object.fromEntries(Object.keys(abis).map((key) => [key, key])) as Record<ContractKey, string>;
      const args = constructorArguments({ contracts, token: "token", signer: "signer" }, parameters);
      expect(args.postageChannels[4]).to.equal((7 + 1 + 1) * 24 * 3_600);
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
