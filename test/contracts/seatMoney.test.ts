import type { HardhatEthersSigner } from "@nomicfoundation/hardhat-ethers/types";
import { expect } from "chai";

import type { World } from "./fixtures.ts";
import {
  DAY,
  TOKEN,
  USD,
  deployedWorld,
  fund,
  impersonated,
  passEpochs,
  postageKey,
  register,
  voucherRow,
} from "./fixtures.ts";

const key = postageKey(1);
/** Fees that make 90,000 units per stream epoch, which up to six seats share without a rest. */
const FEES = 1_400_000n;
const RATE = 90_000n;

/** Where the i-th node's earnings go: accounts that hold nothing else. */
const payout = (i: number) => `0x${(0xc0_00 + i).toString(16).padStart(40, "0")}`;

/** Real money, no bounties, and nodes with seats in the first epoch that they serve in. */
async function moneyWorld(nodes: number, maxSeats = 24): Promise<World> {
  const world = await deployedWorld({ settlerBountyBps: 0, settlerBountyCapAmount: 0n, maxSeats });
  await fund(world, key, 1_000_000n * USD);
  for (let i = 0; i < nodes; i++) await join(world, i);
  await passEpochs(world, 1);
  return world;
}

const join = (world: World, i: number, owner: HardhatEthersSigner = world.operator) =>
  register(world, owner, i, { payout: payout(i) });

async function settle(world: World, amount: bigint): Promise<void> {
  const spent = (await world.postageChannels.getChannel(key.address)).feesSpent + amount;
  await world.postageChannels.settle(await voucherRow(world, key, spent));
}

async function earn(world: World, amount = FEES): Promise<void> {
  await settle(world, amount);
  await world.feeDistributor.distribute();
}

/** Everybody claims everything; what each got, and that nothing got lost. */
async function paidTo(world: World, count: number): Promise<bigint[]> {
  const { feeDistributor, usdc, governance } = world;
  const balanceOf = async (account: unknown) => (await usdc.getFunction("balanceOf")(account)) as bigint;
  for (let i = 0; i < count; i++) await feeDistributor.claim(BigInt(i + 1) * 100n);
  const amounts = await Promise.all(Array.from({ length: count }, (_, i) => balanceOf(payout(i))));
  const received = (await world.postageChannels.getChannel(key.address)).feesSpent;
  const held = (await feeDistributor.streaming()) + (await feeDistributor.remainder());
  const treasury = await feeDistributor.creditOf(governance);
  const sum = amounts.reduce((a, b) => a + b, 0n);
  expect(sum + held + treasury + (await world.postageChannels.uncollected())).to.equal(received);
  expect(await balanceOf(feeDistributor)).to.equal(held + treasury);
  return amounts;
}

describe("I10, case 20: a seat is paid for the time that it serves, to the unit", () => {
  it("join just before distribute: nothing of the epoch under way, an even share of those served", async () => {
    const world = await moneyWorld(1);
    await earn(world);
    await passEpochs(world, 1);
    // In the first epoch that pays, a second node joins, and more money is distributed in the same epoch.
    await join(world, 1);
    await earn(world);
    expect(await paidTo(world, 2)).to.deep.equal([0n, 0n]);
    await passEpochs(world, 1);
    expect(await paidTo(world, 2)).to.deep.equal([RATE, 0n]);
    await passEpochs(world, 1);
    // Both streams run, and both seats share them.
    expect(await paidTo(world, 2)).to.deep.equal([2n * RATE, RATE]);
    await passEpochs(world, 13);
    // 12 more epochs of both streams and one of the second alone.
    expect(await paidTo(world, 2)).to.deep.equal([14n * RATE + RATE / 2n, 13n * RATE + RATE / 2n]);
  });

  it("leave just after distribute: the epoch under way is served and paid, nothing after it", async () => {
    const world = await moneyWorld(2);
    await earn(world);
    await passEpochs(world, 1);
    await earn(world);
    await world.nodeRegistry.connect(world.operator).exit(200n);
    await passEpochs(world, 30);
    // The epoch in which it left paid the first distribution only.
    expect(await paidTo(world, 2)).to.deep.equal([28n * RATE - RATE / 2n, RATE / 2n]);
  });

  it("settle a large prepaid voucher between joining and leaving: it goes to those who serve afterwards", async () => {
    const world = await moneyWorld(1);
    const { feeDistributor, nodeRegistry, operator } = world;
    await join(world, 1);
    await passEpochs(world, 1);
    // The only epoch in which the second node serves: it settles what others prepaid, distributes and leaves.
    await earn(world, 100n * FEES);
    await nodeRegistry.connect(operator).exit(200n);
    await feeDistributor.distribute();
    await passEpochs(world, 20);
    expect(await paidTo(world, 2)).to.deep.equal([1_400n * RATE, 0n]);
  });

  it("settle now, distribute later: who serves in between gains nothing by the delay", async () => {
    const world = await moneyWorld(2);
    await settle(world, FEES);
    await passEpochs(world, 5);
    await world.nodeRegistry.connect(world.operator).exit(200n);
    await world.feeDistributor.distribute();
    await passEpochs(world, 20);
    expect(await paidTo(world, 2)).to.deep.equal([14n * RATE, 0n]);
  });

  it("be the only seat: an epoch's rate and no more; the rest waits for whoever serves next", async () => {
    const world = await moneyWorld(1);
    await earn(world);
    await passEpochs(world, 3);
    await world.nodeRegistry.connect(world.operator).exit(100n);
    // The others wait until it is gone, and the only one came back in time: nobody serves for 50 epochs.
    await passEpochs(world, 50);
    expect(await paidTo(world, 1)).to.deep.equal([3n * RATE]);
    await join(world, 1);
    await join(world, 2);
    await passEpochs(world, 1);
    expect(await paidTo(world, 3)).to.deep.equal([3n * RATE, 0n, 0n]);
    await passEpochs(world, 30);
    expect(await paidTo(world, 3)).to.deep.equal([3n * RATE, (11n * RATE) / 2n, (11n * RATE) / 2n]);
  });

  it("joining and leaving within an epoch, again and again, earns nothing and takes nothing", async () => {
    const world = await moneyWorld(1);
    await earn(world);
    for (let i = 1; i <= 3; i++) {
      await passEpochs(world, 1);
      const id = await join(world, i);
      await earn(world);
      await world.nodeRegistry.connect(world.operator).exit(id);
    }
    await passEpochs(world, 30);
    expect(await paidTo(world, 4)).to.deep.equal([56n * RATE, 0n, 0n, 0n]);
  });

  it("case 26: displacement in the middle: the displaced serves its epoch out, the other begins with the next", async () => {
    const world = await moneyWorld(2, 2);
    const { nodeSeats, nodeStaking, operator } = world;
    await join(world, 2);
    await nodeStaking.connect(operator).stake(300n, 1_000n * TOKEN);
    await earn(world);
    await passEpochs(world, 2);
    // The second epoch that pays. Its money is divided by two, whatever happens in it.
    await nodeSeats.connect(operator).takeSeat(300n);
    await earn(world);
    expect(await paidTo(world, 3)).to.deep.equal([RATE / 2n, RATE / 2n, 0n]);
    await passEpochs(world, 1);
    expect(await paidTo(world, 3)).to.deep.equal([RATE, RATE, 0n]);
    await passEpochs(world, 1);
    expect(await paidTo(world, 3)).to.deep.equal([2n * RATE, RATE, RATE]);
    await passEpochs(world, 30);
    // 26 rates are shared by the first and the third.
    expect(await paidTo(world, 3)).to.deep.equal([14n * RATE, RATE, 13n * RATE]);
  });

  it("case 26: a pending seat that is displaced earns nothing, and costs the others nothing", async () => {
    const world = await moneyWorld(1, 1);
    const { nodeSeats, nodeStaking, operator } = world;
    for (const i of [1, 2]) await join(world, i);
    await earn(world);
    await nodeStaking.connect(operator).stake(200n, 1_000n * TOKEN);
    await nodeStaking.connect(operator).stake(300n, 5_000n * TOKEN);
    await nodeSeats.connect(operator).takeSeat(200n);
    await nodeSeats.connect(operator).takeSeat(300n);
    await passEpochs(world, 30);
    expect(await paidTo(world, 3)).to.deep.equal([0n, 0n, 14n * RATE]);
  });

  it("case 26: jailed in the middle: the seat keeps its divisor, its share of the term is the treasury's", async () => {
    const world = await moneyWorld(3);
    const { nodeSeats, feeDistributor, governance } = world;
    await earn(world);
    await passEpochs(world, 1);
    await nodeSeats.connect(await impersonated(world, await nodeSeats.reports())).jail([200n]);
    const before = await feeDistributor.creditOf(governance);
    await passEpochs(world, 30);
    // 14 epochs less the six of the term.
    expect(await paidTo(world, 3)).to.deep.equal([(14n * RATE) / 3n, (8n * RATE) / 3n, (14n * RATE) / 3n]);
    expect(await feeDistributor.creditOf(governance)).to.equal(before + (6n * RATE) / 3n);
  });

  it("case 26: slashed out of its seat in the middle: served out and paid like one that left", async () => {
    const world = await moneyWorld(2);
    const { nodeStaking, faultProofs, stranger } = world;
    await earn(world);
    await passEpochs(world, 1);
    const judge = nodeStaking.connect(await impersonated(world, await faultProofs.getAddress()));
    await judge.slash(200n, 10_000n, 0n, stranger);
    await passEpochs(world, 30);
    expect(await paidTo(world, 2)).to.deep.equal([14n * RATE - RATE / 2n, RATE / 2n]);
  });

  it("keys rotated and tokens transferred in the middle change who is paid, not how much", async () => {
    const world = await moneyWorld(2);
    const { nodeRegistry, feeDistributor, usdc, operator, stranger } = world;
    await earn(world);
    await passEpochs(world, 3);
    await feeDistributor.claim(100n);
    const before = (await usdc.getFunction("balanceOf")(stranger)) as bigint;
    await nodeRegistry.connect(operator).transferFrom(operator, stranger, 100n);
    await nodeRegistry.connect(stranger).exit(100n);
    await world.net.networkHelpers.time.increase(30 * DAY);
    await feeDistributor.claim(100n);
    expect(await usdc.getFunction("balanceOf")(payout(0))).to.equal(RATE);
    // One epoch more: the one in which it was transferred and left.
    expect(await usdc.getFunction("balanceOf")(stranger)).to.equal(before + RATE / 2n);
  });
});
