import { USD, usd } from "../core/amounts.ts";
import { actingAs, callOf, eventOf, ownerProblem, requiredEvent } from "../core/checks.ts";
import type { Context } from "../core/context.ts";
import { chainNow } from "../core/context.ts";
import { CommandError } from "../core/errors.ts";
import type { Input } from "../core/input.ts";
import type { Plan } from "../core/plan.ts";
import { duration, moment } from "../core/time.ts";
import { readFundedChannel } from "./readFundedChannel.ts";

/** Starts to take unspent money out of a channel. */
export async function channelRequestWithdrawal(context: Context, input: Input): Promise<Plan> {
  const { postageChannels } = context.contracts;
  const { state, account, problems, address, now, channel } = await ownChannel(context, input);
  const amount = input.text("amount") === "all" ? state.unspent : input.amount("amount", USD);
  const { withdrawalDelaySeconds, stampHoldSeconds } = await postageChannels.parameters();
  if (state.pendingWithdrawal > 0n) {
    const pending = `${usd(state.pendingWithdrawal)} are asked for already, ready ${moment(state.readyAt, now)}`;
    problems.push(
      new CommandError("nothing_to_do", `${pending}: withdraw them, or call it off with \`channel cancel-withdrawal\``),
    );
  }
  if (amount > state.unspent || amount === 0n) {
    const problem = `channel ${channel} has ${usd(state.unspent)} unspent`;
    problems.push(new CommandError("balance_short", `${problem}: ask for at most that, or write --amount all`));
  }
  const readyAt = now + withdrawalDelaySeconds;
  return {
    kind: "plan",
    account,
    summary: `Asks for ${usd(amount)} of the channel ${channel} to be paid out.`,
    facts: [
      ["unspent now", usd(state.unspent)],
      ["ready", moment(readyAt, now)],
    ],
    steps: [
      {
        description: `Request a withdrawal of ${usd(amount)} from channel ${channel}`,
        call: callOf(address, postageChannels.interface, "requestWithdrawal", [channel, amount]),
      },
    ],
    risks: [
      "Vouchers that are signed already are still collected: what is paid may be less than asked for.",
      "Nodes see the request and carry messages of this key only up to what is left.",
    ],
    moneyBack: `${duration(withdrawalDelaySeconds)} from now, with \`channel withdraw ${channel}\`. What signed stamp ceilings hold, ${duration(stampHoldSeconds)} from now.`,
    problems,
    data: { channel, amount, readyAt },
    outcome: async (mined) => {
      const event = requiredEvent(mined, { address, abi: postageChannels.interface }, "WithdrawalRequested");
      const ready = event.withdrawableTimestamp as bigint;
      const text = `${usd(amount)} can be withdrawn ${moment(ready, now)}: channel withdraw ${channel}`;
      return { text, data: { channel, amount, readyAt: ready } };
    },
  };
}

/** Calls a pending withdrawal off. */
export async function channelCancelWithdrawal(context: Context, input: Input): Promise<Plan> {
  const { postageChannels } = context.contracts;
  const { state, account, problems, address, channel } = await ownChannel(context, input);
  if (state.pendingWithdrawal === 0n) problems.push(noWithdrawal(channel));
  const amount = state.pendingWithdrawal;
  return {
    kind: "plan",
    account,
    summary: `Calls off the withdrawal of ${usd(amount)} from the channel ${channel}: it stays there as postage.`,
    facts: [["asked for", usd(amount)]],
    steps: [
      {
        description: `Cancel the withdrawal from channel ${channel}`,
        call: callOf(address, postageChannels.interface, "cancelWithdrawal", [channel]),
      },
    ],
    risks: ["A later request starts its whole delay anew."],
    moneyBack: "Only after another request and its delay.",
    problems,
    data: { channel, amount },
    outcome: async () => ({
      text: `Nothing is asked for any more; ${usd(amount)} stay in the channel.`,
      data: { channel, amount },
    }),
  };
}

/** Pays a withdrawal whose delay is over. */
export async function channelWithdraw(context: Context, input: Input): Promise<Plan> {
  const { postageChannels } = context.contracts;
  const { state, account, problems, address, now, channel } = await ownChannel(context, input);
  const recipient = input.optionalAddress("recipient") ?? account;
  const free = await postageChannels.freeAmount(channel);
  const { pendingWithdrawal, readyAt, stampsFreeAt } = state;
  const amount = pendingWithdrawal < free ? pendingWithdrawal : free;
  if (pendingWithdrawal === 0n) problems.push(noWithdrawal(channel));
  else if (readyAt > now) {
    const problem = `the withdrawal of ${usd(pendingWithdrawal)} is ready ${moment(readyAt, now)}`;
    problems.push(new CommandError("too_early", `${problem}: run this again then`, { args: { readyAt } }));
  } else if (amount === 0n && stampsFreeAt > now) {
    const problem = `signed stamp ceilings hold all of it back until ${moment(stampsFreeAt, now)}`;
    problems.push(
      new CommandError("too_early", `${problem}: run this again then`, { args: { readyAt: stampsFreeAt } }),
    );
  }
  return {
    kind: "plan",
    account,
    summary: `Pays ${usd(amount)} of the channel ${channel} to ${recipient}.`,
    facts: [
      ["asked for", usd(pendingWithdrawal)],
      ["can be paid", usd(amount)],
      ["recipient", recipient],
    ],
    steps: [
      {
        description: `Withdraw ${usd(amount)} from channel ${channel} to ${recipient}`,
        call: callOf(address, postageChannels.interface, "withdraw", [channel, recipient]),
      },
    ],
    risks: [
      "A voucher that is settled before this is in a block makes it less.",
      "What goes to a wrong recipient does not come back.",
    ],
    moneyBack:
      amount < pendingWithdrawal
        ? `${usd(amount)} at once; the rest stays pending for signed stamps until ${moment(stampsFreeAt, now)}.`
        : "At once.",
    problems,
    data: { channel, amount, recipient },
    outcome: async (mined) => {
      const event = eventOf(mined, { address, abi: postageChannels.interface }, "Withdrawn");
      const paid = (event?.amount as bigint | undefined) ?? 0n;
      const remaining = (event?.remaining as bigint | undefined) ?? 0n;
      const rest = remaining > 0n ? ` ${usd(remaining)} stay pending.` : "";
      return {
        text: `${usd(paid)} went to ${recipient}.${rest}`,
        data: { channel, amount: paid, remaining, recipient },
      };
    },
  };
}

async function ownChannel(context: Context, input: Input) {
  const channel = input.address("channel");
  const state = await readFundedChannel(context, channel);
  const account = actingAs(context, state.owner);
  const problems = ownerProblem(account, state.owner, `channel ${channel}`);
  const address = await context.contracts.postageChannels.getAddress();
  return { channel, state, account, problems, address, now: await chainNow(context) };
}

function noWithdrawal(channel: string): CommandError {
  const problem = `no withdrawal from channel ${channel} is pending`;
  return new CommandError("nothing_to_do", `${problem}: ask for one with \`channel request-withdrawal\``);
}
