const UNIT_DIGITS = 6;

/** Base units as dollars: with cents from a dollar on, with as many digits as tell anything below. */
export function usd(units: string | bigint): string {
  const value = BigInt(units);
  const sign = value < 0n ? "−" : "";
  const size = value < 0n ? -value : value;
  if (size >= 1_000_000n) {
    const cents = (size + 5_000n) / 10_000n;
    return `${sign}$${(cents / 100n).toLocaleString("en")}.${String(cents % 100n).padStart(2, "0")}`;
  }
  const digits = String(size).padStart(UNIT_DIGITS, "0");
  return `${sign}$0.${size === 0n ? "00" : digits.replace(/0{1,4}$/, "")}`;
}

/** To the base unit, for what somebody is about to sign. */
export function usdExact(units: bigint): string {
  const part = String(units % 1_000_000n)
    .padStart(UNIT_DIGITS, "0")
    .replace(/0{1,4}$/, "");
  return `$${(units / 1_000_000n).toLocaleString("en")}.${part}`;
}

/** Picodollars as dollars, for amounts that may be far below a base unit. */
export function usdOfPico(pico: string | bigint): string {
  const value = BigInt(pico);
  if (value === 0n || value >= 1_000_000n) return usd((value + 500_000n) / 1_000_000n);
  return `$0.${String(value).padStart(12, "0").replace(/0+$/, "")}`;
}

/** For the length of a bar or the height of a point, not for a sum. */
export const dollarsOfPico = (pico: string | bigint): number => Number(BigInt(pico)) / 1e12;
export const dollarsOf = (units: string | bigint): number => Number(BigInt(units)) / 1e6;

/** A tick of a chart's axis. */
export function usdTick(dollars: number): string {
  if (dollars === 0) return "$0";
  if (dollars >= 1_000) return `$${compact(dollars)}`;
  if (dollars >= 1) return `$${dollars.toFixed(dollars < 10 ? 1 : 0)}`;
  return `$${Number(dollars.toPrecision(2))
    .toString()
    .replace(/e-(\d+)$/, "e−$1")}`;
}

export const compact = (count: number): string =>
  new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 }).format(count);
export const count = (number: number | string): string => Number(number).toLocaleString("en");

export function ether(wei: string): string {
  return (Number(BigInt(wei) / 10n ** 12n) / 1e6).toLocaleString("en", { maximumFractionDigits: 4 });
}

export function bytes(size: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = size < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(size) / 3));
  return `${(size / 1_000 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`;
}

/** The two largest parts: `2 d 4 h`, `35 s`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const parts = [
    [Math.floor(whole / 86_400), "d"],
    [Math.floor(whole / 3_600) % 24, "h"],
    [Math.floor(whole / 60) % 60, "min"],
  ] as const;
  const shown = parts.filter(([amount]) => amount > 0).slice(0, 2);
  return shown.map(([amount, unit]) => `${amount} ${unit}`).join(" ");
}

/** Base units of the stake token, of 18 decimals. */
export const votes = (amount: string): string => compact(Number(BigInt(amount) / 10n ** 12n) / 1e6);

export const short = (hex: string): string => `${hex.slice(0, 6)}…${hex.slice(-4)}`;

export const clockTime = (ms: number): string =>
  new Date(ms).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
export const dayAndTime = (ms: number): string =>
  new Date(ms).toLocaleString([], { weekday: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
export const dateAndTime = (ms: number): string =>
  new Date(ms).toLocaleString([], {
    day: "numeric",
    month: "short",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  });
