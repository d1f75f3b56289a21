import { formatUnits } from "../../protocol/units.ts";
import type { RunReport } from "../settle.ts";

/** Why a lane has settled nothing, in a sentence; from what its last run found. */
export function whyNotSettled(report: RunReport | undefined, mostBps: bigint): string {
  if (!report) return "no run yet: the chain has not been read";
  const { unsettledAccounts, unsettled, underway, due, ripe, waitSeconds, gasCost, problem } = report;
  if (problem !== undefined) return `the last run failed: ${problem}`;
  if (unsettledAccounts === 0) return "nothing to settle";
  if (underway === unsettledAccounts) return "all of it is in transactions under way";
  if (due === 0) {
    const percent = Number(mostBps) / 100;
    return (
      `gas is too dear: ${formatUnits(unsettled)} would cost ${formatUnits(gasCost)} of gas, ` +
      `and at most ${percent} % of it may go for that`
    );
  }
  if (ripe === 0) return `due, at another seat's turn: this node follows after at most ${waitSeconds} s`;
  return "due now: it goes out with this run";
}
