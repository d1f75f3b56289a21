import { id as hashOf } from "ethers";

import type { Address } from "../../protocol/bytes.ts";
import { penny } from "../core/amounts.ts";
import { actingAs, callOf, isNobody, requiredEvent } from "../core/checks.ts";
import type { Context } from "../core/context.ts";
import { chainNow } from "../core/context.ts";
import { CommandError } from "../core/errors.ts";
import type { Input } from "../core/input.ts";
import type { Plan, Row } from "../core/plan.ts";
import { duration, instant, moment } from "../core/time.ts";
import type { DescribedCall } from "./describeCalls.ts";
import { callData, callRows, describeCalls, targetsOf } from "./describeCalls.ts";
import type { ProposedCall } from "./proposal.ts";
import { readProposalFile } from "./proposalFile.ts";

const PROPOSER_SUFFIX = /#proposer=0x[0-9a-fA-F]{40}$/;
export const NO_MONEY = "No money moves but gas.";

/** Proposes what a file says. */
export async function govPropose(context: Context, input: Input): Promise<Plan> {
  const { calls, description } = readProposalFile(input.text("file"), targetsOf(context.record));
  return planProposal(context, { calls, description });
}

/** When what is proposed now comes about, at the earliest; unix seconds. */
export interface Calendar {
  now: bigint;
  /** Votes are those of this second; voting begins after it. */
  votingStartsAt: bigint;
  votingEndsAt: bigint;
  queueableAt: bigint;
  executableAt: bigint;
}

export async function readCalendar(context: Context): Promise<Calendar> {
  const { postageGovernor, timelock } = context.contracts;
  const [now, votingDelay, votingPeriod, timelockDelay] = await Promise.all([
    chainNow(context),
    postageGovernor.votingDelay(),
    postageGovernor.votingPeriod(),
    timelock.getMinDelay(),
  ]);
  return calendarOf(now, now + votingDelay, now + votingDelay + votingPeriod, timelockDelay);
}

function calendarOf(now: bigint, votingStartsAt: bigint, votingEndsAt: bigint, timelockDelay: bigint): Calendar {
  const queueableAt = votingEndsAt + 1n;
  return { now, votingStartsAt, votingEndsAt, queueableAt, executableAt: queueableAt + timelockDelay };
}

/** The plan of a proposal. Its description is signed with `#proposer=`, or somebody else could make it first. */
export async function planProposal(
  context: Context,
  wanted: { calls: ProposedCall[]; description: string; risks?: string[] },
): Promise<Plan> {
  const { contracts, record } = context;
  const { postageGovernor } = contracts;
  const account = actingAs(context);
  const { calls, risks = [] } = wanted;
  const isSigned = PROPOSER_SUFFIX.test(wanted.description);
  const description = isSigned ? wanted.description : `${wanted.description} #proposer=${account}`;
  const lists = [calls.map(({ target }) => target), calls.map(({ value }) => value), calls.map(({ data }) => data)];
  const [targets, values, calldatas] = lists as [string[], bigint[], string[]];
  const calendar = await readCalendar(context);
  const [described, votes, proposalId, extension] = await Promise.all([
    describeCalls(context, calls, calendar.executableAt),
    readVotes(context, account, calendar.now),
    postageGovernor.hashProposal(targets, values, calldatas, hashOf(description)),
    postageGovernor.lateQuorumVoteExtension(),
  ]);
  const isThere = (await postageGovernor.proposalSnapshot(proposalId)) > 0n;
  const address = record.contracts.postageGovernor.address;
  const call = callOf(address, postageGovernor.interface, "propose", [targets, values, calldatas, description]);
  return {
    kind: "plan",
    account,
    summary: `Proposes "${wanted.description}" to the holders of votes, as proposal ${proposalId}.`,
    facts: [
      ["proposal", proposalId.toString()],
      ["description", description],
      ...callRows(described),
      ...votes.rows,
      ...calendarRows(calendar),
    ],
    steps: [{ description: `Propose it, with ${calls.length === 1 ? "a call" : `${calls.length} calls`}`, call }],
    risks: [
      `A vote that reaches the quorum late goes on for ${duration(extension)}: queueing and execution come later then.`,
      "The guardian can cancel it until it is executed. You can until voting begins, with Governor.cancel.",
      "What it does is tried again when it is executed: by then other things may have changed.",
      ...risks,
    ],
    moneyBack: NO_MONEY,
    problems: [...problemsOf(described), ...votes.problems, ...(isThere ? [thereAlready(proposalId)] : [])],
    data: { proposalId, description, ...datesOf(calendar), votes: votes.data, calls: callData(calls, described) },
    outcome: async (mined) => {
      const event = requiredEvent(mined, { address, abi: postageGovernor.interface }, "ProposalCreated");
      const delay = calendar.executableAt - calendar.queueableAt;
      const dates = calendarOf(calendar.now, event.voteStart as bigint, event.voteEnd as bigint, delay);
      const vote = `Then: gov vote ${proposalId} --for, --against or --abstain`;
      const text = `Proposal ${proposalId} is made.\n${calendarRows(dates).map(said).join("\n")}\n${vote}`;
      return { text, data: { proposalId, description, ...datesOf(dates) } };
    },
  };
}

const said = ([label, value]: Row): string => `${label}: ${value}`;

function datesOf({ votingStartsAt, votingEndsAt, queueableAt, executableAt }: Calendar): Record<string, bigint> {
  return { votingStartsAt, votingEndsAt, queueableAt, executableAt };
}

function calendarRows({ now, votingStartsAt, votingEndsAt, queueableAt, executableAt }: Calendar): Row[] {
  return [
    ["voting begins after", moment(votingStartsAt, now)],
    ["voting ends", moment(votingEndsAt, now)],
    ["can be queued", `${moment(queueableAt, now)}, if it passes`],
    ["can be executed", `${moment(executableAt, now)} at the earliest`],
  ];
}

/** What the contracts' bounds forbid, and what the chain refuses of the first call; others may need those before them. */
function problemsOf(described: readonly DescribedCall[]): CommandError[] {
  const outside = described.flatMap(({ changes }) => changes.flatMap(({ problem }) => (problem ? [problem] : [])));
  const first = described[0]?.trial;
  if (first?.state !== "refused") return outside;
  const { message, contractError, args } = first.refusal;
  const details = { ...(contractError ? { contractError } : {}), ...(args ? { args } : {}) };
  return [...outside, new CommandError("refused", `executed now, call 1 would fail: ${message}`, details)];
}

function thereAlready(id: bigint): CommandError {
  const advice = `look at it with \`gov show ${id}\`, or write another description`;
  return new CommandError("nothing_to_do", `proposal ${id} is made already: ${advice}`);
}

/** The votes of a proposer, where they come from, and what is missing. The Governor asks for those a second ago. */
async function readVotes(
  { contracts }: Context,
  account: Address,
  now: bigint,
): Promise<{ rows: Row[]; problems: CommandError[]; data: Record<string, unknown> }> {
  const { postageToken, nodeStaking, votingPower, postageGovernor } = contracts;
  const [threshold, votes, held, staked, balance, delegate] = await Promise.all([
    postageGovernor.proposalThreshold(),
    votingPower.getPastVotes(account, now - 1n),
    postageToken.getVotes(account),
    nodeStaking.getVotes(account),
    postageToken.balanceOf(account),
    postageToken.delegates(account),
  ]);
  const data = { threshold, votes, held, staked, balance, delegate };
  const rows: Row[] = [
    ["votes needed", penny(threshold)],
    ["your votes", `${penny(votes)} (now ${penny(held)} delegated to you, ${penny(staked)} staked in your nodes)`],
  ];
  if (votes >= threshold) return { rows, problems: [], data };
  const hint = delegationHint(account, balance, delegate);
  const late = held + staked >= threshold ? " What came this second counts from the next block on: run it again." : "";
  const problem = `${account} has ${penny(votes)} of votes, proposing takes ${penny(threshold)}: get ${penny(threshold - votes)} more. ${hint}${late}`;
  return { rows, problems: [new CommandError("votes_short", problem, { args: data })], data };
}

/** Why somebody who holds tokens may have no votes. */
export function delegationHint(account: Address, balance: bigint, delegate: string): string {
  if (balance > 0n && isNobody(delegate)) {
    return `It holds ${penny(balance)} that vote nowhere: delegate them with PostageToken.delegate(${account}).`;
  }
  if (balance > 0n && delegate.toLowerCase() !== account) {
    return `The ${penny(balance)} that it holds vote for ${delegate}: delegate them with PostageToken.delegate(${account}).`;
  }
  return "Tokens vote when they are delegated with PostageToken.delegate, or staked in a node.";
}

/** Until when something has to be executed, in words. */
export const executeBy = (at: bigint): string => `It has to be executed by ${instant(at)}, or it is refused.`;
