import type { Beats } from "../beats.ts";
import type { HighWater } from "../highWater.ts";

export interface Verdict {
  ok: boolean;
  /** Why not, each with what to do; empty when it is. */
  reasons: string[];
}

const verdict = (reasons: string[]): Verdict => ({ ok: reasons.length === 0, reasons });

/** Whether the process is worth keeping: a supervisor may start it again when it is not. */
export function healthOf(beats: Beats): Verdict {
  const stuck = beats.status().filter(({ isStuck }) => isStuck);
  const reasons = stuck.map(
    ({ loop, ageSeconds }) => `the ${loop} loop has not ended a step for ${Math.round(ageSeconds)} s: start it again`,
  );
  return verdict(reasons);
}

export interface ReadinessSources {
  isMetered: boolean;
  highWater: ReturnType<HighWater["status"]>;
  /** 1 when nothing may be lent. */
  doubt: number;
  chainProblem: string | undefined;
}

/** Whether paid publishes can succeed: nobody should be sent here when they cannot. Starting again does not help. */
export function readinessOf({ isMetered, highWater, doubt, chainProblem }: ReadinessSources): Verdict {
  const reasons: string[] = [];
  if (!highWater.reached)
    reasons.push(highWater.problem ?? "the node's log was not checked against what it gave out yet");
  if (!isMetered) reasons.push("the node's log is not metered to its end yet");
  if (doubt >= 1) reasons.push(`the chain cannot be read: ${chainProblem ?? "not read yet, or it stands still"}`);
  return verdict(reasons);
}
