import { toAddress } from "../../protocol/bytes.ts";
import { PENNY, penny } from "../core/amounts.ts";
import { actingAs, callOf, ownerOfNode, ownerProblem, spending } from "../core/checks.ts";
import type { Context } from "../core/context.ts";
import { CommandError } from "../core/errors.ts";
import type { Input } from "../core/input.ts";
import type { Plan } from "../core/plan.ts";
import { duration } from "../core/time.ts";

/** Adds to a node's stake, and takes a seat for it with `--take-seat`. */
export async function operatorStake(context: Context, input: Input): Promise<Plan> {
  const { record, contracts } = context;
  const { nodeSeats, nodeStaking } = contracts;
  const nodeId = input.nodeId();
  const takesSeat = input.flag("takeSeat");
  const amount = input.optionalAmount("amount", PENNY) ?? 0n;
  if (amount === 0n && !takesSeat) {
    throw new CommandError("missing_argument", "--amount is missing: how much to add? Or take a seat with --take-seat");
  }
  const owner = await ownerOfNode(context, nodeId);
  const account = actingAs(context, owner);
  const staking = toAddress(record.contracts.nodeStaking.address);
  const { steps, problems, balance } = await spending(context, account, {
    ...{ token: toAddress(record.contracts.postageToken.address), unit: PENNY, amount },
    ...{ spender: staking, spenderName: "NodeStaking" },
  });
  problems.unshift(...ownerProblem(account, owner, `node ${nodeId}`));
  const before = await nodeStaking.stakeOf(nodeId);
  const after = before + amount;
  const { needed, weakest } = await nodeSeats.seatPrice();
  const hasSeat = (await nodeSeats.seatMinimumOf(nodeId)) > 0n;
  if (amount > 0n) {
    const call = callOf(staking, nodeStaking.interface, "stake", [nodeId, amount]);
    steps.push({ description: `Add ${penny(amount)} to the stake of node ${nodeId}`, call });
  }
  if (takesSeat) {
    const call = callOf(record.contracts.nodeSeats.address, nodeSeats.interface, "takeSeat", [nodeId]);
    const from = weakest === 0n ? "a free one" : `that of node ${weakest}, the weakest`;
    steps.push({ description: `Take a seat for node ${nodeId}: ${from}`, call, canSimulate: steps.length === 0 });
    if (after < needed) {
      const problem = `a seat needs ${penny(needed)} staked, node ${nodeId} would have ${penny(after)}`;
      problems.push(new CommandError("stake_short", `${problem}: add ${penny(needed - before)}`));
    }
  }
  const unbonding = duration(await nodeStaking.unbondingSeconds());
  const adds = `Adds ${penny(amount)} of ${account} to the stake of node ${nodeId}`;
  const seat = "takes a seat for it from the next epoch on";
  return {
    kind: "plan",
    account,
    summary: `${amount === 0n ? `For node ${nodeId}, ${seat}` : takesSeat ? `${adds} and ${seat}` : adds}.`,
    facts: [
      ["stake now", penny(before)],
      ["stake then", penny(after)],
      ["account has", penny(balance)],
      [
        "seat",
        takesSeat ? `needs ${penny(needed)}` : hasSeat ? "has one" : `none; one needs ${penny(needed)} and --take-seat`,
      ],
    ],
    steps,
    risks: [
      "All of the stake can be slashed for what the node's key signs, 1 % to 20 % a case.",
      ...(takesSeat
        ? [
            "Somebody may change the price of a seat before this is in a block: then it is refused, and the stake stays added.",
            `What the seat costs, ${penny(needed)}, stays locked until the node exits.`,
          ]
        : []),
    ],
    moneyBack: `\`operator unstake\` starts to take it out again; it can be withdrawn ${unbonding} later${takesSeat ? ", but for what the seat needs" : ""}.`,
    problems,
    data: { nodeId, amount, stakeBefore: before, stakeAfter: after, takesSeat },
    outcome: async () => {
      const stake = await nodeStaking.stakeOf(nodeId);
      const seated = (await nodeSeats.seatMinimumOf(nodeId)) > 0n;
      const words = takesSeat ? " and a seat from the next epoch on" : "";
      return { text: `Node ${nodeId} has ${penny(stake)} staked${words}.`, data: { nodeId, stake, hasSeat: seated } };
    },
  };
}
