import { expect } from "chai";
import type { Provider } from "ethers";
import { Contract, getAddress } from "ethers";

import type { NetworkParameters } from "../../src/deployment/networkParameters.ts";
import { runStatus } from "../../src/deployment/runStatus.ts";
import { deploymentStatus, statusLines } from "../../src/deployment/status.ts";
import { CREATE3_DEPLOYER_INTERFACE } from "../../src/deployment/suite.ts";
import { isWrong } from "../../src/deployment/verifyDeployment.ts";
import type { Contracts } from "../../src/contracts/connectContracts.ts";
import { connectContracts } from "../../src/contracts/connectContracts.ts";
import type { DeploymentRecord } from "../../src/contracts/deploymentRecord.ts";
import { impersonated } from "../contracts/fixtures.ts";
import type { SimulatedChain } from "./support.ts";
import { HOLDERS, apply, filledParameters, memoryStore, providerWith, simulatedChain } from "./support.ts";

describe("deploymentStatus", () => {
  const network = filledParameters("base");
  let chain: SimulatedChain;
  let record: DeploymentRecord;
  let governed: Contracts;

  before(async () => {
    chain = await simulatedChain("base");
    record = await apply(network, chain.provider, memoryStore());
    const governance = await impersonated(
      { net: chain.net, ethers: chain.net.ethers },
      record.contracts.timelock.address,
    );
    governed = connectContracts(record, governance);
  });

  after(() => chain.close());

  const differences = async (
    changes: { record?: DeploymentRecord; network?: NetworkParameters; provider?: Provider } = {},
  ) => {
    const { checks } = await deploymentStatus(
      changes.record ?? record,
      changes.provider ?? chain.provider,
      changes.network ?? network,
    );
    return checks.filter(isWrong).map(({ area, name, actual, expected }) => [area, name, actual, expected]);
  };

  /** What a change makes differ; the chain is put back afterwards. */
  async function differencesAfter(change: () => Promise<unknown>) {
    const snapshot = await chain.net.networkHelpers.takeSnapshot();
    try {
      await change();
      return await differences();
    } finally {
      await snapshot.restore();
    }
  }

  it("finds nothing right after the deployment, and compares everything", async () => {
    const { checks, isGood } = await deploymentStatus(record, chain.provider, network);
    expect(isGood).to.equal(true);
    for (const area of ["chain", "code", "links", "roles", "parameters"]) {
      expect(checks.filter((check) => check.area === area).length, area).to.be.greaterThan(4);
    }
  });

  it("every parameter of the reviewed files is read back", async () => {
    const { checks } = await deploymentStatus(record, chain.provider, network);
    const names = checks.filter(({ area }) => area === "parameters").map(({ name }) => name);
    const { firstRates, ...terms } = network.parameters;
    for (const name of [...Object.keys(terms), ...Object.keys(firstRates)]) {
      if (name === "allocations") continue;
      // What only enters another one, as there are no reports yet.
      if (name === "vetoWindowSeconds") expect(names).to.include("least stampHoldSeconds");
      else
        expect(
          names.some((found) => found.startsWith(name)),
          name,
        ).to.equal(true);
    }
  });

  const votes: [string, () => Promise<unknown>, [string, string, string][]][] = [
    [
      "withdrawal terms",
      () => governed.postageChannels.setWithdrawalTerms(100_000, 900_000),
      [
        ["withdrawalDelaySeconds", "100000", "259200"],
        ["stampHoldSeconds", "900000", "864000"],
      ],
    ],
    ["first deposit", () => governed.postageChannels.setMinimumDeposit(2), [["minimumDepositAmount", "2", "1000000"]]],
    [
      "bounty",
      () => governed.postageChannels.setBounty(60, 30_000),
      [
        ["settlerBountyBps", "60", "50"],
        ["settlerBountyCapAmount", "30000", "20000"],
      ],
    ],
    ["treasury", () => governed.feeDistributor.setTreasuryBps(1_500), [["treasuryBps", "1500", "1000"]]],
    [
      "shares of stamps",
      () => governed.stamps.setShares(4_000, 500),
      [
        ["stampRecipientsBps", "4000", "5000"],
        ["silentStampBps", "500", "1000"],
      ],
    ],
    ["seats", () => governed.nodeSeats.setMaxSeats(30), [["maxSeats", "30", "24"]]],
    ["admission", () => governed.nodeSeats.setAdmission(1), [["admission", "open", "approved"]]],
    [
      "stake",
      () => governed.nodeStaking.setMinimumStake(11n * 10n ** 21n),
      [["minimumStakeAmount", (11n * 10n ** 21n).toString(), (10n ** 22n).toString()]],
    ],
    [
      "unbonding",
      () => governed.nodeStaking.setUnbondingSeconds(20 * 86_400),
      [["unbondingSeconds", "1728000", "1209600"]],
    ],
    ["appeal", () => governed.faultProofs.setAppealSeconds(8 * 86_400), [["appealSeconds", "691200", "604800"]]],
    ["timelock", () => governed.timelock.updateDelay(86_400 * 3), [["timelockDelaySeconds", "259200", "172800"]]],
  ];
  for (const [name, vote, expected] of votes) {
    it(`names a parameter that a vote changed, with old and new value: ${name}`, async () => {
      const found = await differencesAfter(vote);
      expect(found).to.deep.equal(expected.map(([parameter, is, was]) => ["parameters", parameter, is, was]));
    });
  }

  // The governor's own change only inside a proposal: here it is the reviewed file that says something else.
  for (const [name, value] of Object.entries({
    votingDelaySeconds: 90_000,
    votingPeriodSeconds: 500_000,
    lateExtensionSeconds: 200_000,
    quorumPercent: 5,
    proposalThresholdAmount: "2000000000000000000000000",
    epochSeconds: 86_400,
    vetoWindowSeconds: 90_000,
    stampPriceAmount: "1",
    guardianKeyholder: HOLDERS[0],
  })) {
    it(`names a parameter that is not what the reviewed file says: ${name}`, async () => {
      const found = await differences({ network: filledParameters("base", { [name]: value }) });
      expect(found.length).to.be.greaterThan(0);
      for (const [area, parameter, actual, expected] of found) {
        expect(area).to.equal("parameters");
        // Epoch and veto window also bound the stamp hold.
        if (parameter === "least stampHoldSeconds") continue;
        expect(parameter).to.match(new RegExp(`^${name}`));
        expect(actual).not.to.equal(expected);
        expect(expected).to.equal(String(value));
      }
    });
  }

  it("names rates that a vote changed, from when they are in force", async () => {
    const { networkHelpers } = chain.net;
    const startTime = (await networkHelpers.time.latest()) + 40 * 86_400;
    const rates = { messageFee: 150, storageFee: 200, congestionFee: 300, targetRatePerMinute: 6_000, startTime };
    expect(await differencesAfter(() => governed.rateRegistry.scheduleRates(rates)), "scheduled").to.deep.equal([]);
    const found = await differencesAfter(async () => {
      await governed.rateRegistry.scheduleRates(rates);
      await networkHelpers.time.increaseTo(startTime + 1);
    });
    expect(found).to.deep.equal([["parameters", "messageFeePico in force", "150", "100"]]);
  });

  it("names roles, a deployer and a verifier that somebody changed", async () => {
    const roles = await differencesAfter(() => governed.accessManager.grantRole(0n, HOLDERS[0]!, 0n));
    expect(roles).to.have.length(1);
    expect(roles[0]!.slice(0, 2)).to.deep.equal(["roles", "accessManager.roles"]);
    expect(roles[0]![2]).to.include(HOLDERS[0]);
    const canceller = await governed.timelock.CANCELLER_ROLE();
    const cancelling = await differencesAfter(() => governed.timelock.grantRole(canceller, HOLDERS[0]!));
    expect(cancelling[0]!.slice(0, 2)).to.deep.equal(["roles", "timelock.roles"]);
    const create3 = new Contract(record.deployer, CREATE3_DEPLOYER_INTERFACE, governed.timelock.runner);
    const handed = await differencesAfter(() => create3.getFunction("handOver")(HOLDERS[0]) as Promise<unknown>);
    expect(handed).to.deep.equal([["roles", "deployer.owner", HOLDERS[0], record.contracts.timelock.address]]);
  });

  it("names delays at the AccessManager that only begin later, for roles and targets", async () => {
    const { accessManager } = governed;
    const { contracts } = record;
    const century = 100 * 365 * 86_400;
    const target = contracts.postageChannels.address;
    const admin = await differencesAfter(() => accessManager.setTargetAdminDelay(target, century));
    expect(admin.map(([area, name]) => [area, name])).to.deep.equal([["roles", "accessManager delays ahead"]]);
    expect(admin[0]![2]).to.include(target).and.include(String(century));
    const grant = await differencesAfter(() => accessManager.setGrantDelay(0n, century));
    expect(grant.map(([, name]) => name)).to.deep.equal(["accessManager delays ahead"]);
  });

  it("names a record whose contracts are not where the reviewed account and suite put them", async () => {
    const forged = structuredClone(record);
    const copy = `0x${"f0".repeat(20)}`;
    const { address } = record.contracts.commitBroadcaster;
    await chain.net.networkHelpers.setCode(copy, await chain.provider.getCode(address));
    forged.contracts.commitBroadcaster.address = getAddress(copy) as never;
    const found = await differences({ record: forged });
    expect(found).to.deep.include(["chain", "address of CommitBroadcaster", getAddress(copy), address]);
    const elsewhere = await differences({ record: { ...record, deployer: HOLDERS[0] as never } });
    expect(elsewhere.map(([, name]) => name)).to.include("Create3Deployer of the record");
  });

  it("reads a long history from an endpoint that searches few blocks at once", async () => {
    const head = await chain.provider.getBlockNumber();
    const far = head + 25_000;
    const limited = providerWith(chain.provider, {
      getBlockNumber: async () => far,
      getLogs: async (filter) => {
        const { fromBlock, toBlock = far } = filter as { fromBlock: number; toBlock?: number };
        if (toBlock - fromBlock >= 10_000) throw new Error("query exceeds max block range 10000");
        return fromBlock > head ? [] : chain.provider.getLogs({ ...filter, toBlock: Math.min(toBlock, head) });
      },
    });
    expect(await differences({ provider: limited })).to.deep.equal([]);
  });

  it("names code that is other, or gone, for contracts, token and Create3Deployer", async () => {
    const { networkHelpers } = chain.net;
    const other = await differencesAfter(() => networkHelpers.setCode(record.contracts.nodeSeats.address, "0x6001"));
    expect(other).to.have.length(1);
    expect(other[0]!.slice(0, 2)).to.deep.equal(["code", "nodeSeats"]);
    expect(other[0]![3]).to.equal(record.contracts.nodeSeats.codeHash);
    for (const [name, address] of [
      ["token", record.token],
      ["deployer", record.deployer],
    ] as const) {
      expect(await differencesAfter(() => networkHelpers.setCode(address, "0x")), name).to.deep.equal([
        ["code", name, "no code", "code"],
      ]);
    }
  });

  it("names a link that points elsewhere", async () => {
    const found = await differences({ record: { ...record, token: record.deployer } });
    expect(found).to.deep.include.members([
      ["links", "postageChannels.token", record.token, record.deployer],
      ["links", "feeDistributor.token", record.token, record.deployer],
    ]);
    const moved = structuredClone(record);
    moved.contracts.guardian.address = record.contracts.nodeRegistry.address;
    expect((await differences({ record: moved })).map(([, name]) => name)).to.deep.equal([
      "address of Guardian",
      "guardian",
    ]);
  });

  it("names a record of another network, suite, account or token", async () => {
    const provenance = { ...record.provenance!, network: "mainnet", suite: 2, deployedBy: HOLDERS[0] as never };
    const found = await differences({ record: { ...record, chainId: 1, provenance } });
    expect(found.map(([, name]) => name)).to.include.members([
      "chain id of the record",
      "network of the record",
      "suite of the record",
      "deploying account of the record",
      "chain id",
    ]);
    expect(
      await differences({
        network: filledParameters("base", {}, { feeToken: { address: HOLDERS[0], decimals: 6, symbol: "USDC" } }),
      }),
    ).to.deep.equal([["chain", "fee token of the record", record.token, HOLDERS[0]]]);
  });

  describe("runStatus", () => {
    const run = async (parameters: NetworkParameters, json: boolean, provider = chain.provider) => {
      const lines: string[] = [];
      const output = { out: (text: string) => lines.push(text), err: (text: string) => lines.push(text) };
      const exitCode = await runStatus({ network: parameters, record, provider, json, output });
      return { exitCode, text: lines.join("\n") };
    };

    it("prints a calm table and exits with 0", async () => {
      const { exitCode, text } = await run(network, false);
      expect(exitCode).to.equal(0);
      expect(text).to.match(/^base: everything is as it should be\n\nchain +\d+ compared +as recorded\n/);
    });

    it("prints what differs, with both values in columns, and exits with 1", async () => {
      const { exitCode, text } = await run(filledParameters("base", { maxSeats: 30 }), false);
      expect(exitCode).to.equal(1);
      expect(text).to.match(/differs +should be +is\nparameters: maxSeats +30 +24$/);
    });

    it("prints JSON", async () => {
      const { exitCode, text } = await run(filledParameters("base", { maxSeats: 30 }), true);
      expect(exitCode).to.equal(1);
      const { isGood, checks } = JSON.parse(text) as { isGood: boolean; checks: object[] };
      expect(isGood).to.equal(false);
      expect(checks).to.deep.include({ area: "parameters", name: "maxSeats", actual: "24", expected: "30" });
    });

    it("exits with 1 when the chain cannot be asked", async () => {
      const dead = new Proxy(chain.provider, { get: () => () => Promise.reject(new Error("socket hang up")) });
      const { exitCode, text } = await run(network, false, dead);
      expect(exitCode).to.equal(1);
      expect(text).to.match(/^chain_unread: /);
    });
  });

  it("lines up its columns", () => {
    const checks = [{ area: "code" as const, name: "guardian", actual: "0x1", expected: "0x2" }];
    expect(statusLines({ network: "base", checks, isGood: false })).to.deep.equal([
      "base: not as it should be",
      "",
      "code  1 compared  1 differ",
      "",
      "differs         should be  is",
      "code: guardian  0x2        0x1",
    ]);
  });
});
