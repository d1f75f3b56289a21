import type { Contracts } from "../../contracts/connectContracts.ts";
import { readRates } from "../../contracts/readRates.ts";
import { penny, usd } from "../core/amounts.ts";
import { CommandError } from "../core/errors.ts";
import { DAY, HOUR, duration, instant } from "../core/time.ts";
import type { RateTerms } from "./rateBounds.ts";
import { RATE_FIELDS, earliestStart, latestStart, rateBounds } from "./rateBounds.ts";

/** What one argument of a call changes. */
export interface Change {
  name: string;
  /** Undefined when there is nothing to compare with. */
  now?: string;
  proposed: string;
  bounds?: string;
  problem?: CommandError;
}

/** A function that a vote is for. */
export interface Setting {
  affects: string;
  /** @param executedAt When the call is made at the earliest, unix seconds. */
  changes(contracts: Contracts, args: readonly unknown[], executedAt: bigint): Promise<Change[]>;
}

type Format = (value: bigint) => string;
type Bounds = readonly [least: bigint, most: bigint];

const bps: Format = (value) => `${value} basis points`;
const percent: Format = (value) => `${value} %`;
const count: Format = (value) => value.toString();

function change(name: string, now: bigint, proposed: bigint, format: Format, bounds?: Bounds): Change {
  const values = { name, now: format(now), proposed: format(proposed) };
  if (!bounds) return values;
  const [least, most] = bounds;
  const words = `${format(least)} to ${format(most)}`;
  if (proposed >= least && proposed <= most) return { ...values, bounds: words };
  const problem = `${name} ${format(proposed)} is out of bounds: the contract takes ${words}`;
  const args = { value: proposed, least, most };
  return { ...values, bounds: words, problem: new CommandError("out_of_bounds", problem, { args }) };
}

/** Of a function whose only argument is the new value. */
function setting(
  name: string,
  affects: string,
  read: (contracts: Contracts) => Promise<bigint>,
  format: Format,
  bounds?: Bounds,
): Setting {
  return {
    affects,
    changes: async (contracts, args) => [change(name, await read(contracts), args[0] as bigint, format, bounds)],
  };
}

const rates: Setting = {
  affects: "what every message costs from the start on; messages before it keep their price",
  async changes({ rateRegistry }, [next], executedAt) {
    const terms = next as RateTerms;
    const last = (await readRates(rateRegistry)).at(-1)!;
    const changes = RATE_FIELDS.map(({ argument, key, label, unit }) =>
      change(label, last[key], terms[argument], (value) => `${value} ${unit}`, rateBounds(last, key)),
    );
    const earliest = earliestStart(last.startAt, executedAt);
    const latest = latestStart(executedAt);
    const bounds = `${instant(earliest)} to ${instant(latest)}`;
    const start = { name: "start", proposed: instant(terms.startTime), bounds };
    if (terms.startTime >= earliest && terms.startTime <= latest) return [...changes, start];
    if (terms.startTime > latest) {
      const problem = `the start ${instant(terms.startTime)} is more than 90 d after the earliest execution`;
      const args = { value: terms.startTime, least: earliest, most: latest };
      const error = new CommandError("out_of_bounds", `${problem}: name ${instant(latest)} or earlier`, { args });
      return [...changes, { ...start, problem: error }];
    }
    const notice = "rates are announced 24 h ahead, counted from the earliest execution, and start 24 h apart";
    const problem = `the start ${instant(terms.startTime)} is too early: ${notice}: name ${instant(earliest)} or later`;
    const args = { startTime: terms.startTime, earliest };
    return [...changes, { ...start, problem: new CommandError("too_early", problem, { args }) }];
  },
};

const admission: Setting = {
  affects: "which nodes can take a seat; seats that are taken stay",
  async changes({ nodeSeats }, [next]) {
    const words: Format = (value) => (value === 0n ? "approved nodes only" : "open to all");
    return [change("admission", await nodeSeats.admission(), next as bigint, words)];
  },
};

const admitted: Setting = {
  affects: "whether one node can take a seat while only approved ones can",
  async changes({ nodeSeats }, [nodeId, next]) {
    const words = (value: unknown) => (value ? "admitted" : "not admitted");
    const now = await nodeSeats.isAdmitted(nodeId as bigint);
    return [{ name: `node ${nodeId as bigint}`, now: words(now), proposed: words(next) }];
  },
};

const withdrawalTerms: Setting = {
  affects: "withdrawals from channels that are asked for from then on",
  async changes({ postageChannels }, [delay, hold]) {
    const [now, least] = await Promise.all([postageChannels.parameters(), postageChannels.minStampHoldSeconds()]);
    const holdLeast = least > (delay as bigint) ? least : (delay as bigint);
    return [
      change("delay", now.withdrawalDelaySeconds, delay as bigint, duration, [25n * HOUR, 14n * DAY]),
      change("stamp hold", now.stampHoldSeconds, hold as bigint, duration, [holdLeast, 30n * DAY]),
    ];
  },
};

const bounty: Setting = {
  affects: "what settlers earn from then on",
  async changes({ postageChannels }, [share, cap]) {
    const now = await postageChannels.parameters();
    return [
      change("bounty", now.bountyBps, share as bigint, bps, [0n, 200n]),
      change("cap", now.bountyCap, cap as bigint, usd, [0n, 200_000n]),
    ];
  },
};

const stampShares: Setting = {
  affects: "stamps of epochs that end from then on",
  async changes({ stamps }, [recipients, silent]) {
    const now = await stamps.shares();
    return [
      change("recipients' share", now.recipientsBps, recipients as bigint, bps, [0n, 5_000n]),
      change("a silent stamp", now.silentBps, silent as bigint, bps, [0n, 2_500n]),
    ];
  },
};

const threshold: Setting = {
  affects: "who can propose",
  async changes({ postageGovernor }, [next]) {
    const [now, supply] = await Promise.all([postageGovernor.proposalThreshold(), postageGovernor.supply()]);
    return [change("threshold", now, next as bigint, penny, [supply / 10_000n, supply / 100n])];
  },
};

const addressed = (name: string, affects: string, read: (contracts: Contracts) => Promise<string>): Setting => ({
  affects,
  changes: async (contracts, [next]) => [{ name, now: await read(contracts), proposed: next as string }],
});

/** What a vote can set, by contract and function, with the contracts' own bounds. */
export const SETTINGS: Record<string, Setting> = {
  "rateRegistry.scheduleRates": rates,
  "nodeSeats.setAdmission": admission,
  "nodeSeats.setAdmitted": admitted,
  "nodeSeats.setMaxSeats": setting(
    "seats",
    "how many nodes share the fees; seats that are taken stay",
    ({ nodeSeats }) => nodeSeats.maxSeats(),
    count,
    [1n, 90n],
  ),
  "nodeStaking.setMinimumStake": setting(
    "minimum stake",
    "what a node needs to be registered from then on",
    ({ nodeStaking }) => nodeStaking.minimumStake(),
    penny,
    [1n, 2n ** 96n - 1n],
  ),
  "nodeStaking.setUnbondingSeconds": setting(
    "unbonding",
    "stake that starts to unbond from then on",
    ({ nodeStaking }) => nodeStaking.unbondingSeconds(),
    duration,
    [7n * DAY, 60n * DAY],
  ),
  "feeDistributor.setTreasuryBps": setting(
    "the treasury's part",
    "fees that come in from then on; the rest is the nodes'",
    ({ feeDistributor }) => feeDistributor.treasuryBps(),
    bps,
    [0n, 2_000n],
  ),
  "faultProofs.setAppealSeconds": setting(
    "appeal",
    "cases that are opened from then on",
    ({ faultProofs }) => faultProofs.appealSeconds(),
    duration,
    [DAY, 30n * DAY],
  ),
  "postageChannels.setWithdrawalTerms": withdrawalTerms,
  "postageChannels.setBounty": bounty,
  "postageChannels.setMinimumDeposit": setting(
    "minimum deposit",
    "first deposits into channels",
    async ({ postageChannels }) => (await postageChannels.parameters()).minimumDeposit,
    usd,
    [1n, 100_000_000n],
  ),
  "stamps.setShares": stampShares,
  "timelock.updateDelay": setting(
    "timelock",
    "what is queued from then on",
    ({ timelock }) => timelock.getMinDelay(),
    duration,
    [DAY, 14n * DAY],
  ),
  "postageGovernor.setVotingDelay": setting(
    "voting delay",
    "later proposals",
    ({ postageGovernor }) => postageGovernor.votingDelay(),
    duration,
    [12n * HOUR, 7n * DAY],
  ),
  "postageGovernor.setVotingPeriod": setting(
    "voting period",
    "later proposals",
    ({ postageGovernor }) => postageGovernor.votingPeriod(),
    duration,
    [2n * DAY, 14n * DAY],
  ),
  "postageGovernor.setLateQuorumVoteExtension": setting(
    "late extension",
    "votes that reach the quorum late",
    ({ postageGovernor }) => postageGovernor.lateQuorumVoteExtension(),
    duration,
    [DAY, 7n * DAY],
  ),
  "postageGovernor.updateQuorumNumerator": setting(
    "quorum",
    "votes that begin from then on",
    ({ postageGovernor }) => postageGovernor["quorumNumerator()"](),
    percent,
    [2n, 20n],
  ),
  "postageGovernor.setProposalThreshold": threshold,
  "guardian.appoint": addressed("keyholder", "who has the guardian's powers, for a year", ({ guardian }) =>
    guardian.keyholder(),
  ),
  "identityRegistry.announceVerifier": addressed(
    "verifier",
    "what identity updates are verified with, 14 days later",
    ({ identityRegistry }) => identityRegistry.verifier(),
  ),
};
