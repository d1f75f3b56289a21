import { expect } from "chai";
import type { Contract, Signer } from "ethers";
import { AbiCoder, Signature, ZeroAddress, id, keccak256 } from "ethers";

import type { World } from "./fixtures.ts";
import { NEVER, USD, deployedWorld, fund, postageKey, signPermit, tokenDomain } from "./fixtures.ts";

const [alice, bob] = [postageKey(1), postageKey(2)];

/** An authorization for a channel, and its signature by `signer` in the name of `from`. */
async function authorize(world: World, payer: string, signer: Signer, from?: string, amount = 5n * USD) {
  const types = {
    ReceiveWithAuthorization: [
      { name: "from", type: "address" },
      { name: "to", type: "address" },
      { name: "value", type: "uint256" },
      { name: "validAfter", type: "uint256" },
      { name: "validBefore", type: "uint256" },
      { name: "nonce", type: "bytes32" },
    ],
  };
  const salt = id("salt");
  const authorization = {
    payer,
    from: from ?? (await signer.getAddress()),
    amount,
    validAfter: 0n,
    validBefore: NEVER,
    salt,
  };
  const message = {
    from: authorization.from,
    to: await world.postageChannels.getAddress(),
    value: amount,
    validAfter: 0n,
    validBefore: NEVER,
    nonce: keccak256(AbiCoder.defaultAbiCoder().encode(["address", "bytes32"], [payer, salt])),
  };
  const signature = await signer.signTypedData(await tokenDomain(world), types, message);
  return { authorization, message, signature, ...Signature.from(signature).toJSON() } as const;
}

/** USDC of an account that approved nobody. */
async function newcomer(world: World) {
  await world.usdc.getFunction("mint")(world.settler, 100n * USD);
  return world.settler;
}

const depositedOf = async ({ postageChannels }: World, key: { address: string }) =>
  (await postageChannels.getChannel(key.address)).deposited;

const VRS = "depositWithAuthorization((address,address,uint96,uint256,uint256,bytes32),uint8,bytes32,bytes32)";
const BYTES = "depositWithAuthorization((address,address,uint96,uint256,uint256,bytes32),bytes)";

describe("PostageChannels", () => {
  describe("depositWithPermit", () => {
    it("funds a channel in one transaction, without an allowance before", async () => {
      const world = await deployedWorld();
      const payer = await newcomer(world);
      const { v, r, s } = await signPermit(world, payer, 5n * USD);
      await expect(world.postageChannels.connect(payer).depositWithPermit(alice.address, 5n * USD, NEVER, v, r, s))
        .to.emit(world.postageChannels, "Deposit")
        .withArgs(alice.address, 5n * USD);
    });

    it("case 11: a permit that a front-runner has used up: the deposit still works", async () => {
      const world = await deployedWorld();
      const payer = await newcomer(world);
      const { v, r, s } = await signPermit(world, payer, 5n * USD);
      const thief = world.usdc.connect(world.stranger) as Contract;
      await thief.getFunction("permit")(payer, world.postageChannels, 5n * USD, NEVER, v, r, s);
      const channels = world.postageChannels.connect(payer);
      await channels.depositWithPermit(alice.address, 5n * USD, NEVER, v, r, s);
      expect(await depositedOf(world, alice)).to.equal(5n * USD);
      await expect(channels.depositWithPermit(alice.address, 5n * USD, NEVER, v, r, s))
        .to.be.revertedWithCustomError(world.usdc, "ERC20InsufficientAllowance")
        .withArgs(await world.postageChannels.getAddress(), 0n, 5n * USD);
    });

    it("case 11: somebody else's permit takes nobody's money", async () => {
      const world = await deployedWorld();
      const payer = await newcomer(world);
      const { v, r, s } = await signPermit(world, payer, 5n * USD);
      // The stranger has an allowance of its own, and pays itself.
      const before = (await world.usdc.getFunction("balanceOf")(payer)) as bigint;
      await world.postageChannels.connect(world.stranger).depositWithPermit(bob.address, 5n * USD, NEVER, v, r, s);
      expect(await world.usdc.getFunction("balanceOf")(payer)).to.equal(before);
    });
  });

  describe("depositWithAuthorization", () => {
    it("funds the channel that the holder authorized, relayed by anyone, in both forms of signature", async () => {
      const world = await deployedWorld();
      const holder = await newcomer(world);
      const channels = world.postageChannels.connect(world.stranger);
      const first = await authorize(world, alice.address, holder);
      await expect(channels[VRS](first.authorization, first.v, first.r, first.s))
        .to.emit(world.postageChannels, "Deposit")
        .withArgs(alice.address, 5n * USD);
      const second = await authorize(world, bob.address, holder);
      await channels[BYTES](second.authorization, second.signature);
      expect(await depositedOf(world, bob)).to.equal(5n * USD);
    });

    it("takes a smart account's signature", async () => {
      const world = await deployedWorld();
      const account = await world.ethers.deployContract("test/support/SmartAccount.sol:SmartAccount", [
        world.operator.address,
      ]);
      const from = await account.getAddress();
      await world.usdc.getFunction("mint")(from, 5n * USD);
      const { authorization, signature } = await authorize(world, alice.address, world.operator, from);
      await world.postageChannels.connect(world.stranger)[BYTES](authorization, signature);
      expect(await depositedOf(world, alice)).to.equal(5n * USD);
      const forged = await authorize(world, bob.address, world.stranger, from);
      await expect(
        world.postageChannels.connect(world.stranger)[BYTES](forged.authorization, forged.signature),
      ).to.be.revertedWithCustomError(world.usdc, "ERC3009InvalidSignature");
    });

    it("case 11: a thief can neither redirect it, nor change it, nor present it twice, nor present it elsewhere", async () => {
      const world = await deployedWorld();
      const holder = await newcomer(world);
      const { authorization, message, signature, v, r, s } = await authorize(world, alice.address, holder);
      const channels = world.postageChannels.connect(world.stranger);
      for (const change of [{ payer: bob.address }, { amount: 6n * USD }, { salt: id("other") }, { validAfter: 1n }]) {
        const changed = { ...authorization, ...change };
        await expect(channels[BYTES](changed, signature)).to.be.revertedWithCustomError(
          world.usdc,
          "ERC3009InvalidSignature",
        );
        await expect(channels[VRS](changed, v, r, s)).to.be.revert(world.ethers);
      }
      // At the token itself: only the receiver may present it, and it is no transfer.
      const { from, to, value, validAfter, validBefore, nonce } = message;
      const token = world.usdc.connect(world.stranger) as Contract;
      const form = "(address,address,uint256,uint256,uint256,bytes32,bytes)";
      for (const name of [`receiveWithAuthorization${form}`, `transferWithAuthorization${form}`]) {
        const args = [from, to, value, validAfter, validBefore, nonce, signature];
        await expect(token.getFunction(name)(...args)).to.be.revert(world.ethers);
      }
      await channels[BYTES](authorization, signature);
      expect(await depositedOf(world, alice)).to.equal(5n * USD);
      await expect(channels[BYTES](authorization, signature)).to.be.revert(world.ethers);
      expect(await depositedOf(world, alice)).to.equal(5n * USD);
    });

    it("says which nonce binds a channel", async () => {
      const { postageChannels } = await deployedWorld();
      const encoded = AbiCoder.defaultAbiCoder().encode(["address", "bytes32"], [alice.address, id("x")]);
      expect(await postageChannels.authorizationNonce(alice.address, id("x"))).to.equal(keccak256(encoded));
    });
  });

  describe("depositMany", () => {
    it("funds many channels with one transfer, one twice", async () => {
      const world = await deployedWorld();
      const { postageChannels, funder, usdc } = world;
      const fundings = [
        { payer: alice.address, amount: 2n * USD },
        { payer: bob.address, amount: 3n * USD },
        { payer: alice.address, amount: 1n },
      ];
      const sent = await postageChannels.connect(funder).depositMany(fundings);
      const receipt = (await sent.wait())!;
      const transfers = receipt.logs.filter(({ address }) => address === world.record.token);
      expect(transfers.length).to.equal(1);
      await expect(sent)
        .to.emit(postageChannels, "Deposit")
        .withArgs(bob.address, 3n * USD);
      expect(await depositedOf(world, alice)).to.equal(2n * USD + 1n);
      expect(await usdc.getFunction("balanceOf")(postageChannels)).to.equal(5n * USD + 1n);
    });

    it("is all or nothing, and asks of each what deposit asks", async () => {
      const world = await deployedWorld();
      const { postageChannels, funder } = world;
      await fund(world, bob, USD);
      const many = (...amounts: [string, bigint][]) =>
        postageChannels.connect(funder).depositMany(amounts.map(([payer, amount]) => ({ payer, amount })));
      await expect(many([bob.address, 1n], [alice.address, USD - 1n]))
        .to.be.revertedWithCustomError(postageChannels, "PostageChannelsDepositBelowMinimum")
        .withArgs(USD - 1n, USD);
      await expect(many([bob.address, 0n]))
        .to.be.revertedWithCustomError(postageChannels, "PostageChannelsNothingArrived")
        .withArgs(bob.address);
      await expect(many([bob.address, 1n], [ZeroAddress, USD]))
        .to.be.revertedWithCustomError(postageChannels, "PostageChannelsPayerNotAllowed")
        .withArgs(ZeroAddress);
      expect(await depositedOf(world, bob)).to.equal(USD);
    });

    it("case 6: sums far above 64 bits are refused, not wrapped", async () => {
      const world = await deployedWorld();
      const fundings = Array.from({ length: 3 }, () => ({ payer: alice.address, amount: 2n ** 96n - 1n }));
      await expect(world.postageChannels.connect(world.funder).depositMany(fundings)).to.be.revertedWithCustomError(
        world.usdc,
        "ERC20InsufficientBalance",
      );
    });
  });
});
