import { printable } from "../../contracts/proposals.ts";
import { actingAs } from "../core/checks.ts";
import type { Context } from "../core/context.ts";
import type { Input } from "../core/input.ts";
import type { Plan } from "../core/plan.ts";
import { duration } from "../core/time.ts";
import { callData, callRows, describeCalls } from "./describeCalls.ts";
import {
  actOn,
  nextStep,
  parseProposalId,
  readProposal,
  readStanding,
  stateInWords,
  stateProblem,
} from "./proposal.ts";
import { NO_MONEY } from "./propose.ts";
import { readTally, tallyRows } from "./tally.ts";

/** Hands what has passed to the Timelock, where it waits. */
export const govQueue = (context: Context, input: Input): Promise<Plan> => carryOut(context, input, "queue");

/** Does what has passed and waited. */
export const govExecute = (context: Context, input: Input): Promise<Plan> => carryOut(context, input, "execute");

async function carryOut(context: Context, input: Input, act: "queue" | "execute"): Promise<Plan> {
  const id = parseProposalId(input.text("proposal"));
  const account = actingAs(context);
  const proposal = await readProposal(context, id);
  const standing = await readStanding(context, id);
  const problems = stateProblem(id, act, standing);
  const executedAt = act === "execute" && standing.now > standing.executableAt ? standing.now : standing.executableAt;
  const isOpen = ["pending", "active", "succeeded", "queued"].includes(standing.state);
  const [described, tally, delay] = await Promise.all([
    describeCalls(context, proposal.calls, isOpen ? executedAt : undefined),
    readTally(context, id, standing),
    context.contracts.timelock.getMinDelay(),
  ]);
  // What the first call would meet; the Governor tells of a failure without saying which.
  if (act === "execute" && problems.length === 0) {
    problems.push(...described.flatMap(({ changes }) => changes.flatMap(({ problem }) => (problem ? [problem] : []))));
  }
  const does = act === "queue" ? `Queues proposal ${id}: it can be executed ${duration(delay)} later.` : undefined;
  return {
    kind: "plan",
    account,
    summary: does ?? `Executes proposal ${id}: the Timelock makes its calls.`,
    facts: [
      ["proposal", printable(proposal.description)],
      ["state", stateInWords(standing)],
      ...callRows(described),
      ...tallyRows(tally),
    ],
    steps: [{ description: `${act === "queue" ? "Queue" : "Execute"} it`, call: actOn(context, act, proposal) }],
    risks: [
      "Anybody may do this: somebody else may be first, and this is refused then.",
      ...(act === "queue"
        ? ["The guardian can cancel it until it is executed."]
        : ["Either all of its calls go through or none."]),
    ],
    moneyBack: NO_MONEY,
    problems,
    data: { proposalId: id, state: standing.state, calls: callData(proposal.calls, described) },
    outcome: async () => {
      const after = await readStanding(context, id);
      const { state, executableAt } = after;
      const when = act === "queue" ? { executableAt } : {};
      return {
        text: `Proposal ${id} is ${stateInWords(after)}.\n${nextStep(id, after)}`,
        data: { proposalId: id, state, ...when },
      };
    },
  };
}
