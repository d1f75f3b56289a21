import type { Spend, SpendKey, SpendKind, SpendTotal } from "../ports.ts";

/** Before anything that is kept by name. */
export const FIRST_SPEND: SpendKey = { day: -1, app: "", user: "", kind: "commit" };

/** What somebody spent on a day, as both databases have it. */
export interface SpendRow {
  day: bigint;
  app: string;
  user_name: string;
  kind: string;
  count: bigint;
  postage_pico: string;
  stamp_units: string;
  gas_wei: string;
}

type Amounts = Pick<SpendRow, "count" | "postage_pico" | "stamp_units" | "gas_wei">;

export function amountsOf({ count, postage_pico, stamp_units, gas_wei }: Amounts): SpendTotal {
  return { count, postagePico: BigInt(postage_pico), stampUnits: BigInt(stamp_units), gasWei: BigInt(gas_wei) };
}

export function toSpend(row: SpendRow): Spend {
  return { day: Number(row.day), app: row.app, user: row.user_name, kind: row.kind as SpendKind, ...amountsOf(row) };
}
