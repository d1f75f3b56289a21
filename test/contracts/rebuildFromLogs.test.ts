import { expect } from "chai";
import { Wallet, dataLength, dataSlice, getAddress, toBigInt } from "ethers";

import type { Contracts } from "../../src/contracts/connectContracts.ts";
import type { World } from "./fixtures.ts";
import { DAY, USD, deployedWorld, fund, impersonated, postageKey, voucherRow } from "./fixtures.ts";

/** Numbers that are the same in every run (mulberry32). */
function random(seed: number): (below: number) => number {
  return (below) => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4_294_967_296) * below);
  };
}

/** What a reader of the logs knows of a channel. */
interface Rebuilt {
  deposited: bigint;
  feesSpent: bigint;
  stampsSpent: bigint;
  stampsSigned: bigint;
  owner: string;
  pendingWithdrawal: bigint;
  readyAt: bigint;
  withdrawalNonce: bigint;
}

/** Folds logs by the five rules in IPostageChannels, and by nothing else. */
async function rebuild(postageChannels: Contracts["postageChannels"]): Promise<Map<string, Rebuilt>> {
  const channels = new Map<string, Rebuilt>();
  const of = (key: string): Rebuilt => {
    let channel = channels.get(key);
    if (!channel) {
      channel = {
        deposited: 0n,
        feesSpent: 0n,
        stampsSpent: 0n,
        stampsSigned: 0n,
        owner: key,
        pendingWithdrawal: 0n,
        readyAt: 0n,
        withdrawalNonce: 0n,
      };
      channels.set(key, channel);
    }
    return channel;
  };
  for (const log of await postageChannels.queryFilter("*" as never, 0)) {
    const event = postageChannels.interface.parseLog(log);
    if (!event) continue;
    const args = event.args.toObject() as Record<string, bigint> & { payer: string; owner: string; rows: string };
    switch (event.name) {
      case "Deposit":
        of(args.payer).deposited += args.amount!;
        break;
      case "OwnerAssigned":
        of(args.payer).owner = args.owner;
        break;
      case "WithdrawalRequested":
        Object.assign(of(args.payer), {
          pendingWithdrawal: args.amount,
          readyAt: args.withdrawableTimestamp,
          withdrawalNonce: args.nonce,
        });
        break;
      case "WithdrawalCancelled":
        Object.assign(of(args.payer), { pendingWithdrawal: 0n, readyAt: 0n });
        break;
      case "Withdrawn": {
        const channel = of(args.payer);
        channel.deposited -= args.amount!;
        channel.pendingWithdrawal = args.remaining!;
        if (args.remaining === 0n) channel.readyAt = 0n;
        break;
      }
      case "StampsCharged":
        of(args.payer).stampsSpent += args.amount!;
        expect(of(args.payer).stampsSpent).to.equal(args.stampsSpent);
        break;
      case "Settled":
        for (let at = 0; at < dataLength(args.rows); at += 36) {
          const channel = of(getAddress(dataSlice(args.rows, at, at + 20)));
          channel.feesSpent = toBigInt(dataSlice(args.rows, at + 20, at + 28));
          channel.stampsSigned = toBigInt(dataSlice(args.rows, at + 28, at + 36));
        }
        break;
    }
  }
  return channels;
}

/** Does one thing that may or may not be possible now. */
async function act(world: World, keys: Wallet[], next: (below: number) => number): Promise<void> {
  const { postageChannels } = world;
  const key = keys[next(keys.length)]!;
  const accounts = [world.operator, world.stranger, world.funder];
  const owner = await postageChannels.ownerOf(key.address);
  const signer = accounts.find(({ address }) => address === owner) ?? key.connect(world.ethers.provider);
  const channels = postageChannels.connect(signer);
  switch (next(10)) {
    case 0:
      return fund(world, key, BigInt(1 + next(20)) * USD);
    case 1:
      await postageChannels.connect(world.funder).depositMany([
        { payer: key.address, amount: BigInt(1 + next(5)) * USD },
        { payer: keys[next(keys.length)]!.address, amount: 3n * USD },
      ]);
      return;
    case 2:
    case 3: {
      const rows = [];
      for (let i = next(4); i >= 0; i--) {
        const stamps = BigInt(next(3)) * BigInt(next(2_000_000));
        rows.push(await voucherRow(world, keys[next(keys.length)]!, BigInt(next(60_000_000)), stamps));
      }
      await postageChannels.connect(world.settler).settle(`0x${rows.map((row) => row.slice(2)).join("")}`);
      return;
    }
    case 4:
      await channels.requestWithdrawal(key.address, BigInt(1 + next(9_000_000)));
      return;
    case 5:
      if (next(3) === 0) await channels.cancelWithdrawal(key.address);
      return;
    case 6:
      await world.net.networkHelpers.time.increase(next(5 * DAY));
      return;
    case 7:
      await channels.withdraw(key.address, world.settler);
      return;
    case 9: {
      const cumulative = BigInt(next(3_000_000));
      const charges = [keys[next(keys.length)]!, key].map(({ address }) => ({
        key: address,
        cumulativeAmount: cumulative,
      }));
      await postageChannels.connect(await impersonated(world, await postageChannels.stamps())).chargeStamps(charges);
      return;
    }
    case 8:
      await channels.handOn(key.address, accounts[next(3)]!);
      return;
  }
}

describe("PostageChannels", () => {
  it("every channel is rebuilt from logs alone over a random history", async function () {
    this.timeout(180_000);
    const world = await deployedWorld();
    const { postageChannels, net } = world;
    const next = random(20_260_301);
    const keys = Array.from({ length: 6 }, (_, n) => new Wallet(postageKey(n).privateKey));
    for (const key of keys) await net.networkHelpers.setBalance(key.address, 10n ** 18n);
    let refused = 0;
    for (let step = 0; step < 400; step++) {
      // Refused ones leave no log: that is part of what is tested.
      await act(world, keys, next).catch(() => refused++);
    }
    const rebuilt = await rebuild(postageChannels);
    let withdrawn = 0;
    let charged = 0n;
    for (const key of keys) {
      const channel = await postageChannels.getChannel(key.address);
      const expected: Rebuilt = {
        deposited: channel.deposited,
        feesSpent: channel.feesSpent,
        stampsSpent: channel.stampsSpent,
        stampsSigned: channel.stampsSigned,
        owner: await postageChannels.ownerOf(key.address),
        pendingWithdrawal: channel.pendingWithdrawal,
        readyAt: channel.readyAt,
        withdrawalNonce: channel.withdrawalNonce,
      };
      expect(rebuilt.get(key.address)).to.deep.equal(expected);
      charged += channel.stampsSpent;
      withdrawn += Number(channel.withdrawalNonce);
    }
    // The history was worth rebuilding.
    expect(rebuilt.size).to.equal(keys.length);
    expect(charged > 0n).to.equal(true);
    expect(withdrawn).to.be.greaterThan(10);
    expect(refused).to.be.lessThan(250);
  });
});
