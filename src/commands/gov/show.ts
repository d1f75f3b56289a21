import { printable } from "../../contracts/proposals.ts";
import type { Context } from "../core/context.ts";
import type { Input } from "../core/input.ts";
import type { Report } from "../core/plan.ts";
import { moment } from "../core/time.ts";
import { callData, callRows, describeCalls } from "./describeCalls.ts";
import { nextStep, parseProposalId, readProposal, readProposals, readStanding, stateInWords } from "./proposal.ts";
import { readTally, tallyRows } from "./tally.ts";

/** All proposals, or everything about one. */
export async function govShow(context: Context, input: Input): Promise<Report> {
  const text = input.optional("proposal");
  return text === undefined ? showAll(context) : showOne(context, parseProposalId(text));
}

async function showAll(context: Context): Promise<Report> {
  const proposals = await Promise.all(
    (await readProposals(context)).map(async (proposal) => ({
      ...proposal,
      standing: await readStanding(context, proposal.id),
    })),
  );
  return {
    kind: "report",
    title: proposals.length === 0 ? "Nothing was proposed yet." : `Proposals: ${proposals.length}, the latest first`,
    sections: proposals.toReversed().map(({ id, description, standing }) => ({
      heading: id.toString(),
      rows: [
        ["description", printable(description)],
        ["state", stateInWords(standing)],
      ],
    })),
    notes: proposals.length === 0 ? ["`gov propose` and `rates propose` make one."] : ["`gov show <id>` says more."],
    data: {
      proposals: proposals.map(({ id, proposer, description, standing: { state, snapshot, deadline } }) => ({
        ...{ proposalId: id, proposer, description, state },
        ...{ votingStartsAt: snapshot, votingEndsAt: deadline },
      })),
    },
  };
}

async function showOne(context: Context, id: bigint): Promise<Report> {
  const { calls, proposer, description } = await readProposal(context, id);
  const standing = await readStanding(context, id);
  const { state, now, snapshot, deadline, executableAt } = standing;
  const isOpen = ["pending", "active", "succeeded", "queued"].includes(state);
  const [tally, described] = await Promise.all([
    readTally(context, id, standing),
    describeCalls(context, calls, isOpen ? (executableAt > now ? executableAt : now) : undefined),
  ]);
  const problems = described.flatMap(({ changes }) => changes.flatMap(({ problem }) => (problem ? [problem] : [])));
  return {
    kind: "report",
    title: `Proposal ${id}`,
    sections: [
      {
        rows: [
          ["description", printable(description)],
          ["proposed by", proposer],
          ["state", stateInWords(standing)],
        ],
      },
      { heading: "Votes", rows: tallyRows(tally) },
      {
        heading: "Dates",
        rows: [
          ["votes as of", moment(snapshot, now)],
          ["voting ends", moment(deadline, now)],
          ...(isOpen
            ? [[state === "queued" ? "executable" : "executable at the earliest", moment(executableAt, now)] as const]
            : []),
        ],
      },
      { heading: "Calls", rows: callRows(described) },
    ],
    notes: [...problems.map(({ message }) => `Executed then, it would be refused: ${message}`), nextStep(id, standing)],
    data: {
      ...{ proposalId: id, proposer, description, state, tally },
      ...{ votingStartsAt: snapshot, votingEndsAt: deadline, executableAt: isOpen ? executableAt : null },
      ...{ calls: callData(calls, described) },
    },
  };
}
