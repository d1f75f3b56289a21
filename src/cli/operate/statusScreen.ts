import { usd } from "../../commands/core/amounts.ts";
import { paragraph, table } from "../../commands/core/print.ts";
import type { Row } from "../../commands/core/plan.ts";
import { duration, instant } from "../../commands/core/time.ts";
import type { OverviewData } from "../../daemon/overview/overview.ts";
import { reportLines } from "./reportLines.ts";
import type { Jsonified } from "./askDaemon.ts";

type Data = Jsonified<OverviewData>;

/** One screen for an operator: what is exposed, what is unsettled and why, what is due when, how long the gas lasts. */
export function statusScreen(data: Data): string[] {
  const { nodeId, now, health, ready } = data;
  const state = !health.ok ? "NOT HEALTHY" : ready.ok ? "ready" : "NOT READY";
  return [
    `Node ${nodeId}: ${state}    ${instant(Math.floor(now / 1_000))}`,
    ...[...health.reasons, ...ready.reasons].flatMap((reason) => paragraph(reason, "  ", "! ")),
    "",
    ...table([...moneyRows(data), ...settlementRows(data), ...deadlineRows(data)]),
    "",
    ...table([...gasRows(data), ...chainRows(data), ...restRows(data)]),
  ];
}

function moneyRows({ books, exposureCap }: Data): Row[] {
  const { channels, exposure, unsettled, largest } = books;
  const [most] = largest;
  const ofCap = most ? `; most: ${usd(BigInt(most.exposure))} of ${most.channel}` : "";
  return [
    ["exposure", `${usd(BigInt(exposure))} in ${channels} channels, at most ${usd(BigInt(exposureCap))} each${ofCap}`],
    ["unsettled", usd(BigInt(unsettled))],
  ];
}

function settlementRows({ settlement, now }: Data): Row[] {
  return settlement.map(({ lane, whyNot, lastRun }): Row => {
    const ago = lastRun ? ` (looked ${duration(Math.max(0, Math.floor((now - lastRun.at) / 1_000)))} ago)` : "";
    const due = lastRun && lastRun.due > 0 ? `${lastRun.due} of ${lastRun.unsettledAccounts} payers due; ` : "";
    return [lane === "routine" ? "next settlement" : "with a deadline", `${due}${whyNot}${ago}`];
  });
}

function deadlineRows({ deadlines, books, chain }: Data): Row[] {
  if (deadlines.length === 0) return [["deadlines", "none"]];
  const now = Number(chain.head?.timestamp ?? 0);
  const lines = deadlines.map(({ channel, unsettled, withdrawableAt }) => {
    const seconds = Number(withdrawableAt ?? 0) - now;
    const left = seconds > 0 ? `in ${duration(seconds)}` : "NOW";
    const when = withdrawableAt === undefined ? "at an unknown time" : left;
    return `${channel} owes ${usd(BigInt(unsettled))}, can leave ${when}`;
  });
  const more = books.leavingChannels - deadlines.length;
  return [["deadlines", [...lines, ...(more > 0 ? [`and ${more} more`] : [])].join("\n")]];
}

function gasRows({ transactions, now }: Data): Row[] {
  const lanes = transactions?.lanes ?? [];
  const shown = lanes.filter(({ account }, i) => lanes.findIndex((lane) => lane.account === account) === i);
  return shown.map(({ lane, account, balanceWei, runway, alarm, open, pending, oldestPendingAt }): Row => {
    const ether = balanceWei === undefined ? "balance unknown" : `${tokens(BigInt(balanceWei))} of the chain's token`;
    const lasts = runway === undefined ? "" : `, ${runway} settlements`;
    const since = oldestPendingAt === undefined ? "" : ` for ${duration(Math.floor((now - oldestPendingAt) / 1_000))}`;
    const alarmed = alarm === "none" ? "" : `; ALARM ${alarm}: send some`;
    const name = shown.length === 1 ? "gas" : `gas, ${lane}`;
    return [name, `${ether}${lasts}${alarmed}; ${open} under way, ${pending} pending${since}\n${account}`];
  });
}

function chainRows({ chain, now }: Data): Row[] {
  const { head, finalized, doubt, endpoints, broken } = chain;
  const age = head ? duration(Math.max(0, Math.floor(now / 1_000) - Number(head.timestamp))) : "";
  const where = head ? `block ${head.number}, ${age} old; final ${finalized?.number ?? "none"}` : "not read yet";
  const doubted = doubt > 0 ? `; DOUBT ${Math.round(doubt * 100)} %` : "";
  const lines = endpoints.map(
    ({ name, state, problem }) => `${name}: ${state}${problem === undefined ? "" : `, ${problem}`}`,
  );
  return [["chain", [`${where}${doubted}`, ...(broken === undefined ? [] : [broken]), ...lines].join("\n")]];
}

function stampLine(stamps: Data["stamps"], now: number): string {
  if (!stamps) return "not required: requireStamps is not set in the config";
  const { price, open, notes, inboxesReadToAt } = stamps;
  const behind = duration(Math.max(0, Math.floor(now / 1_000) - Number(inboxesReadToAt)));
  const cost = price === undefined ? "price not read yet" : `${usd(BigInt(price))} each`;
  return `${cost}; ${open} open, ${notes} notes kept; identity log read up to ${behind} ago`;
}

function restRows({ now, stamps, seats, faults, reports, highWater, loops, disk }: Data): Row[] {
  const seat =
    seats.own === null ? "NONE in this epoch or the next" : seats.own.isCanonical ? "yes" : "from the next epoch";
  const failing = loops.filter(({ sinceSuccessSeconds, ageSeconds }) => sinceSuccessSeconds > ageSeconds + 60);
  return [
    ["seat", `${seat}; ${seats.active} are active`],
    ["faults", `${faults.accused === true ? "THIS NODE IS ACCUSED; " : ""}${faults.open} cases against others open`],
    ["reports", reportLines(reports)],
    ["stamps", stampLine(stamps, now)],
    ["sequence id", `${highWater.sequenceId}${highWater.reached ? "" : ", NOT in the node's log"}`],
    ...(failing.length > 0 ? [["failing", failing.map(({ loop }) => loop).join(", ")] as const] : []),
    ...(disk ? [["disk", `${(disk.freeBytes / 1e9).toFixed(1)} GB free`] as const] : []),
  ];
}

function tokens(wei: bigint): string {
  return (Number(wei / 10n ** 12n) / 1e6).toFixed(6);
}
