/** One base unit of the fee token (6 decimals) in picodollars (1e-12 USD). */
export const PICO_PER_UNIT = 1_000_000n;

/** Base units that cover an amount of picodollars: rounded up. */
export function picoToUnitsUp(pico: bigint): bigint {
  if (pico < 0n) throw new RangeError(`negative amount: ${pico} picodollars`);
  return (pico + PICO_PER_UNIT - 1n) / PICO_PER_UNIT;
}

export function unitsToPico(units: bigint): bigint {
  return units * PICO_PER_UNIT;
}

/** Base units as a decimal amount in dollars, for people: `1234567n` is `1.234567`. */
export function formatUnits(units: bigint): string {
  const digits = (units < 0n ? -units : units).toString().padStart(7, "0");
  return `${units < 0n ? "-" : ""}${digits.slice(0, -6)}.${digits.slice(-6)}`;
}
