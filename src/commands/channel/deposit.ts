import { readChannel } from "../../contracts/readChannel.ts";
import { toAddress } from "../../protocol/bytes.ts";
import { USD, usd } from "../core/amounts.ts";
import { actingAs, callOf, requiredEvent, spending } from "../core/checks.ts";
import type { Context } from "../core/context.ts";
import { CommandError } from "../core/errors.ts";
import type { Input } from "../core/input.ts";
import type { Plan } from "../core/plan.ts";
import { duration } from "../core/time.ts";

/** Funds a channel. */
export async function channelDeposit(context: Context, input: Input): Promise<Plan> {
  const { record, contracts } = context;
  const { postageChannels } = contracts;
  const channel = input.address("channel");
  const amount = input.amount("amount", USD);
  const account = actingAs(context);
  const [state, parameters] = await Promise.all([
    readChannel(context.contracts, channel),
    postageChannels.parameters(),
  ]);
  const address = toAddress(record.contracts.postageChannels.address);
  const { steps, problems, balance } = await spending(context, account, {
    ...{ token: toAddress(record.token), unit: USD, spender: address, spenderName: "PostageChannels", amount },
  });
  if (state.deposited === 0n && amount < parameters.minimumDeposit) {
    const least = `a channel's first deposit is ${usd(parameters.minimumDeposit)} at least`;
    problems.push(new CommandError("bad_amount", `${least}, this is ${usd(amount)}: deposit more`));
  }
  const call = callOf(address, postageChannels.interface, "deposit", [channel, amount]);
  return {
    kind: "plan",
    account,
    summary: `Deposits ${usd(amount)} of ${account} to the channel of the postage key ${channel}.`,
    facts: [
      ["deposit now", usd(state.deposited)],
      ["deposit then", usd(state.deposited + amount)],
      ["account has", usd(balance)],
      ["channel's owner", state.owner === channel ? `${channel}, the postage key itself` : state.owner],
    ],
    steps: [...steps, { description: `Deposit ${usd(amount)} to channel ${channel}`, call }],
    risks: [
      "The money belongs to the channel from then on: if nobody has the key of that address, it is lost.",
      "Whoever has the postage key can spend the deposit on postage, and withdraw it while the key owns itself: give the channel an owner that is not hot (PostageChannels.assignOwner).",
    ],
    moneyBack: `What is unspent, whatever nodes do: its owner asks with \`channel request-withdrawal\` and withdraws ${duration(parameters.withdrawalDelaySeconds)} later.`,
    problems,
    data: { channel, amount, depositedBefore: state.deposited },
    outcome: async (mined) => {
      const event = requiredEvent(mined, { address, abi: postageChannels.interface }, "Deposit");
      const credited = event.amount as bigint;
      const { deposited, unspent } = await readChannel(context.contracts, channel);
      return {
        text: `${usd(credited)} arrived. Channel ${channel} has ${usd(unspent)} unspent.`,
        data: { channel, amount: credited, deposited, unspent },
      };
    },
  };
}
