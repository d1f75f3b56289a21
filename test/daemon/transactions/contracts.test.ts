import { expect } from "chai";

import { ethersTransactions } from "../../../src/daemon/adapters/ethersTransactions.ts";
import { ethersWork, hasEffect } from "../../../src/daemon/adapters/ethersWork.ts";
import { MemoryIntents } from "./memoryIntents.ts";
import { TransactionManager } from "../../../src/daemon/transactions/manager.ts";
import { systemClock as clock } from "../../../src/platform/clock.ts";
import { silentLog } from "../../../src/platform/log.ts";
import { toAddress } from "../../../src/protocol/bytes.ts";
import { signVoucher } from "../../../src/protocol/voucher.ts";
import type { World } from "../../contracts/fixtures.ts";
import { EPOCH, USD, deployedWorld, register } from "../../contracts/fixtures.ts";
import { PAYER, PAYER_KEY } from "../support.ts";
import { routineSigner } from "./support.ts";

const TERMS = { lane: "routine", budgetWei: 10n ** 18n } as const;

describe("the daemon's work on real contracts, through the manager", () => {
  let world: World;
  afterEach(() => world.net.close());

  async function working() {
    world = await deployedWorld();
    const { operator, funder, ethers, net, postageChannels } = world;
    await register(world, operator, 0);
    await net.networkHelpers.time.increase(EPOCH);
    await funder.sendTransaction({ to: routineSigner.address, value: 10n ** 18n });
    await postageChannels.connect(funder).deposit(PAYER, 50n * USD);
    const store = new MemoryIntents(clock);
    const manager = new TransactionManager({
      ...{ store, leadership: store, clock, chainId: world.chainId, log: silentLog, pollingMs: 5 },
      ...{ chain: ethersTransactions(ethers.provider), holder: "a", leaseMs: 60_000 },
      ...{ signers: { routine: routineSigner }, reserveWei: 0n, hasEffect: hasEffect(world) },
    });
    const domain = { chainId: world.chainId, postageChannels: toAddress(await postageChannels.getAddress()) };
    const sign = (fees: bigint) => signVoucher(domain, { fees, stamps: 0n }, PAYER_KEY);
    return { work: ethersWork(world, manager), manager, store, sign };
  }

  it("settles, distributes, has a version written and claims; a second settlement of the same is to no effect", async () => {
    const { work, store, sign } = await working();
    const rows = sign(7n * USD);
    expect(await work.simulateSettle(rows)).to.equal(7n * USD);
    expect(await work.settle(rows, TERMS)).to.include({ collected: 7n * USD, settledRows: 1 });
    expect(await work.simulateSettle(rows)).to.equal(0n);
    const again = await work.settle(rows, TERMS).catch((error: { code: string }) => error.code);
    expect(again).to.equal("reverted");
    expect(await work.undistributed()).to.be.greaterThan(0n);
    await work.distribute(TERMS);
    expect([await work.isRollOverDue(), await work.hasVersion()]).to.deep.equal([true, false]);
    await work.rollOver(TERMS);
    expect([await work.isRollOverDue(), await work.hasVersion()]).to.deep.equal([false, true]);
    expect(await work.streaming()).to.be.greaterThan(0n);
    await world.net.networkHelpers.time.increase(3 * EPOCH);
    expect(await work.claim(100, TERMS)).to.be.greaterThan(0n);
    expect(store.all.map(({ kind }) => kind)).to.deep.equal(["settle", "settle", "distribute", "rollOver", "claim"]);
  });

  it("knows whose vouchers are in a settlement that is under way", async () => {
    const { work, store, sign, manager } = await working();
    await world.ethers.provider.send("evm_setAutomine", [false]);
    const sent = work.settle(sign(7n * USD), { lane: "deadline", deadlineAt: 1n, budgetWei: 10n ** 18n });
    while ((await manager.underway("settle")).length === 0) await clock.sleep(5);
    expect([...(await work.settling(false))]).to.deep.equal([[PAYER, new Set(["deadline"])]]);
    while (store.all[0]!.attempts.length === 0) await clock.sleep(5);
    await world.ethers.provider.send("evm_setAutomine", [true]);
    await world.ethers.provider.send("evm_mine", []);
    await sent;
    expect(await work.settling(false)).to.deep.equal(new Map());
  });
});
