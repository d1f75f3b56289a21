import { usd } from "../core/amounts.ts";
import type { Context } from "../core/context.ts";
import { chainNow } from "../core/context.ts";
import type { Input } from "../core/input.ts";
import type { Report, Row } from "../core/plan.ts";
import { moment } from "../core/time.ts";
import { readFundedChannel } from "./readFundedChannel.ts";

/** Everything about a channel that its payer wants to know. */
export async function channelShow(context: Context, input: Input): Promise<Report> {
  const channel = input.address("channel");
  const [state, free, now] = await Promise.all([
    readFundedChannel(context, channel),
    context.contracts.postageChannels.freeAmount(channel),
    chainNow(context),
  ]);
  const { owner, deposited, feesSpent, stampsSpent, stampsSigned, unspent, pendingWithdrawal, readyAt } = state;
  const isPending = pendingWithdrawal > 0n;
  const pending: Row[] = isPending
    ? [
        ["amount", usd(pendingWithdrawal)],
        ["ready", moment(readyAt, now)],
        ["could be paid then", usd(free < pendingWithdrawal ? free : pendingWithdrawal)],
        ["stamps hold until", moment(state.stampsFreeAt, now)],
      ]
    : [["withdrawal", "none is pending"]];
  const isReady = isPending && readyAt <= now;
  const notes = isReady
    ? [`Withdraw it: channel withdraw ${channel}`]
    : isPending
      ? [`Withdraw it ${moment(readyAt, now)}: channel withdraw ${channel}`]
      : unspent === 0n
        ? [`It is empty: channel deposit ${channel} --amount "5 USD"`]
        : ["Vouchers that are signed and not settled yet are not in these numbers: the gateway's /status has them."];
  return {
    kind: "report",
    title: `Channel ${channel}: ${usd(unspent)} unspent`,
    sections: [
      {
        rows: [
          ["owner", owner === channel ? "the postage key itself" : owner],
          ["deposited", usd(deposited)],
          ["fees settled", usd(feesSpent)],
          ["stamps charged", usd(stampsSpent)],
          ["stamps signed for", usd(stampsSigned)],
        ],
      },
      { heading: "Withdrawal", rows: pending },
    ],
    notes,
    data: {
      ...{ channel, owner, deposited, feesSpent, stampsSpent, stampsSigned, unspent },
      withdrawal: isPending ? { amount: pendingWithdrawal, readyAt, stampsFreeAt: state.stampsFreeAt, isReady } : null,
    },
  };
}
