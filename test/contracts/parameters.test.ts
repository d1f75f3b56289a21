import { expect } from "chai";

import type { World } from "./fixtures.ts";
import { DAY, HOUR, USD, deployedWorld, fund, postageKey, voucherRow } from "./fixtures.ts";

const DELAY = 72 * HOUR;
const HOLD = 10 * DAY;

/** Each setter of one value, its bounds, and the error it refuses others with. */
interface Setter {
  name: string;
  set: (world: World, value: bigint) => Promise<unknown>;
  read: (world: World) => Promise<bigint>;
  least: bigint;
  most: bigint;
}

const SETTERS: Setter[] = [
  {
    name: "withdrawal delay",
    set: ({ postageChannels, governance }, value) =>
      postageChannels.connect(governance).setWithdrawalTerms(value, 14 * DAY),
    read: async ({ postageChannels }) => (await postageChannels.parameters()).withdrawalDelaySeconds,
    least: BigInt(25 * HOUR),
    most: BigInt(14 * DAY),
  },
  {
    name: "stamp hold",
    set: ({ postageChannels, governance }, value) =>
      postageChannels.connect(governance).setWithdrawalTerms(DELAY, value),
    read: async ({ postageChannels }) => (await postageChannels.parameters()).stampHoldSeconds,
    // Stamp window 7 d, two epochs of 12 h, veto window 24 h.
    least: BigInt(9 * DAY),
    most: BigInt(30 * DAY),
  },
  {
    name: "stamp hold under a long withdrawal delay",
    set: ({ postageChannels, governance }, value) =>
      postageChannels.connect(governance).setWithdrawalTerms(13 * DAY, value),
    read: async ({ postageChannels }) => (await postageChannels.parameters()).stampHoldSeconds,
    least: BigInt(13 * DAY),
    most: BigInt(30 * DAY),
  },
  {
    name: "minimum deposit",
    set: ({ postageChannels, governance }, value) => postageChannels.connect(governance).setMinimumDeposit(value),
    read: async ({ postageChannels }) => (await postageChannels.parameters()).minimumDeposit,
    least: 1n,
    most: 100n * USD,
  },
  {
    name: "bounty share",
    set: ({ postageChannels, governance }, value) => postageChannels.connect(governance).setBounty(value, 1n),
    read: async ({ postageChannels }) => (await postageChannels.parameters()).bountyBps,
    least: 0n,
    most: 200n,
  },
  {
    name: "bounty cap",
    set: ({ postageChannels, governance }, value) => postageChannels.connect(governance).setBounty(1n, value),
    read: async ({ postageChannels }) => (await postageChannels.parameters()).bountyCap,
    least: 0n,
    most: 200_000n,
  },
];

describe("parameters", () => {
  for (const { name, set, read, least, most } of SETTERS) {
    it(`case 45, I7: ${name}: at its bounds and one beyond`, async () => {
      const world = await deployedWorld();
      for (const value of [most, least]) {
        await set(world, value);
        expect(await read(world)).to.equal(value);
      }
      for (const value of least > 0n ? [least - 1n, most + 1n] : [most + 1n]) {
        await expect(set(world, value))
          .to.be.revertedWithCustomError(world.postageChannels, "PostageChannelsParameterOutOfBounds")
          .withArgs(value, least, most);
      }
    });
  }

  it("case 45: treasury share: at its bounds and one beyond", async () => {
    const { feeDistributor: distributor, governance } = await deployedWorld();
    const feeDistributor = distributor.connect(governance);
    for (const bps of [2_000n, 0n]) {
      await expect(feeDistributor.setTreasuryBps(bps)).to.emit(feeDistributor, "TreasuryBpsSet").withArgs(bps);
      expect(await feeDistributor.treasuryBps()).to.equal(bps);
    }
    await expect(feeDistributor.setTreasuryBps(2_001n))
      .to.be.revertedWithCustomError(feeDistributor, "FeeDistributorTreasuryBpsOutOfBounds")
      .withArgs(2_001n, 2_000n);
  });

  it("case 45: shares of stamps: at their bounds and one beyond", async () => {
    const { stamps: contract, governance } = await deployedWorld();
    const stamps = contract.connect(governance);
    for (const [recipients, silent] of [
      [5_000n, 0n],
      [0n, 2_500n],
    ] as const) {
      await expect(stamps.setShares(recipients, silent)).to.emit(stamps, "SharesSet").withArgs(recipients, silent);
      expect(await stamps.shares()).to.deep.equal([recipients, silent]);
    }
    for (const [recipients, silent, value, most] of [
      [5_001n, 0n, 5_001n, 5_000n],
      [0n, 2_501n, 2_501n, 2_500n],
    ] as const) {
      await expect(stamps.setShares(recipients, silent))
        .to.be.revertedWithCustomError(stamps, "StampsShareOutOfBounds")
        .withArgs(value, most);
    }
  });

  it("each setter changes its own values, in force at once, and says all of them", async () => {
    const world = await deployedWorld();
    const postageChannels = world.postageChannels.connect(world.governance);
    await expect(postageChannels.setBounty(100n, 7n))
      .to.emit(postageChannels, "ParametersSet")
      .withArgs([BigInt(DELAY), BigInt(HOLD), USD, 100n, 7n]);
    await postageChannels.setMinimumDeposit(5n);
    await postageChannels.setWithdrawalTerms(30 * HOUR, 11 * DAY);
    expect(await postageChannels.parameters()).to.deep.equal([BigInt(30 * HOUR), BigInt(11 * DAY), 5n, 100n, 7n]);
    const key = postageKey(1);
    await fund(world, key, 5n);
    await fund(world, key, 10n * USD);
    await postageChannels.connect(world.settler).settle(await voucherRow(world, key, USD));
    expect(await postageChannels.creditOf(world.settler)).to.equal(7n);
  });

  it("I16: are set through the AccessManager only, by roles that can be given and taken", async () => {
    const world = await deployedWorld();
    const { postageChannels, feeDistributor, stranger } = world;
    const accessManager = world.accessManager.connect(world.governance);
    const attempts = [
      () => postageChannels.connect(stranger).setWithdrawalTerms(DELAY, HOLD),
      () => postageChannels.connect(stranger).setMinimumDeposit(1n),
      () => postageChannels.connect(stranger).setBounty(0n, 0n),
      () => feeDistributor.connect(stranger).setTreasuryBps(0n),
    ];
    for (const attempt of attempts) {
      await expect(attempt())
        .to.be.revertedWithCustomError(postageChannels, "AccessManagedUnauthorized")
        .withArgs(stranger.address);
    }
    const selector = postageChannels.interface.getFunction("setMinimumDeposit").selector;
    await accessManager.setTargetFunctionRole(postageChannels, [selector], 7n);
    await accessManager.grantRole(7n, stranger, 0);
    await attempts[1]!();
    await expect(attempts[0]!()).to.be.revertedWithCustomError(postageChannels, "AccessManagedUnauthorized");
    await accessManager.revokeRole(7n, stranger);
    await expect(attempts[1]!()).to.be.revertedWithCustomError(postageChannels, "AccessManagedUnauthorized");
  });

  it("I16: every function that changes something is an entry, an exit, a link's or restricted", async () => {
    const world = await deployedWorld();
    const writes = (name: "postageChannels" | "feeDistributor") =>
      world[name].interface.fragments
        .filter((fragment) => fragment.type === "function")
        .map((fragment) => fragment.format("minimal"))
        .filter((text) => !/ view | pure /.test(text))
        .map((text) => /^function (\w+)/.exec(text)![1]!)
        .sort();
    expect([...new Set(writes("postageChannels"))]).to.deep.equal([
      "assignOwner",
      "cancelWithdrawal",
      "chargeStamps",
      "collect",
      "deposit",
      "depositMany",
      "depositWithAuthorization",
      "depositWithPermit",
      "handOn",
      "pauseEntries",
      "requestWithdrawal",
      "resumeEntries",
      "setAuthority",
      "setBounty",
      "setMinimumDeposit",
      "setWithdrawalTerms",
      "settle",
      "withdraw",
      "withdrawCredit",
    ]);
    expect([...new Set(writes("feeDistributor"))]).to.deep.equal([
      "claim",
      "distribute",
      "payDebit",
      "recordDebits",
      "setAuthority",
      "setTreasuryBps",
      "withdrawCredit",
    ]);
    for (const name of ["postageChannels", "feeDistributor"] as const) {
      await expect(world[name].connect(world.stranger).setAuthority(world.stranger))
        .to.be.revertedWithCustomError(world[name], "AccessManagedUnauthorized")
        .withArgs(world.stranger.address);
    }
  });
});
