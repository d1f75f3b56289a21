import { expect } from "chai";
import { Contract, ContractFactory } from "ethers";
import { network } from "hardhat";

import { deployNetwork } from "../../scripts/deploy/deployNetwork.ts";
import { readParameters } from "../../scripts/deploy/parameters.ts";
import { readArtifact } from "../../scripts/deploy/readArtifact.ts";
import { connectContracts } from "../../src/contracts/connectContracts.ts";
import { DAY, EPOCH, USD, postageKey, voucherRow } from "./fixtures.ts";

const [alice, bob] = [postageKey(1), postageKey(2)];
const NODE_KEY = postageKey(3).signingKey.publicKey;

/** A network whose fee token is hostile; bob's channel and a node are there before it turns. */
async function hostileWorld() {
  const { ethers, networkHelpers } = await network.create({ network: "local", chainType: "l1" });
  const [deployer, funder, stranger] = await ethers.getSigners();
  const { abi, bytecode } = readArtifact("test/support/HostileToken.sol");
  const deployed = await new ContractFactory(abi, bytecode, deployer).deploy();
  const token = new Contract(await deployed.getAddress(), abi, deployer);
  const record = await deployNetwork({
    signer: deployer!,
    parameters: readParameters("local"),
    token: await token.getAddress(),
  });
  const contracts = connectContracts(record, funder!);
  await token.getFunction("mint")(funder, 1_000_000n * USD);
  for (const spender of [contracts.postageChannels, contracts.nodeBond]) {
    await (token.connect(funder!) as Contract).getFunction("approve")(spender, 2n ** 256n - 1n);
  }
  await contracts.postageChannels.deposit(bob.address, 10n * USD);
  await contracts.nodeRegistry.register(NODE_KEY, "http://127.0.0.1:1", stranger!.address);
  await networkHelpers.time.increase(EPOCH);
  return { ethers, networkHelpers, token, funder: funder!, stranger: stranger!, chainId: 31337n, ...contracts };
}

describe("hostile tokens", () => {
  it("case 12: fee on transfer: a channel is credited what arrived, the distributor spreads what arrived", async () => {
    const world = await hostileWorld();
    const { token, postageChannels, feeDistributor } = world;
    await token.getFunction("setFeeBps")(1_000);
    await expect(postageChannels.deposit(alice.address, 10n * USD))
      .to.emit(postageChannels, "Deposit")
      .withArgs(alice.address, 9n * USD);
    await postageChannels.settle(await voucherRow(world, alice, 10n * USD));
    const collected = await postageChannels.uncollected();
    await feeDistributor.distribute();
    const held = (await token.getFunction("balanceOf")(feeDistributor)) as bigint;
    expect(held).to.equal(collected - collected / 10n);
  });

  it("case 12: a token that says false funds nobody", async () => {
    const { token, postageChannels } = await hostileWorld();
    await token.getFunction("setSaysFalse")(true);
    await expect(postageChannels.deposit(alice.address, 10n * USD)).to.be.revertedWithCustomError(
      postageChannels,
      "SafeERC20FailedOperation",
    );
    expect((await postageChannels.getChannel(alice.address)).deposited).to.equal(0n);
  });

  it("case 12: a token that calls back cannot deposit twice with the same money", async () => {
    const { token, postageChannels } = await hostileWorld();
    const data = postageChannels.interface.encodeFunctionData("deposit", [alice.address, USD]);
    await token.getFunction("mint")(token, 10n * USD);
    await token.getFunction("setCallback")(postageChannels, data);
    await postageChannels.deposit(alice.address, 5n * USD);
    expect(await token.getFunction("callbackSucceeded")()).to.equal(false);
    expect((await postageChannels.getChannel(alice.address)).deposited).to.equal(5n * USD);
  });

  it("case 12: a refused payout is credited, blocks nobody, and is withdrawn when it is accepted again", async () => {
    const world = await hostileWorld();
    const { token, postageChannels, feeDistributor, networkHelpers, stranger } = world;
    await postageChannels.settle(await voucherRow(world, bob, 10n * USD));
    await feeDistributor.distribute();
    await networkHelpers.time.increase(20 * EPOCH);
    await token.getFunction("setRefused")(stranger, true);
    const amount = await feeDistributor.claimable(100n);
    await expect(feeDistributor.claim(100n))
      .to.emit(feeDistributor, "Claimed")
      .withArgs(100n, stranger.address, amount, true);
    expect(await feeDistributor.creditOf(stranger)).to.equal(amount);
    await token.getFunction("setRefused")(stranger, false);
    await feeDistributor.connect(stranger).withdrawCredit(stranger);
    expect(await token.getFunction("balanceOf")(stranger)).to.equal(amount);
  });

  it("case 17: a recipient that is blacklisted: another one works", async () => {
    const world = await hostileWorld();
    const { token, postageChannels, networkHelpers, ethers, funder, stranger } = world;
    await networkHelpers.impersonateAccount(bob.address);
    await networkHelpers.setBalance(bob.address, 10n ** 18n);
    const channels = postageChannels.connect(await ethers.getSigner(bob.address));
    await channels.requestWithdrawal(bob.address, 4n * USD);
    await networkHelpers.time.increase(3 * DAY);
    await token.getFunction("setRefused")(stranger, true);
    await expect(channels.withdraw(bob.address, stranger)).to.be.revert(ethers);
    await expect(channels.withdraw(bob.address, funder)).to.emit(postageChannels, "Withdrawn");
  });

  it("case 12: a distributor that is refused leaves settling open and the money collectable", async () => {
    const world = await hostileWorld();
    const { token, postageChannels, feeDistributor, ethers } = world;
    await token.getFunction("setRefused")(feeDistributor, true);
    await postageChannels.settle(await voucherRow(world, bob, 2n * USD));
    await expect(feeDistributor.distribute()).to.be.revert(ethers);
    await token.getFunction("setRefused")(feeDistributor, false);
    await expect(feeDistributor.distribute()).to.emit(feeDistributor, "Distributed");
  });
});
