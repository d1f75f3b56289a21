import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { expect } from "chai";
import { Interface, keccak256 } from "ethers";

import { SETTINGS } from "../../src/commands/gov/settings.ts";
import { percent } from "../../src/commands/gov/tally.ts";
import type { Contracts } from "../../src/contracts/connectContracts.ts";
import { connectContracts } from "../../src/contracts/connectContracts.ts";
import type { World } from "../contracts/fixtures.ts";
import { DAY, TOKEN, deployedWorld } from "../contracts/fixtures.ts";
import { State, Vote, act, passed, propose, proposalOf, toEnd, toVote, votingWorld } from "../contracts/governance.ts";
import { executeUnsigned, fingerprint, run, temporary } from "./support.ts";

const SAFE = "0x5afe5afe5afe5afe5afe5afe5afe5afe5afe5afe";
const NOWHERE = "0x00000000000000000000000000000000000000aa";

function proposalFile(content: unknown): string {
  const file = join(temporary(), "proposal.json");
  writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
  return file;
}

const seats = (maxSeats: unknown = "30") => ({
  description: "More seats",
  calls: [{ contract: "nodeSeats", function: "setMaxSeats(uint256)", args: [maxSeats] }],
});

/** The call that sets the seats, as the contracts' tests make it. */
const seatsCall = ({ nodeSeats }: World, maxSeats = 30) => ({
  target: nodeSeats,
  data: nodeSeats.interface.encodeFunctionData("setMaxSeats", [maxSeats]),
});

const latest = ({ net }: World) => net.networkHelpers.time.latest();
const passTime = ({ net }: World, to: string) => net.networkHelpers.time.increaseTo(BigInt(to));

describe("a proposal's life through the commands", () => {
  it("changes the rates: proposed, shown, voted on, queued, executed; every dry run changes nothing", async () => {
    const world = await votingWorld();
    const { funder, operator, stranger, rateRegistry, postageGovernor } = world;
    /** Looks first, and finds that looking has changed nothing. */
    const both = async (signer: World["funder"], command: string, raw: Record<string, string | boolean>) => {
      const before = await fingerprint(world);
      const dry = await run(world, signer, command, { ...raw, dryRun: true });
      expect([dry.exitCode, await fingerprint(world)], dry.out + dry.err).to.deep.equal([0, before]);
      const done = await run(world, signer, command, { ...raw, json: true });
      expect(done.exitCode, done.out).to.equal(0);
      return { dry: dry.out, json: done.json };
    };

    const made = await both(funder, "rates propose", { messageFeePico: "400", description: "Messages at 400" });
    for (const words of [
      "100 pico -> 400 pico (allowed: 0 pico to 400 pico)",
      "300 pico -> 300 pico (as it is)",
      "would be accepted",
      "what every message costs",
      "It has to be executed by",
      "1000000 PENNY",
      "voting begins after",
      "at the earliest",
      "#proposer=",
    ]) {
      expect(made.dry).to.include(words);
    }
    const proposal = made.json.proposalId as string;
    expect(made.dry).to.include(proposal);
    expect(await postageGovernor.proposalSnapshot(proposal)).to.equal(BigInt(made.json.votingStartsAt));
    expect(await postageGovernor.proposalDeadline(proposal)).to.equal(BigInt(made.json.votingEndsAt));
    const announced = await run(world, undefined, "gov show", { proposal });
    expect(announced.out).to.include("announced").and.include("gov vote");

    await passTime(world, String(BigInt(made.json.votingStartsAt) + 1n));
    const voted = await both(operator, "gov vote", { proposal, abstain: true, reason: "not mine" });
    expect(voted.json).to.deep.include({ choice: "abstain", votes: String(30_010_000n * TOKEN) });
    expect(voted.dry).to.include("rateRegistry.scheduleRates").and.include("not mine");
    const votedFor = await both(funder, "gov vote", { proposal, for: true });
    expect(votedFor.json.choice).to.equal("for");
    const active = await run(world, undefined, "gov show", { proposal });
    expect(active.out).to.include("being voted on").and.include("reached").and.include("% of what was cast");

    await passTime(world, made.json.queueableAt as string);
    const queued = await both(stranger, "gov queue", { proposal });
    expect(queued.json.state).to.equal("queued");
    const executableAt = BigInt(queued.json.executableAt);
    expect(executableAt).to.equal(await postageGovernor.proposalEta(proposal));
    expect(Number(executableAt)).to.be.greaterThan(await latest(world));

    await passTime(world, executableAt.toString());
    const ready = await run(world, undefined, "gov show", { proposal });
    expect(ready.out.replace(/\s+/g, " ")).to.include("can be executed").and.include(`gov execute ${proposal}`);
    const executed = await both(stranger, "gov execute", { proposal });
    expect(executed.json.state).to.equal("executed");
    const [, scheduled] = await rateRegistry.getRates(0, 2);
    expect(scheduled!.messageFee).to.equal(400n);
    expect(scheduled!.storageFee).to.equal(200n);
    const over = await run(world, undefined, "gov show", { proposal, json: true });
    expect(over.json).to.deep.include({ state: "executed", executableAt: null });
    expect(over.json.calls[0]).to.deep.include({ simulation: null });
    expect(over.json.calls[0].args.rates.messageFee).to.equal("400");
    const all = await run(world, undefined, "gov show", {});
    expect(all.out).to.include(proposal).and.include("Messages at 400").and.include("executed");
  });

  it("is printed for an account without a key, which proposes, votes, queues and executes", async () => {
    const world = await votingWorld();
    const { postageToken, nodeSeats, funder, net } = world;
    await postageToken.connect(funder).transfer(SAFE, 50_000_000n * TOKEN);
    await net.networkHelpers.impersonateAccount(SAFE);
    await net.networkHelpers.setBalance(SAFE, 10n ** 18n);
    await postageToken.connect(await world.ethers.getSigner(SAFE)).delegate(SAFE);
    await net.networkHelpers.time.increase(1);
    const sign = async (command: string, raw: Record<string, string | boolean>) => {
      const ran = await run(world, undefined, command, { ...raw, from: SAFE, unsigned: true, json: true });
      expect([ran.exitCode, ran.json.warnings], ran.out).to.deep.equal([0, []]);
      await executeUnsigned(world, ran);
    };
    const file = proposalFile(seats());
    const dry = await run(world, undefined, "gov propose", { file, from: SAFE, dryRun: true, json: true });
    const proposal = dry.json.proposalId as string;
    expect(dry.json.calls[0].changes).to.deep.equal([{ name: "seats", now: "24", proposed: "30", bounds: "1 to 90" }]);
    await sign("gov propose", { file });
    await toVote(world, { id: BigInt(proposal) } as never);
    await sign("gov vote", { proposal, for: true });
    await toEnd(world, { id: BigInt(proposal) } as never);
    await sign("gov queue", { proposal });
    await passTime(world, String(await world.postageGovernor.proposalEta(proposal)));
    await sign("gov execute", { proposal });
    expect(await nodeSeats.maxSeats()).to.equal(30n);
  });
});

describe("rates propose", () => {
  const refusedWith = async (world: World, raw: Record<string, string>) => {
    const { exitCode, json } = await run(world, world.funder, "rates propose", { ...raw, dryRun: true, json: true });
    return [exitCode, json.error?.code, json.error?.message ?? ""] as [number, string, string];
  };

  it("refuses before anybody votes what the registry would refuse after: above 4 times or the step, or too early", async () => {
    const world = await votingWorld();
    const { funder } = world;
    const [exitCode, code, message] = await refusedWith(world, { storageFeePicoPerByteDay: "801" });
    expect([exitCode, code]).to.deep.equal([1, "out_of_bounds"]);
    expect(message).to.include("801 pico").and.include("0 pico to 800 pico");
    expect((await refusedWith(world, { targetRatePerMinute: "0" }))[1]).to.equal("out_of_bounds");
    expect((await refusedWith(world, { messageFeePico: "100" }))[1]).to.equal("nothing_to_do");

    // Notice is counted from the earliest execution: 1 + 5 + 2 days, and a day more.
    const dry = await run(world, funder, "rates propose", { messageFeePico: "1", dryRun: true, json: true });
    const earliest = BigInt(dry.json.earliestStart);
    expect(earliest).to.equal(BigInt(await latest(world)) + BigInt(9 * DAY) + 1n);
    const early = await refusedWith(world, { messageFeePico: "1", start: String(earliest - 1n) });
    expect(early[1]).to.equal("too_early");
    expect(early[2]).to.include("24 h");
    expect((await refusedWith(world, { messageFeePico: "1", start: String(earliest) }))[0]).to.equal(0);
    const latestStart = earliest + BigInt(89 * DAY);
    // The trial is of today.
    const today = BigInt(await latest(world)) + BigInt(90 * DAY);
    expect((await refusedWith(world, { messageFeePico: "1", start: String(today) }))[0]).to.equal(0);
    expect((await refusedWith(world, { messageFeePico: "1", start: String(latestStart) }))[1]).to.equal("refused");
    for (const start of [String(latestStart + 1n), "2099-12-10T00:00Z", String(latestStart * 1_000n).slice(0, 12)]) {
      const far = await refusedWith(world, { messageFeePico: "1", start });
      expect(far.slice(0, 2), start).to.deep.equal([1, "out_of_bounds"]);
      expect(far[2]).to.include("90 d");
    }
    // What is scheduled already counts: 24 h after its start.
    const startTime = earliest + BigInt(9 * DAY);
    const rates = { messageFee: 0n, storageFee: 200n, congestionFee: 300n, targetRatePerMinute: 6_000n, startTime };
    await world.rateRegistry.connect(world.governance).scheduleRates(rates);
    const after = await run(world, funder, "rates propose", { messageFeePico: "100", dryRun: true, json: true });
    expect(after.json.error).to.equal(undefined);
    expect(BigInt(after.json.earliestStart)).to.equal(startTime + BigInt(DAY));
    expect((await refusedWith(world, { messageFeePico: "101" }))[1]).to.equal("out_of_bounds");
  });

  it("says how to write what it cannot read", async () => {
    const world = await deployedWorld();
    for (const [raw, code] of [
      [{}, "missing_argument"],
      [{ messageFeePico: "1.5" }, "bad_number"],
      [{ messageFeePico: "1", start: "tomorrow" }, "bad_number"],
      [{ messageFeePico: "1", start: "2026-13-40T00:00Z" }, "bad_number"],
    ] as const) {
      expect((await refusedWith(world, raw)).slice(0, 2)).to.deep.equal([2, code]);
    }
  });

  it("says what votes are missing, and how to get them", async () => {
    const world = await votingWorld();
    const { stranger, settler, postageToken, funder, net } = world;
    const problem = async (account = stranger) => {
      const ran = await run(world, account, "rates propose", { messageFeePico: "1", json: true });
      expect([ran.exitCode, ran.json.error.code]).to.deep.equal([1, "votes_short"]);
      return ran.json.error.message as string;
    };
    expect(await problem(settler))
      .to.include("1000000 PENNY")
      .and.include("or staked in a node");
    await postageToken.connect(funder).transfer(stranger, 2_000_000n * TOKEN);
    await net.networkHelpers.time.increase(1);
    expect(await problem())
      .to.include("PENNY that vote nowhere")
      .and.include("PostageToken.delegate");
    await postageToken.connect(stranger).delegate(funder);
    expect(await problem()).to.include(`vote for ${funder.address}`);
    await postageToken.connect(stranger).delegate(stranger);
    expect(await problem()).to.include("run it again");
    await net.networkHelpers.time.increase(1);
    const ran = await run(world, stranger, "rates propose", { messageFeePico: "1", json: true });
    expect(ran.exitCode, ran.out).to.equal(0);
  });
});

describe("gov propose", () => {
  const problemsOf = async (world: World, content: unknown) => {
    const file = proposalFile(content);
    const ran = await run(world, world.funder, "gov propose", { file, dryRun: true, json: true });
    return { exitCode: ran.exitCode, ...ran.json.error } as {
      exitCode: number;
      code: string;
      message: string;
      args: { problems: string[] };
    };
  };

  it("takes a folder for no file, and a missing file for none, and does not blame the endpoint", async () => {
    const world = await deployedWorld();
    for (const file of [temporary(), join(temporary(), "none.json")]) {
      const ran = await run(world, world.funder, "gov propose", { file, dryRun: true, json: true });
      expect([ran.exitCode, ran.json.error.code], file).to.deep.equal([2, "bad_file"]);
    }
  });

  it("lists every problem of a file", async () => {
    const world = await deployedWorld();
    const { exitCode, code, args, message } = await problemsOf(world, {
      title: "no",
      description: "",
      calls: [
        { contract: "nodeSeats", function: "setMaxSeats(uint256)", args: ["many"], value: "1" },
        { contract: "nodeSeats", function: "maxSeats", args: [] },
        { contract: "nodeSeats", function: "setAdmitted", args: ["100"] },
        { contract: "nodeSeats", function: "setAdmitted", args: ["100", "false"] },
        { contract: "nodeSeats", function: "setAdmitted", args: ["-1", true] },
        { contract: "moon", function: "land()", args: [] },
        { contract: "rateRegistry", function: "scheduleRates", args: [{ messageFee: 1.5, colour: "red" }] },
        { contract: "nodeSeats", function: "jail", args: ["100"] },
        { contract: "nodeSeats", function: "jail", args: [["100", "x"]] },
        { contract: "guardian", function: "appoint", args: ["0x12"] },
        { contract: "guardian", function: "appoint", args: [1] },
        7,
      ],
    });
    expect([exitCode, code]).to.deep.equal([2, "bad_proposal"]);
    const found = args.problems.join("\n");
    for (const words of [
      'the file has "title"',
      "description is not a text",
      'call 1 has "value"',
      'call 1, maxSeats_ is "many"',
      "call 2 names the function",
      "call 3 has 1 args, setAdmitted takes 2",
      'call 4, admitted is "false", not true or false',
      'call 5, nodeId is "-1"',
      'call 6 calls "moon"',
      "rates.messageFee is 1.5",
      'has "colour"',
      "call 8, nodeIds",
      "call 9, nodeIds[1]",
      'call 10, keyholder_ is "0x12"',
      "call 11, keyholder_ is 1",
      "call 12 is not an object",
    ]) {
      expect(found).to.include(words);
    }
    expect(message).to.include("Mend the file");
    for (const wrong of ["{", "[]", { description: "x", calls: [] }]) {
      expect((await problemsOf(world, wrong)).code).to.equal("bad_proposal");
    }
    const nowhere = await run(world, world.funder, "gov propose", { file: join(temporary(), "no"), json: true });
    expect(nowhere.json.error.code).to.equal("bad_file");
  });

  it("refuses a target that is not of this deployment", async () => {
    const world = await deployedWorld();
    const call = { contract: NOWHERE, function: "land()", args: [] };
    const { exitCode, code, message } = await problemsOf(world, { description: "x", calls: [call] });
    expect([exitCode, code]).to.deep.equal([2, "foreign_target"]);
    expect(message).to.include(NOWHERE).and.include("nodeSeats").and.include("feeToken");
  });

  it("compares with what is, refuses what the contracts would, and makes nothing twice", async () => {
    const world = await votingWorld();
    const { funder, nodeSeats } = world;
    const call = (contract: string, name: string, ...args: unknown[]) => ({ contract, function: name, args });
    const calls = [
      call(await nodeSeats.getAddress(), "setMaxSeats", 30),
      call("nodeSeats", "setAdmission", "0"),
      call("nodeSeats", "setAdmitted", "100", true),
      call("nodeStaking", "setMinimumStake", String(20_000n * TOKEN)),
      call("nodeStaking", "setUnbondingSeconds", 20 * DAY),
      call("feeDistributor", "setTreasuryBps", 500),
      call("stamps", "setShares", 4_000, 500),
      call("faultProofs", "setAppealSeconds", 2 * DAY),
      call("postageChannels", "setWithdrawalTerms", 4 * DAY, 12 * DAY),
      call("postageChannels", "setBounty", 40, "10000"),
      call("postageChannels", "setMinimumDeposit", "2000000"),
      call("timelock", "updateDelay", 3 * DAY),
      call("postageGovernor", "setVotingDelay", 2 * DAY),
      call("postageGovernor", "setVotingPeriod", 6 * DAY),
      call("postageGovernor", "setLateQuorumVoteExtension", 3 * DAY),
      call("postageGovernor", "updateQuorumNumerator", 5),
      call("postageGovernor", "setProposalThreshold", String(2_000_000n * TOKEN)),
      call("guardian", "appoint", funder.address),
      call("identityRegistry", "announceVerifier", await world.identityVerifier.getAddress()),
      call("feeToken", "transfer", funder.address, "1"),
    ];
    const file = proposalFile({ description: "All there is", calls });
    const { exitCode, out, err } = await run(world, funder, "gov propose", { file, dryRun: true });
    expect(exitCode, err).to.equal(0);
    for (const words of [
      ...["24 -> 30 (allowed: 1 to 90)", "open to all -> approved nodes only", "not admitted -> admitted"],
      ...["10000 PENNY -> 20000 PENNY", "14 d -> 20 d (allowed: 7 d to 60 d)", "1000 basis points -> 500"],
      ...["5000 basis points -> 4000 basis points (allowed: 0 basis points to 5000", "1000 basis points -> 500"],
      ...["7 d -> 2 d", "3 d -> 4 d (allowed: 1 d 1 h to 14 d)", "10 d -> 12 d", "50 basis points -> 40"],
      ...["0.02 USD -> 0.01 USD", "1 USD -> 2 USD", "2 d -> 3 d (allowed: 1 d to 14 d)", "5 d -> 6 d", "4 % -> 5 %"],
      ...["1000000 PENNY -> 2000000 PENNY (allowed: 100000 PENNY to 10000000 PENNY)", "feeToken.transfer"],
      ...["the Governor listens only while it executes", "ERC20InsufficientBalance"],
    ]) {
      expect(out).to.include(words);
    }
    const code = async (...wanted: unknown[]) => {
      const content = { description: "x", calls: [call(...(wanted as [string, string, ...unknown[]]))] };
      return (await problemsOf(world, content)).code;
    };
    expect(await code("nodeSeats", "setMaxSeats", 91)).to.equal("out_of_bounds");
    expect(await code("postageGovernor", "updateQuorumNumerator", 21)).to.equal("out_of_bounds");
    expect(await code("feeToken", "transfer", funder.address, "1")).to.equal("refused");
    expect(await code("nodeSeats", "jail", ["100"])).to.equal("refused");
    const once = proposalFile(seats());
    expect((await run(world, funder, "gov propose", { file: once })).exitCode).to.equal(0);
    const twice = await run(world, funder, "gov propose", { file: once, json: true });
    expect(twice.json.error.code).to.equal("nothing_to_do");
    const theirs = { ...seats(), description: `x #proposer=${NOWHERE}` };
    expect((await problemsOf(world, theirs)).message).to.include("GovernorRestrictedProposer");
  });
});

describe("bounds of what a vote can set", () => {
  /** Arguments at both ends of what a contract takes, and one beyond each. */
  const ends = (least: bigint, most: bigint, ...rest: bigint[]) =>
    [least - 1n, least, most, most + 1n].filter((value) => value >= 0n).map((value) => [value, ...rest]);
  const days = (count: number) => BigInt(count * DAY);
  const rates = (changes: Record<string, bigint>) => [
    { ...{ messageFee: 100n, storageFee: 200n, congestionFee: 300n, targetRatePerMinute: 6_000n }, ...changes },
  ];

  it("are those of the contracts", async () => {
    const world = await deployedWorld();
    const contracts = connectContracts(world.record, world.governance);
    const now = BigInt(await latest(world));
    const startTime = now + days(3);
    const cases: Record<string, unknown[][]> = {
      "nodeSeats.setMaxSeats": ends(1n, 90n),
      "nodeStaking.setMinimumStake": ends(1n, 2n ** 96n - 1n),
      "nodeStaking.setUnbondingSeconds": ends(days(7), days(60)),
      "feeDistributor.setTreasuryBps": ends(0n, 2_000n),
      "stamps.setShares": [...ends(0n, 5_000n, 0n), ...ends(0n, 2_500n).map(([silent]) => [0n, silent])],
      "faultProofs.setAppealSeconds": ends(days(1), days(30)),
      "postageChannels.setMinimumDeposit": ends(1n, 100_000_000n),
      "postageChannels.setBounty": [...ends(0n, 200n, 0n), ...ends(0n, 200_000n).map(([cap]) => [0n, cap])],
      "postageChannels.setWithdrawalTerms": [
        ...ends(90_000n, days(14), days(14)),
        ...ends(days(10), days(30)).map(([hold]) => [days(10), hold]),
      ],
      "timelock.updateDelay": ends(days(1), days(14)),
      "rateRegistry.scheduleRates": [
        ...ends(0n, 400n).map(([messageFee]) => rates({ startTime, messageFee: messageFee! })),
        ...ends(0n, 800n).map(([storageFee]) => rates({ startTime, storageFee: storageFee! })),
        ...ends(0n, 1_200n).map(([congestionFee]) => rates({ startTime, congestionFee: congestionFee! })),
        ...ends(1n, 24_000n).map(([target]) => rates({ startTime, targetRatePerMinute: target! })),
        // A call is judged in the block after, a second later.
        ...[days(1), days(1) + 2n, days(90), days(90) + 2n].map((ahead) => rates({ startTime: now + ahead })),
      ],
    };
    for (const [name, calls] of Object.entries(cases)) {
      const [contract, method] = name.split(".") as [keyof Contracts, string];
      for (const args of calls) {
        const changes = await SETTINGS[name]!.changes(contracts, args, now);
        const isTaken = await contracts[contract]
          .getFunction(method as never)
          .staticCall(...(args as never[]))
          .then(
            () => true,
            () => false,
          );
        const words = `${name} ${args.map((one) => (typeof one === "bigint" ? one : Object.values(one as object))).join()}`;
        expect(
          changes.every(({ problem }) => !problem),
          words,
        ).to.equal(isTaken);
      }
    }
  });
});

describe("gov vote, queue, execute and show", () => {
  const codeOf = async (world: World, signer: World["funder"], command: string, raw: Record<string, unknown>) => {
    const { exitCode, json } = await run(world, signer, command, { ...(raw as Record<string, string>), json: true });
    return {
      exitCode,
      ...(json.error as { code: string; message: string; args?: { state: string; worksAt?: string } }),
    };
  };

  it("knows no other proposals than those that were made", async () => {
    const world = await votingWorld();
    for (const command of ["gov vote", "gov queue", "gov execute", "gov show"]) {
      const { exitCode, code, message } = await codeOf(world, world.funder, command, { proposal: "7", for: true });
      expect([exitCode, code], command).to.deep.equal([1, "unknown_proposal"]);
      expect(message).to.include("none was made yet");
      const unread = await codeOf(world, world.funder, command, { proposal: "seven", for: true });
      expect([unread.exitCode, unread.code], command).to.deep.equal([2, "bad_number"]);
    }
    expect((await run(world, undefined, "gov show", {})).out).to.include("Nothing was proposed yet");
    await propose(world, world.funder, [seatsCall(world)]);
    const { message } = await codeOf(world, world.funder, "gov show", { proposal: "0x7" });
    expect(message).to.include("lists all");
    const huge = await codeOf(world, world.funder, "gov show", { proposal: "9".repeat(78) });
    expect(huge.code).to.equal("bad_number");
  });

  it("says in which state something works, and when that is", async () => {
    const world = await votingWorld();
    const { funder, postageGovernor } = world;
    const proposal = await propose(world, funder, [seatsCall(world)]);
    const raw = { proposal: proposal.id.toString() };
    const wrong = async (command: string, state: string, words: string, worksAt?: bigint) => {
      const { code, message, args } = await codeOf(world, funder, command, { ...raw, for: true });
      expect(code, command).to.equal("wrong_state");
      expect(message).to.include(words);
      expect(args).to.deep.equal({ state, ...(worksAt === undefined ? {} : { worksAt: worksAt.toString() }) });
    };
    const [snapshot, deadline] = [
      await postageGovernor.proposalSnapshot(proposal.id),
      await postageGovernor.proposalDeadline(proposal.id),
    ];
    await wrong("gov vote", "pending", "votes count from", snapshot + 1n);
    await wrong("gov queue", "pending", "if it passes", deadline + 1n);
    await wrong("gov execute", "pending", "if it passes", deadline + 1n + BigInt(2 * DAY));
    await toVote(world, proposal);
    await wrong("gov queue", "active", "too early", deadline + 1n);
    await postageGovernor.connect(funder).castVote(proposal.id, Vote.for);
    await toEnd(world, proposal);
    await wrong("gov vote", "succeeded", "votes counted until");
    await wrong("gov execute", "succeeded", "gov queue", BigInt(await latest(world)) + BigInt(2 * DAY));
    expect((await run(world, undefined, "gov show", raw)).out).to.include("passed, and has to be queued");
    await act(world, funder, "queue", proposal);
    const eta = await postageGovernor.proposalEta(proposal.id);
    await wrong("gov queue", "queued", "too late");
    await wrong("gov execute", "queued", "too early", eta);
    await passTime(world, eta.toString());
    await act(world, funder, "execute", proposal);
    await wrong("gov execute", "executed", "nothing left to do");
    const lost = await propose(world, funder, [seatsCall(world)], "lost");
    await postageGovernor.connect(funder).cancel(lost.targets, lost.values, lost.calldatas, lost.descriptionHash);
    raw.proposal = lost.id.toString();
    await wrong("gov vote", "canceled", "for good");
    const beaten = await propose(world, funder, [seatsCall(world)], "beaten");
    raw.proposal = beaten.id.toString();
    await toEnd(world, beaten);
    await wrong("gov queue", "defeated", "another description");
    expect((await run(world, undefined, "gov show", raw)).out)
      .to.include("defeated")
      .and.include("missing");
  });

  it("takes one vote of an account, and none of one that had none when voting began", async () => {
    const world = await votingWorld();
    const { funder, stranger, postageToken } = world;
    const { id, ...rest } = await propose(world, funder, [seatsCall(world)]);
    const proposal = id.toString();
    await toVote(world, { id, ...rest });
    for (const [raw, code] of [
      [{ proposal }, "missing_argument"],
      [{ proposal, for: true, against: true }, "conflicting_options"],
    ] as const) {
      expect(await codeOf(world, funder, "gov vote", raw)).to.deep.include({ exitCode: 2, code });
    }
    await postageToken.connect(funder).transfer(stranger, TOKEN);
    const none = await codeOf(world, stranger, "gov vote", { proposal, for: true });
    expect([none.exitCode, none.code]).to.deep.equal([1, "no_votes"]);
    expect(none.message).to.include("vote nowhere").and.include("when voting began");
    const ran = await run(world, funder, "gov vote", { proposal, against: true });
    expect(ran.exitCode, ran.err).to.equal(0);
    expect(ran.out).to.include("votes are cast").and.include("against");
    expect((await codeOf(world, funder, "gov vote", { proposal, for: true })).code).to.equal("already_voted");
    expect((await world.postageGovernor.proposalVotes(proposal)).forVotes).to.equal(0n);
  });

  it("shows calls that it does not know as they are, and what would be refused then", async () => {
    const world = await votingWorld();
    const { funder, rateRegistry, nodeSeats } = world;
    const elsewhere = { target: { getAddress: async () => NOWHERE }, data: "0x12345678" };
    const startTime = BigInt(await latest(world)) + BigInt(3 * DAY);
    const rates = { messageFee: 1n, storageFee: 1n, congestionFee: 1n, targetRatePerMinute: 1n, startTime };
    const soon = { target: rateRegistry, data: rateRegistry.interface.encodeFunctionData("scheduleRates", [rates]) };
    const broken = { target: nodeSeats, data: `${nodeSeats.interface.getFunction("setMaxSeats").selector}01` };
    const { id } = await propose(world, funder, [elsewhere, soon, broken], "fine\u001b[2K\u202e\nwords");
    const { out } = await run(world, undefined, "gov show", { proposal: id.toString() });
    expect(out).to.include(`${NOWHERE}: 0x12345678, 4 bytes`).and.include("nothing of this deployment that is known");
    expect(out).to.include("Executed then, it would be refused").and.include("24 h");
    expect(out)
      .to.include("fine?[2K?")
      .and.not.match(/[\u001b\u202e]/);
    const { json } = await run(world, undefined, "gov show", { proposal: id.toString(), json: true });
    expect(json.calls[0]).to.deep.include({ function: null, args: { data: "0x12345678" } });
    expect(json.calls[2].function).to.equal(null);
  });

  it("shows and queues a proposal whose text is none, and those beside it", async () => {
    const world = await votingWorld();
    const { funder, postageGovernor, stranger } = world;
    await propose(world, funder, [seatsCall(world)], "a text");
    const { target, data } = seatsCall(world);
    const bytes = "0x41ff42";
    const parts = [[await target.getAddress()], [0n], [data]] as const;
    const abi = new Interface(["function propose(address[], uint256[], bytes[], bytes)"]);
    const selector = postageGovernor.interface.getFunction("propose").selector;
    const call = `${selector}${abi.encodeFunctionData("propose", [...parts, bytes]).slice(10)}`;
    await funder.sendTransaction({ to: postageGovernor, data: call });
    const [targets, values, calldatas] = parts;
    const id = await postageGovernor.hashProposal([...targets], [...values], [...calldatas], keccak256(bytes));
    const { out } = await run(world, undefined, "gov show", {});
    expect(out).to.include("a text").and.include("A\ufffdB");
    const proposal = { id } as Parameters<typeof toVote>[1];
    await toVote(world, proposal);
    await postageGovernor.connect(funder).castVote(id, Vote.for);
    await toEnd(world, proposal);
    const queued = await run(world, stranger, "gov queue", { proposal: String(id) });
    expect(queued.exitCode, queued.err).to.equal(0);
    expect(await postageGovernor.state(id)).to.equal(State.queued);
  });

  it("refuses to execute what has become too late, before anything is sent", async () => {
    const world = await votingWorld();
    const { rateRegistry, stranger, postageGovernor } = world;
    const startTime = BigInt(await latest(world)) + BigInt(8 * DAY);
    const rates = { messageFee: 1n, storageFee: 1n, congestionFee: 1n, targetRatePerMinute: 1n, startTime };
    const data = rateRegistry.interface.encodeFunctionData("scheduleRates", [rates]);
    const { id } = await passed(world, [{ target: rateRegistry, data }]);
    const refused = await codeOf(world, stranger, "gov execute", { proposal: id.toString() });
    expect(refused.code).to.equal("too_early");
    expect(await postageGovernor.state(id)).to.equal(State.queued);
  });

  it("counts a proposal's id as the Governor does, with its proposer at the end", async () => {
    const world = await votingWorld();
    const { funder } = world;
    const ran = await run(world, funder, "gov propose", { file: proposalFile(seats()), json: true });
    const description = `More seats #proposer=${funder.address.toLowerCase()}`;
    const { id } = await proposalOf(world, [seatsCall(world)], description);
    expect(ran.json).to.deep.include({ proposalId: id.toString(), description });
  });

  it("writes shares in percent", () => {
    expect([percent(1n, 3n), percent(1n, 2n), percent(0n, 0n), percent(1n, 1n)]).to.deep.equal([
      ...["33.33 %", "50 %", "0 %", "100 %"],
    ]);
  });
});
