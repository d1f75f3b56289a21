import { printable } from "../../contracts/proposals.ts";
import { penny } from "../core/amounts.ts";
import { actingAs, callOf, requiredEvent } from "../core/checks.ts";
import type { Context } from "../core/context.ts";
import { CommandError } from "../core/errors.ts";
import type { Input } from "../core/input.ts";
import type { Plan } from "../core/plan.ts";
import { moment } from "../core/time.ts";
import { callData, callRows, describeCalls } from "./describeCalls.ts";
import { parseProposalId, readProposal, readStanding, stateInWords, stateProblem } from "./proposal.ts";
import { NO_MONEY, delegationHint } from "./propose.ts";
import { readTally, tallyRows } from "./tally.ts";

/** As the Governor numbers them. */
const SUPPORT = { against: 0, for: 1, abstain: 2 } as const;
type Choice = keyof typeof SUPPORT;

/** Votes, with all votes that the account had when voting began. */
export async function govVote(context: Context, input: Input): Promise<Plan> {
  const { contracts, record } = context;
  const { postageGovernor, postageToken, votingPower } = contracts;
  const id = parseProposalId(input.text("proposal"));
  const choice = choiceOf(input);
  const reason = input.optional("reason");
  const account = actingAs(context);
  const proposal = await readProposal(context, id);
  const standing = await readStanding(context, id);
  const { now, snapshot, deadline } = standing;
  const [hasVoted, votes, tally, balance, delegate, described] = await Promise.all([
    postageGovernor.hasVoted(id, account),
    snapshot < now ? votingPower.getPastVotes(account, snapshot) : votingPower.getVotes(account),
    readTally(context, id, standing),
    postageToken.balanceOf(account),
    postageToken.delegates(account),
    describeCalls(context, proposal.calls, standing.state === "active" ? standing.executableAt : undefined),
  ]);
  const problems = stateProblem(id, "vote", standing);
  if (problems.length === 0 && hasVoted) {
    const problem = `${account} has voted on proposal ${id} already: a vote stays as it was cast`;
    problems.push(new CommandError("already_voted", problem));
  }
  if (problems.length === 0 && votes === 0n) {
    const when = `${account} had no votes at ${moment(snapshot, now)}, when voting began, and later ones do not count`;
    const next = `Vote with another account, and for the next proposal: ${delegationHint(account, balance, delegate)}`;
    problems.push(new CommandError("no_votes", `${when}. ${next}`, { args: { snapshot } }));
  }
  const address = record.contracts.postageGovernor.address;
  const args = [id, SUPPORT[choice], ...(reason === undefined ? [] : [reason])];
  const method = reason === undefined ? "castVote" : "castVoteWithReason";
  const words = choice === "abstain" ? "Abstains from" : `Votes ${choice}`;
  return {
    kind: "plan",
    account,
    summary: `${words} proposal ${id}, with ${penny(votes)} of votes.`,
    facts: [
      ["proposal", printable(proposal.description)],
      ["state", stateInWords(standing)],
      ...callRows(described),
      ["your votes", `${penny(votes)}, as of ${moment(snapshot, now)}`],
      ...(reason === undefined ? [] : [["reason", reason] as const]),
      ...tallyRows(tally),
    ],
    steps: [
      {
        description: choice === "abstain" ? `Abstain from proposal ${id}` : `Vote ${choice} proposal ${id}`,
        call: callOf(address, postageGovernor.interface, method, args),
      },
    ],
    risks: ["A vote cannot be changed or taken back.", "It is public, and its reason with it."],
    moneyBack: NO_MONEY,
    problems,
    data: { proposalId: id, choice, votes, reason: reason ?? null, calls: callData(proposal.calls, described) },
    outcome: async (mined) => {
      const { weight } = requiredEvent(mined, { address, abi: postageGovernor.interface }, "VoteCast");
      const after = await readTally(context, id, await readStanding(context, id));
      const lines = tallyRows(after).map(([label, value]) => `${label}: ${value}`);
      const text = `${penny(weight as bigint)} of votes are cast. Voting ends ${moment(deadline, now)}.\n${lines.join("\n")}`;
      return { text, data: { proposalId: id, choice, votes: weight, tally: after } };
    },
  };
}

function choiceOf(input: Input): Choice {
  const [choice, another] = (Object.keys(SUPPORT) as Choice[]).filter((name) => input.flag(name));
  if (!choice) throw new CommandError("missing_argument", "how to vote? Say --for, --against or --abstain");
  if (another) throw new CommandError("conflicting_options", `--${choice} and --${another}: choose one of them`);
  return choice;
}
