import { expect } from "chai";
import { ContractFactory } from "ethers";

import { readArtifact } from "../../src/deployment/readArtifact.ts";
import type { Contracts } from "../../src/contracts/connectContracts.ts";
import { connectContracts } from "../../src/contracts/connectContracts.ts";
import { DAY, deployedWorld } from "./fixtures.ts";

/** Each setter of one value, its bounds, and the error it refuses others with. */
interface Setter {
  name: string;
  set: (world: Contracts, value: bigint) => Promise<unknown>;
  read: (world: Contracts) => Promise<bigint>;
  least: bigint;
  most: bigint;
  contract: "nodeSeats" | "nodeStaking" | "faultProofs";
  error: string;
  /** The bounds that the error carries beside the value. */
  bounds: bigint[];
}

const [APPEAL, UNBONDING, STAKE] = [
  [1n, 30n].map((days) => days * BigInt(DAY)),
  [7n, 60n].map((days) => days * BigInt(DAY)),
  [1n, 2n ** 96n - 1n],
] as [[bigint, bigint], [bigint, bigint], [bigint, bigint]];

const SETTERS: Setter[] = [
  {
    name: "seats",
    contract: "nodeSeats",
    set: ({ nodeSeats }, value) => nodeSeats.setMaxSeats(value),
    read: ({ nodeSeats }) => nodeSeats.maxSeats(),
    least: 1n,
    most: 90n,
    error: "NodeSeatsOutOfBounds",
    bounds: [90n],
  },
  {
    name: "minimum stake",
    contract: "nodeStaking",
    set: ({ nodeStaking }, value) => nodeStaking.setMinimumStake(value),
    read: ({ nodeStaking }) => nodeStaking.minimumStake(),
    least: STAKE[0],
    most: STAKE[1],
    error: "NodeStakingMinimumOutOfBounds",
    bounds: [STAKE[1]],
  },
  {
    name: "unbonding time",
    contract: "nodeStaking",
    set: ({ nodeStaking }, value) => nodeStaking.setUnbondingSeconds(value),
    read: ({ nodeStaking }) => nodeStaking.unbondingSeconds(),
    least: UNBONDING[0],
    most: UNBONDING[1],
    error: "NodeStakingUnbondingOutOfBounds",
    bounds: UNBONDING,
  },
  {
    name: "appeal window",
    contract: "faultProofs",
    set: ({ faultProofs }, value) => faultProofs.setAppealSeconds(value),
    read: ({ faultProofs }) => faultProofs.appealSeconds(),
    least: APPEAL[0],
    most: APPEAL[1],
    error: "FaultProofsAppealOutOfBounds",
    bounds: APPEAL,
  },
];

const NAMES = ["nodeRegistry", "nodeSeats", "nodeStaking", "faultProofs"] as const;

describe("parameters of nodes", () => {
  for (const { name, contract, set, read, least, most, error, bounds } of SETTERS) {
    it(`case 45, I7: ${name}: at its bounds and one beyond`, async () => {
      const world = await deployedWorld();
      const governed = connectContracts(world.record, world.governance);
      for (const value of [most, least]) {
        await set(governed, value);
        expect(await read(world)).to.equal(value);
      }
      for (const value of [least - 1n, most + 1n]) {
        await expect(set(governed, value))
          .to.be.revertedWithCustomError(world[contract], error)
          .withArgs(value, ...bounds);
      }
    });
  }

  it("case 45: admission is one of two", async () => {
    const { nodeSeats: seats, governance, ethers } = await deployedWorld();
    const nodeSeats = seats.connect(governance);
    for (const admission of [0n, 1n]) {
      await expect(nodeSeats.setAdmission(admission)).to.emit(nodeSeats, "AdmissionSet").withArgs(admission);
      expect(await nodeSeats.admission()).to.equal(admission);
    }
    await expect(nodeSeats.setAdmission(2n)).to.revert(ethers);
  });

  it("I7: a deployment keeps the same bounds", async () => {
    const { nodeSeats, deployer } = await deployedWorld();
    const { abi, bytecode } = readArtifact("contracts/NodeSeats.sol");
    const links = ["registry", "staking", "blsVerifier", "distributor", "reports", "authority"].map(() => deployer);
    for (const [epochSeconds, seats, error] of [
      [59n, 24n, "NodeSeatsEpochTooShort"],
      [60n, 0n, "NodeSeatsOutOfBounds"],
      [60n, 91n, "NodeSeatsOutOfBounds"],
    ] as const) {
      const deploying = new ContractFactory(abi, bytecode, deployer).deploy(links, epochSeconds, seats, 0n);
      await expect(deploying).to.be.revertedWithCustomError(nodeSeats, error);
    }
    await new ContractFactory(abi, bytecode, deployer).deploy(links, 60n, 90n, 1n);
  });

  it("I16: are set through the AccessManager only", async () => {
    const world = await deployedWorld();
    const theirs = connectContracts(world.record, world.stranger);
    const attempts: (() => Promise<unknown>)[] = [
      ...SETTERS.map(
        ({ set, least }) =>
          () =>
            set(theirs, least),
      ),
      () => theirs.nodeSeats.setAdmission(0n),
      () => theirs.nodeSeats.setAdmitted(100n, true),
      () => theirs.nodeRegistry.pauseEntries(1n),
      () => theirs.nodeRegistry.resumeEntries(),
      () => theirs.nodeStaking.pauseEntries(1n),
      () => theirs.nodeStaking.resumeEntries(),
      ...NAMES.map((name) => () => theirs[name].setAuthority(world.stranger)),
    ];
    for (const attempt of attempts) {
      await expect(attempt())
        .to.be.revertedWithCustomError(world.nodeSeats, "AccessManagedUnauthorized")
        .withArgs(world.stranger.address);
    }
  });

  it("I16: every function that changes something is an entry, an exit, a link's or restricted", async () => {
    const world = await deployedWorld();
    const writes = (name: (typeof NAMES)[number]) =>
      world[name].interface.fragments
        .filter((fragment) => fragment.type === "function")
        .map((fragment) => fragment.format("minimal"))
        .filter((text) => !/ view | pure /.test(text))
        .map((text) => /^function (\w+)/.exec(text)![1]!)
        .sort();
    const inherited = ["approve", "safeTransferFrom", "setApprovalForAll", "transferFrom"];
    expect([...new Set(writes("nodeRegistry"))].filter((name) => !inherited.includes(name))).to.deep.equal([
      "exit",
      "pauseEntries",
      "register",
      "resumeEntries",
      "rotateAttestationKey",
      "rotateSigningKey",
      "setAuthority",
      "setHttpAddress",
      "setPayout",
    ]);
    expect(writes("nodeSeats")).to.deep.equal([
      "enter",
      "jail",
      "leave",
      "rollOver",
      "setAdmission",
      "setAdmitted",
      "setAuthority",
      "setMaxSeats",
      "setPayout",
      "setSuspended",
      "stakeSlashed",
      "takeSeat",
    ]);
    expect(writes("nodeStaking")).to.deep.equal([
      "freeze",
      "pauseEntries",
      "post",
      "release",
      "resumeEntries",
      "setAuthority",
      "setMinimumStake",
      "setUnbondingSeconds",
      "slash",
      "stake",
      "syncOwner",
      "unfreeze",
      "unstake",
      "withdrawCredit",
      "withdrawStake",
    ]);
    expect(writes("faultProofs")).to.deep.equal([
      "close",
      "commit",
      "dismiss",
      "execute",
      "reopen",
      "revealContradiction",
      "revealEquivocation",
      "revealWrongTarget",
      "setAppealSeconds",
      "setAuthority",
    ]);
  });
});
