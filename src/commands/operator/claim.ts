import { toAddress } from "../../protocol/bytes.ts";
import { usd } from "../core/amounts.ts";
import { actingAs, callOf, eventOf, ownerOfNode } from "../core/checks.ts";
import type { Context } from "../core/context.ts";
import { chainNow } from "../core/context.ts";
import { CommandError } from "../core/errors.ts";
import type { Input } from "../core/input.ts";
import type { Plan } from "../core/plan.ts";
import { moment } from "../core/time.ts";

/** Sends a node's earnings to its payout address. Anyone may. */
export async function operatorClaim(context: Context, input: Input): Promise<Plan> {
  const { feeDistributor, nodeSeats, nodeRegistry } = context.contracts;
  const nodeId = input.nodeId();
  const owner = await ownerOfNode(context, nodeId);
  const account = actingAs(context, owner);
  const address = await feeDistributor.getAddress();
  const [claimable, debit, payoutAddress, epochSeconds, now] = await Promise.all([
    feeDistributor.claimable(nodeId),
    feeDistributor.debitOf(nodeId),
    nodeSeats.payoutOf(nodeId),
    nodeRegistry.epochSeconds(),
    chainNow(context),
  ]);
  const payout = toAddress(payoutAddress);
  const problems: CommandError[] = [];
  if (claimable === 0n && debit === 0n) {
    const nextEpoch = (now / epochSeconds + 1n) * epochSeconds;
    const problem = `node ${nodeId} has nothing to claim: shares are added when an epoch ends, next ${moment(nextEpoch, now)}`;
    const fix = "they are of fees that were settled and distributed before that epoch began";
    problems.push(new CommandError("nothing_to_do", `${problem}, and ${fix}`, { args: { nextEpochAt: nextEpoch } }));
  }
  return {
    kind: "plan",
    account,
    summary: `Sends ${usd(claimable)} that node ${nodeId} has earned to its payout address ${payout}.`,
    facts: [
      ["claimable", usd(claimable)],
      ["payout", payout],
      ...(debit > 0n ? [["debit", `${usd(debit)}, which earnings pay first`] as const] : []),
    ],
    steps: [
      {
        description: `Claim ${usd(claimable)} for node ${nodeId}; anyone may send this`,
        call: callOf(address, feeDistributor.interface, "claim", [nodeId]),
      },
    ],
    risks: [
      "The account that signs pays the gas, and the money goes to the payout address whoever signs.",
      "A payout address that refuses the transfer is credited instead and takes it with FeeDistributor.withdrawCredit.",
    ],
    moneyBack: "At once. What this epoch earns can be claimed when it has ended.",
    problems,
    data: { nodeId, amount: claimable, payout, debit },
    outcome: async (mined) => {
      const claimed = eventOf(mined, { address, abi: feeDistributor.interface }, "Claimed");
      const amount = (claimed?.amount as bigint | undefined) ?? 0n;
      const isCredited = claimed?.credited === true;
      const words = isCredited ? `is credited to ${payout}, which refused it` : `went to ${payout}`;
      return { text: `${usd(amount)} of node ${nodeId} ${words}.`, data: { nodeId, amount, payout, isCredited } };
    },
  };
}
