import { expect } from "chai";
import { Signature, Wallet, concat, dataSlice, recoverAddress, toBeHex } from "ethers";

import type { World } from "./fixtures.ts";
import { U64_MAX, USD, deployedWorld, fund, packedRow, postageKey, voucherRow } from "./fixtures.ts";

const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const [alice, bob, carol] = [postageKey(1), postageKey(2), postageKey(3)];

async function fundedWorld(): Promise<World> {
  const world = await deployedWorld();
  await fund(world, alice, 10n * USD);
  await fund(world, bob, 10n * USD);
  return world;
}

/** What a channel has spent and signed. */
async function columns({ postageChannels }: World, key: { address: string }): Promise<[bigint, bigint]> {
  const { feesSpent, stampsSigned } = await postageChannels.getChannel(key.address);
  return [feesSpent, stampsSigned];
}

const settledRow = (key: { address: string }, fees: bigint, stamps: bigint) =>
  concat([key.address, toBeHex(fees, 8), toBeHex(stamps, 8)]).toLowerCase();

describe("PostageChannels", () => {
  describe("settle", () => {
    it("collects what a voucher raises, credits the bounty and logs the changed channel", async () => {
      const world = await fundedWorld();
      const { postageChannels, settler } = world;
      const settling = postageChannels.connect(settler).settle(await voucherRow(world, alice, 2n * USD, 7n));
      await expect(settling)
        .to.emit(postageChannels, "Settled")
        .withArgs(settler.address, 2n * USD, 10_000n, settledRow(alice, 2n * USD, 7n));
      expect(await columns(world, alice)).to.deep.equal([2n * USD, 7n]);
      expect(await postageChannels.creditOf(settler)).to.equal(10_000n);
      expect(await postageChannels.uncollected()).to.equal(2n * USD - 10_000n);
    });

    it("takes the smaller bounty: bps of a small row, the fixed amount of a large one", async () => {
      const world = await fundedWorld();
      const { postageChannels, settler } = world;
      const rows = concat([await voucherRow(world, alice, 9n * USD), await voucherRow(world, bob, 1_001n)]);
      await postageChannels.connect(settler).settle(rows);
      // 0.02 USD at most for the first; 0.5 % of 1,001 rounds down with the rest.
      expect(await postageChannels.creditOf(settler)).to.equal(20_000n + 5n);
    });

    it("logs several rows in their order, and nothing when nothing changed", async () => {
      const world = await fundedWorld();
      const { postageChannels, settler } = world;
      const rows = concat([
        await voucherRow(world, bob, 5n),
        await voucherRow(world, alice, 3n),
        await voucherRow(world, alice, 4n, 1n),
      ]);
      const logged = concat([settledRow(bob, 5n, 0n), settledRow(alice, 3n, 0n), settledRow(alice, 4n, 1n)]);
      await expect(postageChannels.connect(settler).settle(rows))
        .to.emit(postageChannels, "Settled")
        .withArgs(settler.address, 9n, 0n, logged);
      await expect(postageChannels.settle(rows)).not.to.emit(postageChannels, "Settled");
    });

    it("case 1: A's voucher with B's signature bytes pays nobody", async () => {
      const world = await fundedWorld();
      const a = await voucherRow(world, alice, 1n * USD);
      const b = await voucherRow(world, bob, 2n * USD);
      await world.postageChannels.settle(concat([dataSlice(a, 0, 16), dataSlice(b, 16)]));
      expect(await columns(world, alice)).to.deep.equal([0n, 0n]);
      expect(await columns(world, bob)).to.deep.equal([0n, 0n]);
    });

    it("case 2: another chain id or another contract is skipped", async () => {
      const world = await fundedWorld();
      const elsewhere = concat([
        await voucherRow(world, alice, USD, 0n, { chainId: 1n }),
        await voucherRow(world, alice, USD, 0n, { verifyingContract: await world.feeDistributor.getAddress() }),
      ]);
      await expect(world.postageChannels.settle(elsewhere)).not.to.emit(world.postageChannels, "Settled");
      expect(await columns(world, alice)).to.deep.equal([0n, 0n]);
    });

    it("case 3: equal, lower and repeated vouchers in any order end in the same state", async () => {
      const world = await fundedWorld();
      const { networkHelpers } = world.net;
      const rows = await Promise.all(
        [
          [1n, 9n],
          [5n, 2n],
          [5n, 2n],
          [3n, 3n],
        ].map(([fees, stamps]) => voucherRow(world, alice, fees!, stamps)),
      );
      const snapshot = await networkHelpers.takeSnapshot();
      for (const order of [rows, rows.toReversed(), [rows[2]!, rows[0]!, rows[3]!, rows[1]!]]) {
        await world.postageChannels.settle(concat(order));
        expect(await columns(world, alice)).to.deep.equal([5n, 9n]);
        expect(await world.postageChannels.uncollected()).to.equal(5n);
        await snapshot.restore();
      }
    });

    it("case 4: above the deposit takes what is there; after a top-up the rest is collected", async () => {
      const world = await fundedWorld();
      const row = await voucherRow(world, alice, 15n * USD);
      await world.postageChannels.settle(row);
      expect(await columns(world, alice)).to.deep.equal([10n * USD, 0n]);
      await fund(world, alice, 20n * USD);
      await world.postageChannels.settle(row);
      expect(await columns(world, alice)).to.deep.equal([15n * USD, 0n]);
    });

    it("case 5: a dust voucher settled first by a stranger leaves the highest collectable", async () => {
      const world = await fundedWorld();
      await world.postageChannels.connect(world.stranger).settle(await voucherRow(world, alice, 1n));
      await world.postageChannels.connect(world.settler).settle(await voucherRow(world, alice, 4n * USD));
      expect(await columns(world, alice)).to.deep.equal([4n * USD, 0n]);
    });

    it("case 6: amounts of 2^64-1 overflow nothing", async () => {
      const world = await deployedWorld();
      const { postageChannels, usdc, funder } = world;
      await usdc.getFunction("mint")(funder, U64_MAX);
      await fund(world, alice, U64_MAX - 2n * USD);
      await fund(world, bob, 2n * USD);
      await expect(postageChannels.connect(funder).deposit(bob.address, 1n))
        .to.be.revertedWithCustomError(postageChannels, "PostageChannelsBalanceTooLarge")
        .withArgs(U64_MAX + 1n, U64_MAX);
      const rows = concat([
        await voucherRow(world, alice, U64_MAX, U64_MAX),
        await voucherRow(world, bob, U64_MAX, U64_MAX),
      ]);
      await expect(postageChannels.connect(world.settler).settle(rows))
        .to.emit(postageChannels, "Settled")
        .withArgs(
          world.settler.address,
          U64_MAX,
          30_000n,
          concat([settledRow(alice, U64_MAX - 2n * USD, U64_MAX), settledRow(bob, 2n * USD, U64_MAX)]),
        );
      expect(await postageChannels.freeAmount(alice.address)).to.equal(0n);
    });

    it("case 7: one bad row at each index of a batch blocks none of the others", async () => {
      const world = await deployedWorld();
      const keys = Array.from({ length: 49 }, (_, n) => postageKey(100 + n));
      for (const key of keys) await fund(world, key, USD);
      const good = await Promise.all(keys.map((key) => voucherRow(world, key, 1_000n)));
      const bad = packedRow(1n, 1n, `0x${"00".repeat(64)}`);
      const { networkHelpers } = world.net;
      const snapshot = await networkHelpers.takeSnapshot();
      for (let index = 0; index < 50; index++) {
        await world.postageChannels.settle(concat(good.toSpliced(index, 0, bad)));
        expect(await world.postageChannels.uncollected(), `bad row at ${index}`).to.equal(49n * 1_000n - 245n);
        await snapshot.restore();
      }
    });

    it("case 7: unknown channels, a truncated tail and empty calldata change nothing", async () => {
      const world = await fundedWorld();
      const { postageChannels } = world;
      const good = await voucherRow(world, alice, 1_000n);
      await expect(postageChannels.settle("0x")).not.to.emit(postageChannels, "Settled");
      await expect(postageChannels.settle(dataSlice(good, 0, 79))).not.to.emit(postageChannels, "Settled");
      await expect(postageChannels.settle(await voucherRow(world, carol, 5n, 5n))).not.to.emit(
        postageChannels,
        "Settled",
      );
      expect(await columns(world, carol)).to.deep.equal([0n, 0n]);
      await postageChannels.settle(concat([good, dataSlice(await voucherRow(world, bob, 1n), 0, 79)]));
      expect(await columns(world, alice)).to.deep.equal([1_000n, 0n]);
      expect(await columns(world, bob)).to.deep.equal([0n, 0n]);
    });

    it("case 8: high s, flipped parity, zero r or s and garbage are skipped", async () => {
      const world = await fundedWorld();
      const { postageChannels } = world;
      const row = await voucherRow(world, alice, USD);
      const { r, s, yParity } = Signature.from(dataSlice(row, 16));
      const zero = `0x${"00".repeat(32)}`;
      const highS = ORDER - BigInt(s);
      const withParity = (value: bigint, parity: number) => toBeHex(value | (BigInt(parity) << 255n), 32);
      const signatures = [
        // The same signature with s on the other side, where it still fits beside the parity bit.
        ...(highS < 2n ** 255n ? [concat([r, withParity(highS, 1 - yParity)])] : []),
        concat([r, withParity(2n ** 255n - 1n, 0)]),
        concat([r, withParity(BigInt(s), 1 - yParity)]),
        concat([zero, withParity(BigInt(s), yParity)]),
        concat([r, withParity(0n, yParity)]),
        concat([`0x${"ff".repeat(32)}`, `0x${"ff".repeat(32)}`]),
        concat([zero, zero]),
      ];
      const rows = concat(signatures.map((signature) => packedRow(USD, 0n, signature)));
      await expect(postageChannels.settle(rows)).not.to.emit(postageChannels, "Settled");
      expect(await columns(world, alice)).to.deep.equal([0n, 0n]);
    });

    it("case 8: s just above half of the order is refused, although it fits beside the parity bit", async () => {
      const world = await fundedWorld();
      const { postageChannels } = world;
      // Any r and s recover to somebody: find out whom, fund it, and see the row skipped.
      const half = ORDER / 2n;
      const r = Signature.from(dataSlice(await voucherRow(world, alice, USD), 16)).r;
      const digest = await postageChannels.voucherDigest(USD, 0n);
      for (const s of [half, half - 5n]) {
        const key = recoverAddress(digest, { r, s: toBeHex(s, 32), v: 27 });
        await fund(world, { address: key }, 2n * USD);
        await postageChannels.settle(packedRow(USD, 0n, concat([r, toBeHex(s, 32)])));
        expect((await postageChannels.getChannel(key)).feesSpent).to.equal(USD);
      }
      // ethers refuses to recover a high s; its mirror with the other parity has the same signer.
      const mirrored = half - 9n;
      const key = recoverAddress(digest, { r, s: toBeHex(mirrored, 32), v: 28 });
      await fund(world, { address: key }, 2n * USD);
      await postageChannels.settle(packedRow(USD, 0n, concat([r, toBeHex(ORDER - mirrored, 32)])));
      expect((await postageChannels.getChannel(key)).feesSpent).to.equal(0n);
    });

    it("case 10: the gas of a row does not depend on how many channels there are", async () => {
      const world = await fundedWorld();
      await world.postageChannels.settle(await voucherRow(world, bob, 1n * USD));
      const { networkHelpers } = world.net;
      const row = await voucherRow(world, alice, 3n * USD);
      const gas = async () => (await (await world.postageChannels.settle(row)).wait())!.gasUsed;
      const snapshot = await networkHelpers.takeSnapshot();
      const before = await gas();
      await snapshot.restore();
      for (let n = 0; n < 200; n++) await fund(world, Wallet.createRandom(), USD);
      expect(await gas()).to.equal(before);
    });
  });

  describe("withdrawCredit", () => {
    it("sends bounties to a recipient of the settler's choice, once", async () => {
      const world = await fundedWorld();
      const { postageChannels, settler, stranger, usdc } = world;
      await postageChannels.connect(settler).settle(await voucherRow(world, alice, 2n * USD));
      const asSettler = postageChannels.connect(settler);
      await expect(asSettler.withdrawCredit(world.ethers.ZeroAddress))
        .to.be.revertedWithCustomError(postageChannels, "PostageChannelsRecipientNotAllowed")
        .withArgs(world.ethers.ZeroAddress);
      const before = (await usdc.getFunction("balanceOf")(stranger)) as bigint;
      await expect(asSettler.withdrawCredit(stranger))
        .to.emit(postageChannels, "CreditWithdrawn")
        .withArgs(settler.address, stranger.address, 10_000n);
      expect(await usdc.getFunction("balanceOf")(stranger)).to.equal(before + 10_000n);
      await expect(asSettler.withdrawCredit(stranger))
        .to.be.revertedWithCustomError(postageChannels, "PostageChannelsNoCredit")
        .withArgs(settler.address);
    });
  });

  describe("collect", () => {
    it("is the distributor's only", async () => {
      const { postageChannels, feeDistributor, stranger } = await fundedWorld();
      await expect(postageChannels.connect(stranger).collect())
        .to.be.revertedWithCustomError(postageChannels, "PostageChannelsNotDistributor")
        .withArgs(stranger.address, await feeDistributor.getAddress());
    });
  });
});
