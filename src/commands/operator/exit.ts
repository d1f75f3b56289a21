import { penny, usd } from "../core/amounts.ts";
import { actingAs, callOf, ownerOfNode, ownerProblem, requiredEvent } from "../core/checks.ts";
import type { Context } from "../core/context.ts";
import { chainNow } from "../core/context.ts";
import { CommandError } from "../core/errors.ts";
import type { Input } from "../core/input.ts";
import type { Plan } from "../core/plan.ts";
import { duration, moment } from "../core/time.ts";

/** Leaves for good with a node. */
export async function operatorExit(context: Context, input: Input): Promise<Plan> {
  const { nodeRegistry, nodeStaking, feeDistributor } = context.contracts;
  const nodeId = input.nodeId();
  const owner = await ownerOfNode(context, nodeId);
  const account = actingAs(context, owner);
  const address = await nodeRegistry.getAddress();
  const [stake, seconds, epochSeconds, claimable, isLive, now] = await Promise.all([
    nodeStaking.stakeOf(nodeId),
    nodeStaking.unbondingSeconds(),
    nodeRegistry.epochSeconds(),
    feeDistributor.claimable(nodeId),
    nodeRegistry.isLive(nodeId),
    chainNow(context),
  ]);
  const problems = ownerProblem(account, owner, `node ${nodeId}`);
  if (!isLive) {
    const problem = `node ${nodeId} is leaving or has left`;
    problems.push(
      new CommandError("nothing_to_do", `${problem}: \`operator show ${nodeId}\` says when its stake is ready`),
    );
  }
  const servesUntil = (now / epochSeconds + 1n) * epochSeconds;
  const readyAt = servesUntil + seconds;
  return {
    kind: "plan",
    account,
    summary: `Node ${nodeId} leaves for good: it serves to the end of this epoch, and its whole stake of ${penny(stake)} unbonds from then on.`,
    facts: [
      ["serves until", moment(servesUntil, now)],
      ["stake", penny(stake)],
      ["stake is ready", moment(readyAt, now)],
      ["claimable now", usd(claimable)],
    ],
    steps: [
      {
        description: `Exit with node ${nodeId}`,
        call: callOf(address, nodeRegistry.interface, "exit", [nodeId]),
      },
    ],
    risks: [
      "It cannot be undone: to come back, register a new node, with a new id.",
      "Keep the node running to the end of the epoch: it still earns, and clients still use it.",
      "The stake can be slashed until it is withdrawn.",
    ],
    moneyBack: `The stake ${duration(readyAt - now)} from now, with \`operator withdraw-stake ${nodeId}\`. Earnings any time, with \`operator claim ${nodeId}\`, also after the exit.`,
    problems,
    data: { nodeId, stake, servesUntil, readyAt },
    outcome: async (mined) => {
      const exit = requiredEvent(mined, { address, abi: nodeRegistry.interface }, "ExitStarted");
      const until = (exit.epoch as bigint) * epochSeconds;
      const ready = (await nodeStaking.unbondingsOf(nodeId)).at(-1)?.readyAt ?? until + seconds;
      return {
        text: `Node ${nodeId} serves until ${moment(until, now)}. Its stake is ready ${moment(ready, now)}.`,
        data: { nodeId, stake, servesUntil: until, readyAt: ready },
      };
    },
  };
}
