import { penny } from "../core/amounts.ts";
import { actingAs, callOf, eventOf, ownerOfNode, ownerProblem } from "../core/checks.ts";
import type { Context } from "../core/context.ts";
import { chainNow } from "../core/context.ts";
import { CommandError } from "../core/errors.ts";
import type { Input } from "../core/input.ts";
import type { Plan } from "../core/plan.ts";
import { moment } from "../core/time.ts";

/** Pays out stake that has finished unbonding. */
export async function operatorWithdrawStake(context: Context, input: Input): Promise<Plan> {
  const { nodeStaking } = context.contracts;
  const nodeId = input.nodeId();
  const owner = await ownerOfNode(context, nodeId);
  const account = actingAs(context, owner);
  const recipient = input.optionalAddress("recipient") ?? account;
  const [unbondings, isFrozen, now] = await Promise.all([
    nodeStaking.unbondingsOf(nodeId),
    nodeStaking.isFrozen(nodeId),
    chainNow(context),
  ]);
  const address = await nodeStaking.getAddress();
  const ready = unbondings.filter(({ readyAt }) => readyAt <= now).reduce((sum, { amount }) => sum + amount, 0n);
  const next = unbondings.filter(({ readyAt }) => readyAt > now).sort((a, b) => Number(a.readyAt - b.readyAt))[0];
  const problems = ownerProblem(account, owner, `node ${nodeId}`);
  if (isFrozen) {
    const problem = `a case against node ${nodeId} is open: its stake moves when the case is closed or executed`;
    problems.push(new CommandError("refused", problem, { contractError: "NodeStakingFrozen" }));
  } else if (ready === 0n && next) {
    const problem = `nothing of node ${nodeId} is ready: ${penny(next.amount)} will be ${moment(next.readyAt, now)}`;
    problems.push(
      new CommandError("too_early", `${problem}: run this again then`, { args: { readyAt: next.readyAt } }),
    );
  } else if (ready === 0n) {
    const problem = `nothing of node ${nodeId} is unbonding`;
    problems.push(
      new CommandError("nothing_to_do", `${problem}: start with \`operator unstake\` or \`operator exit\``),
    );
  }
  const later = next ? `The next part, ${penny(next.amount)}, is ready ${moment(next.readyAt, now)}.` : "";
  return {
    kind: "plan",
    account,
    summary: `Pays ${penny(ready)} of node ${nodeId}'s stake that has finished unbonding to ${recipient}.`,
    facts: [
      ["ready", penny(ready)],
      ["recipient", recipient],
    ],
    steps: [
      {
        description: `Withdraw ${penny(ready)} of node ${nodeId} to ${recipient}`,
        call: callOf(address, nodeStaking.interface, "withdrawStake", [nodeId, recipient]),
      },
    ],
    risks: [
      "A case that is opened before this is in a block stops it; the stake stays slashable until it is paid out.",
      "What goes to a wrong recipient does not come back.",
    ],
    moneyBack: `At once. ${later}`.trim(),
    problems,
    data: { nodeId, amount: ready, recipient },
    outcome: async (mined) => {
      const paid = eventOf(mined, { address, abi: nodeStaking.interface }, "StakeWithdrawn");
      const amount = (paid?.amount as bigint | undefined) ?? 0n;
      return { text: `${penny(amount)} went to ${recipient}. ${later}`.trim(), data: { nodeId, amount, recipient } };
    },
  };
}
