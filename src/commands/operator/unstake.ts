import { PENNY, penny } from "../core/amounts.ts";
import { actingAs, callOf, ownerOfNode, ownerProblem } from "../core/checks.ts";
import type { Context } from "../core/context.ts";
import { chainNow } from "../core/context.ts";
import { CommandError } from "../core/errors.ts";
import type { Input } from "../core/input.ts";
import type { Plan } from "../core/plan.ts";
import { duration, moment } from "../core/time.ts";

/** Starts to take stake out of a node that goes on. */
export async function operatorUnstake(context: Context, input: Input): Promise<Plan> {
  const { nodeSeats, nodeStaking } = context.contracts;
  const nodeId = input.nodeId();
  const amount = input.amount("amount", PENNY);
  const owner = await ownerOfNode(context, nodeId);
  const account = actingAs(context, owner);
  const [staked, seatMinimum, minimum, seconds, now] = await Promise.all([
    nodeStaking.stakeOf(nodeId),
    nodeSeats.seatMinimumOf(nodeId),
    nodeStaking.minimumStake(),
    nodeStaking.unbondingSeconds(),
    chainNow(context),
  ]);
  const stays = seatMinimum > 0n ? seatMinimum : minimum;
  const most = staked > stays ? staked - stays : 0n;
  const problems = ownerProblem(account, owner, `node ${nodeId}`);
  if (amount > most) {
    const problem = `node ${nodeId} has ${penny(staked)} staked and ${penny(stays)} have to stay`;
    const fix = most > 0n ? `take ${penny(most)} at most` : "all of it comes back with `operator exit`";
    problems.push(new CommandError("stake_short", `${problem}: ${fix}`));
  }
  const readyAt = now + seconds;
  return {
    kind: "plan",
    account,
    summary: `Starts to take ${penny(amount)} out of the stake of node ${nodeId}. The node goes on with the rest.`,
    facts: [
      ["stake now", penny(staked)],
      ["stake then", penny(staked - amount)],
      ["has to stay", penny(stays)],
      ["ready", moment(readyAt, now)],
    ],
    steps: [
      {
        description: `Unstake ${penny(amount)} of node ${nodeId}`,
        call: callOf(await nodeStaking.getAddress(), nodeStaking.interface, "unstake", [nodeId, amount]),
      },
    ],
    risks: [
      "Until it is withdrawn it can be slashed like what is staked.",
      "A case against the node holds it back until the case is closed or executed.",
      "A smaller stake makes the seat easier to take.",
    ],
    moneyBack: `${penny(amount)} can be withdrawn ${duration(seconds)} from now, with \`operator withdraw-stake ${nodeId}\`.`,
    problems,
    data: { nodeId, amount, stakeBefore: staked, stakeAfter: staked - amount, readyAt },
    outcome: async () => {
      const [unbondings, stake] = await Promise.all([nodeStaking.unbondingsOf(nodeId), nodeStaking.stakeOf(nodeId)]);
      const ready = unbondings.at(-1)!.readyAt;
      return {
        text: `${penny(amount)} of node ${nodeId} can be withdrawn ${moment(ready, now)}: operator withdraw-stake ${nodeId}`,
        data: { nodeId, amount, stake, readyAt: ready },
      };
    },
  };
}
