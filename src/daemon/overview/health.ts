import type { Verdict } from "../../platform/watch.ts";
import { verdict } from "../../platform/watch.ts";
import type { HighWater } from "../highWater.ts";

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
