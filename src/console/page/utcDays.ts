const DAY_MS = 86_400_000;

/** The last days in UTC, today's included, oldest first: `2026-11-30`. */
export function lastDays(now: number, count: number): string[] {
  const today = Math.floor(now / DAY_MS);
  return Array.from({ length: count }, (_, i) => new Date((today - count + 1 + i) * DAY_MS).toISOString().slice(0, 10));
}

export const dayTick = (day: string): string =>
  new Date(`${day}T00:00:00Z`).toLocaleDateString([], { day: "numeric", month: "short", timeZone: "UTC" });
