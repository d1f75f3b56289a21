import type { Pot } from "../../contracts/readPot.ts";
import { readPot } from "../../contracts/readPot.ts";
import { usd } from "../core/amounts.ts";
import type { Context } from "../core/context.ts";
import { chainNow } from "../core/context.ts";
import type { Input } from "../core/input.ts";
import type { Report, Row } from "../core/plan.ts";
import { moment } from "../core/time.ts";
import { parseDigest } from "./payoutFiles.ts";

const STATUS = ["unknown", "accepted", "vetoed", "voided"] as const;

/** What was charged for stamps under a report, and what becomes of it. */
export async function stampsShow(context: Context, input: Input): Promise<Report> {
  const { epochReports, stamps } = context.contracts;
  const digest = parseDigest(input.text("report"));
  const [standing, pot, shares, now] = await Promise.all([
    epochReports.standingOf(digest),
    readPot(stamps, digest),
    stamps.shares(),
    chainNow(context),
  ]);
  const status = STATUS[Number(standing.status)] ?? "unknown";
  const isAccepted = status === "accepted";
  const isFinal = isAccepted && standing.finalAt <= now;
  const rows: Row[] = [
    ["report", isFinal ? "final" : status],
    ...(isAccepted ? [["final", moment(standing.finalAt, now)] as const] : []),
  ];
  const { charged, paid, fixedAt, claimableUntil, recipientsBps, isFixed, finalAt } = pot;
  const hasPot = finalAt > 0n;
  const money: Row[] = hasPot
    ? [
        ["charged", usd(charged)],
        [isFixed ? "pot" : "pot so far, at most", usd(pot.most)],
        ["paid", usd(paid)],
        ["recipients' share", `${recipientsBps} basis points`],
        ["fixed", moment(fixedAt, now)],
        ["claimable until", moment(claimableUntil, now)],
      ]
    : [["pot", "nothing was charged under it in time"]];
  return {
    kind: "report",
    title: `Stamps of report ${digest}`,
    sections: [{ rows }, { heading: "Pot", rows: money }],
    notes: [noteOf(pot, { isAccepted, isFinal, now, digest })],
    data: {
      ...{ digest, status, isFinal, finalAt: standing.finalAt },
      pot: hasPot ? pot : null,
      sharesNow: { recipientsBps: shares.recipientsBps, silentBps: shares.silentBps },
    },
  };
}

function noteOf(
  { finalAt, fixedAt, claimableUntil, amount, paid, isFixed, charged }: Pot,
  at: { isAccepted: boolean; isFinal: boolean; now: bigint; digest: string },
): string {
  const { now } = at;
  if (!at.isAccepted) return "Nothing is charged or paid under it: no such report is accepted.";
  if (!at.isFinal) return "Its stamps are charged when it is final; daemons do that.";
  if (finalAt === 0n)
    return "Daemons charge its stamps within 3 days of finality; what is charged later is the treasury's.";
  if (now < fixedAt) return `Payouts are paid ${moment(fixedAt, now)}: until then more may be charged.`;
  if (now < claimableUntil)
    return `Claim a payout, with the proof that daemons serve: stamps claim ${at.digest} <file>`;
  const left = isFixed ? amount - paid : charged;
  return left > 0n ? "Anybody can give the rest to the treasury with Stamps.sweep." : "All of it is paid.";
}
