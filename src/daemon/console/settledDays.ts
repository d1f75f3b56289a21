import type { SettledDays } from "../../console/views.ts";
import type { Windowed } from "../../contracts/eventWindow.ts";
import type { Settlement } from "../../contracts/settlements.ts";
import type { Address } from "../../protocol/bytes.ts";

/** Sums of days in UTC, what this daemon's accounts settled apart from what others did. */
export function settledDays(
  { events, sinceSeconds, asOfSeconds }: Windowed<Settlement>,
  own: readonly Address[],
): SettledDays {
  const days = new Map<string, { own: bigint; others: bigint }>();
  for (const { at, settler, collected } of events) {
    const day = new Date(at * 1_000).toISOString().slice(0, 10);
    const sum = days.get(day) ?? { own: 0n, others: 0n };
    sum[own.includes(settler) ? "own" : "others"] += collected;
    days.set(day, sum);
  }
  return {
    days: [...days].map(([day, sum]) => ({ day, own: String(sum.own), others: String(sum.others) })),
    ...{ sinceSeconds, asOfSeconds },
  };
}
