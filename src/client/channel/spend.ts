import { COMMIT_ORIGINATOR, IDENTITY_ORIGINATOR } from "../../protocol/envelope.ts";
import { TopicKind } from "../../protocol/topics.ts";
import type { Attempt, Refusal, Spend, SpendKind, SpendTotal, Spender } from "../ports.ts";

const DAY_MS = 86_400_000;

/** Nobody in particular. */
export const NOBODY: Spender = { app: "", user: "" };

/** Days since 1970 in UTC: what budgets and the report go by. */
export function dayOf(ms: number): number {
  return Math.floor(ms / DAY_MS);
}

export function startOfDay(day: number): number {
  return day * DAY_MS;
}

/** `2026-11-30`. */
export function dayText(day: number): string {
  return new Date(startOfDay(day)).toISOString().slice(0, 10);
}

export function kindOf({ originatorId, topic }: Pick<Attempt, "originatorId" | "topic">): SpendKind {
  if (originatorId === COMMIT_ORIGINATOR) return "commit";
  if (originatorId === IDENTITY_ORIGINATOR) return "identityUpdate";
  if (topic[0] === TopicKind.welcome) return "welcome";
  return topic[0] === TopicKind.keyPackage ? "keyPackage" : "message";
}

type Amounts = Partial<Pick<Spend, "count" | "postagePico" | "stampUnits" | "gasWei">>;

/** What was spent for a publish, on the day on which it was first tried there. */
export function spendFor(publish: Attempt | Refusal, amounts: Amounts): Spend {
  const day = dayOf("startedAt" in publish ? publish.startedAt : publish.refusedAt);
  return { ...NO_SPEND, ...publish.spender, day, kind: kindOf(publish), ...amounts };
}

/** What chain or logs tell of and this store did not know. */
export function unnamedSpend(now: number, amounts: Amounts): Spend {
  return { ...NO_SPEND, ...NOBODY, day: dayOf(now), kind: "unnamed", ...amounts };
}

/** Ceilings signed for stamps: at most so much is ever charged for them. */
export function stampSpend(now: number, { app, user }: Spender, stampUnits: bigint): Spend {
  return { ...NO_SPEND, app, user, day: dayOf(now), kind: "welcome", stampUnits };
}

/** Adds a row to a sum. */
export function addSpend(sum: SpendTotal, { count, postagePico, stampUnits, gasWei }: SpendTotal): SpendTotal {
  return {
    count: sum.count + count,
    postagePico: sum.postagePico + postagePico,
    stampUnits: sum.stampUnits + stampUnits,
    gasWei: sum.gasWei + gasWei,
  };
}

export const NO_SPEND: SpendTotal = { count: 0n, postagePico: 0n, stampUnits: 0n, gasWei: 0n };
