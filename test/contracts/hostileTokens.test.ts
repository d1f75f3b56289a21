import { expect } from "chai";
import { Contract, ContractFactory } from "ethers";
import { network } from "hardhat";

import { deployNetwork } from "../../scripts/deploy/deployNetwork.ts";
import { readParameters } from "../../src/deployment/parameters.ts";
import { readArtifact } from "../../src/deployment/readArtifact.ts";
import { connectContracts } from "../../src/contracts/connectContracts.ts";
import { DAY, EPOCH, USD, postageKey, registrationOf, voucherRow } from "./fixtures.ts";

const [alice, bob] = [postageKey(1), postageKey(2)];

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
  if (!funder) throw new Error("no accounts");
  const contracts = connectContracts(record, funder);
  await token.getFunction("mint")(funder, 1_000_000n * USD);
  await (token.connect(funder) as Contract).getFunction("approve")(contracts.postageChannels, 2n ** 256n - 1n);
  const stake = await contracts.nodeStaking.minimumStake();
  await contracts.postageToken.connect(deployer).transfer(funder, stake);
  await contracts.postageToken.approve(contracts.nodeStaking, stake);
  await contracts.postageChannels.deposit(bob.address, 10n * USD);
  await contracts.nodeRegistry.register(registrationOf({ record }, funder, 0, { payout: stranger!.address }));
  await networkHelpers.time.increase(EPOCH);
  return { ethers, networkHelpers, token, funder, stranger: stranger!, chainId: 31337n, ...contracts };
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

  it("case 12: fee on transfer: many channels at once are refused whole, because there is no right way to share", async () => {
    const { token, postageChannels } = await hostileWorld();
    const fundings = [alice, bob].map(({ address }) => ({ payer: address, amount: 10n * USD }));
    await token.getFunction("setFeeBps")(1_000);
    await expect(postageChannels.depositMany(fundings))
      .to.be.revertedWithCustomError(postageChannels, "PostageChannelsPartArrived")
      .withArgs(18n * USD, 20n * USD);
    expect((await postageChannels.getChannel(alice.address)).deposited).to.equal(0n);
  });

  it("case 12: fee on transfer: a debit is paid by what arrived", async () => {
    const { token, feeDistributor, networkHelpers, ethers, funder } = await hostileWorld();
    const reports = await feeDistributor.reports();
    await networkHelpers.impersonateAccount(reports);
    await networkHelpers.setBalance(reports, 10n ** 18n);
    await feeDistributor.connect(await ethers.getSigner(reports)).recordDebits("0x00000064000000000000ffff");
    await (token.connect(funder) as Contract).getFunction("approve")(feeDistributor, 2n ** 256n - 1n);
    await token.getFunction("setFeeBps")(1_000);
    await expect(feeDistributor.payDebit(100n, 10_000n))
      .to.emit(feeDistributor, "DebitPaid")
      .withArgs(100n, funder.address, 9_000n, 0xffffn - 9_000n);
    expect(await feeDistributor.remainder()).to.equal(9_000n);
  });

  it("case 12: a token that is paused: settling goes on, nothing is lost, all of it moves afterwards", async () => {
    const world = await hostileWorld();
    const { token, postageChannels, feeDistributor, networkHelpers, stranger, ethers } = world;
    await postageChannels.settle(await voucherRow(world, bob, 5n * USD));
    await feeDistributor.distribute();
    await networkHelpers.time.increase(20 * EPOCH);
    await token.getFunction("setPaused")(true);
    await expect(postageChannels.deposit(alice.address, USD)).to.be.revertedWithCustomError(
      token,
      "HostileTokenPaused",
    );
    await expect(postageChannels.settle(await voucherRow(world, bob, 6n * USD))).to.emit(postageChannels, "Settled");
    await expect(feeDistributor.distribute()).to.be.revert(ethers);
    const amount = await feeDistributor.claimable(100n);
    await expect(feeDistributor.claim(100n))
      .to.emit(feeDistributor, "Claimed")
      .withArgs(100n, stranger.address, amount, true);
    await token.getFunction("setPaused")(false);
    await feeDistributor.connect(stranger).withdrawCredit(stranger);
    expect(await token.getFunction("balanceOf")(stranger)).to.equal(amount);
    await expect(feeDistributor.distribute()).to.emit(feeDistributor, "Distributed");
  });

  it("case 12: a token without permit and EIP-3009: the allowance decides, the authorization is refused", async () => {
    const { postageChannels, ethers, funder } = await hostileWorld();
    const zero = `0x${"00".repeat(32)}`;
    await postageChannels.depositWithPermit(alice.address, USD, 0n, 27, zero, zero);
    expect((await postageChannels.getChannel(alice.address)).deposited).to.equal(USD);
    const authorization = {
      payer: alice.address,
      from: funder.address,
      amount: USD,
      validAfter: 0n,
      validBefore: 2n ** 40n,
      salt: zero,
    };
    const form = "depositWithAuthorization((address,address,uint96,uint256,uint256,bytes32),bytes)";
    await expect(postageChannels[form](authorization, "0x")).to.be.revert(ethers);
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

  it("case 12: a token that calls back gains nothing by any function, nor by a claim inside a deposit", async () => {
    const world = await hostileWorld();
    const { token, postageChannels, feeDistributor, networkHelpers } = world;
    await postageChannels.settle(await voucherRow(world, bob, 5n * USD));
    const encode = postageChannels.interface.encodeFunctionData.bind(postageChannels.interface);
    const calls: [string, string][] = [
      [await postageChannels.getAddress(), encode("depositMany", [[{ payer: alice.address, amount: USD }]])],
      [await postageChannels.getAddress(), encode("withdrawCredit", [alice.address])],
      [await postageChannels.getAddress(), encode("withdraw", [bob.address, alice.address])],
      [await postageChannels.getAddress(), encode("collect")],
    ];
    for (const [target, data] of calls) {
      await token.getFunction("setCallback")(target, data);
      await postageChannels.deposit(alice.address, USD);
      expect(await token.getFunction("callbackSucceeded")()).to.equal(false);
    }
    // Another contract's function is not inside: it may run, and takes only what is there to take.
    await feeDistributor.distribute();
    await networkHelpers.time.increase(20 * EPOCH);
    const claimable = await feeDistributor.claimable(100n);
    const data = feeDistributor.interface.encodeFunctionData("claim", [100n]);
    await token.getFunction("setCallback")(feeDistributor, data);
    await postageChannels.deposit(alice.address, USD);
    expect(await feeDistributor.paid()).to.equal(claimable);
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
