/** In seconds. */
export const HOUR = 3_600n;
export const DAY = 24n * HOUR;

/** A length of time in its two largest units: `2 d 4 h`. */
export function duration(seconds: bigint | number): string {
  const parts: string[] = [];
  let rest = Number(seconds);
  for (const [unit, size] of [
    ["d", 86_400],
    ["h", 3_600],
    ["min", 60],
    ["s", 1],
  ] as const) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) parts.push(`${count} ${unit}`);
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return parts.join(" ") || "0 s";
}

/** An instant, unix seconds, in UTC: `2026-11-20 19:14:08 UTC`. */
export function instant(at: bigint | number): string {
  const seconds = Number(at);
  if (seconds > 253_402_300_799) return `unix second ${seconds}`;
  return new Date(seconds * 1000).toISOString().replace("T", " ").replace(".000Z", " UTC");
}

/** An instant and how far it is from now. */
export function moment(at: bigint | number, now: bigint | number): string {
  const ahead = Number(at) - Number(now);
  if (ahead === 0) return `${instant(at)} (now)`;
  return `${instant(at)} (${ahead > 0 ? `in ${duration(ahead)}` : `${duration(-ahead)} ago`})`;
}
