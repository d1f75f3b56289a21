import { CommandError } from "./errors.ts";

/** A token as people write it. */
export interface Unit {
  name: string;
  decimals: number;
  /** More than this no contract counts. */
  most: bigint;
}

/** The fee token: protocol amounts are in its base units, 1e-6 USD. */
export const USD: Unit = { name: "USD", decimals: 6, most: 2n ** 64n - 1n };
/** The stake token. */
export const PENNY: Unit = { name: "PENNY", decimals: 18, most: 2n ** 96n - 1n };

const AMOUNT = /^(\d+)(?:\.(\d+))? *([A-Za-z]+)$/;
const ALIASES: Record<string, string> = { usdc: "usd", unit: "units" };

/**
 * Base units of an amount that names its unit: `5 USD`, `0.25 USD`, `10000 PENNY`, or base units as `5000000 units`.
 * Throws CommandError `bad_amount` or `wrong_unit`.
 */
export function parseAmount(text: string, unit: Unit): bigint {
  const examples = `write "5 ${unit.name}", or base units as "${10n ** BigInt(unit.decimals)} units"`;
  const parts = AMOUNT.exec(text.trim());
  if (!parts) throw new CommandError("bad_amount", `"${text}" is not an amount with its unit: ${examples}`);
  const [, whole, fraction = "", written] = parts as unknown as [string, string, string | undefined, string];
  const name = ALIASES[written.toLowerCase()] ?? written.toLowerCase();
  if (name !== "units" && name !== unit.name.toLowerCase()) {
    throw new CommandError("wrong_unit", `"${text}" is in ${written}, this takes ${unit.name}: ${examples}`);
  }
  const decimals = name === "units" ? 0 : unit.decimals;
  if (fraction.length > decimals) {
    const most = decimals === 0 ? "base units are whole" : `${unit.name} has ${decimals} decimals`;
    throw new CommandError("bad_amount", `"${text}" is finer than the token: ${most}`);
  }
  const amount = BigInt(whole + fraction.padEnd(decimals, "0"));
  if (amount === 0n) throw new CommandError("bad_amount", `"${text}" is nothing: ${examples}`);
  if (amount > unit.most) {
    throw new CommandError(
      "bad_amount",
      `"${text}" is more than any contract counts, ${formatAmount(unit.most, unit)}`,
    );
  }
  return amount;
}

/** An amount as `parseAmount` takes it: `1234567n` is `1.234567 USD`. */
export function formatAmount(amount: bigint, { name, decimals }: Omit<Unit, "most">): string {
  const digits = (amount < 0n ? -amount : amount).toString().padStart(decimals + 1, "0");
  const fraction = digits.slice(-decimals).replace(/0+$/, "");
  return `${amount < 0n ? "-" : ""}${digits.slice(0, -decimals)}${fraction && `.${fraction}`} ${name}`;
}

export const usd = (amount: bigint): string => formatAmount(amount, USD);
export const penny = (amount: bigint): string => formatAmount(amount, PENNY);
