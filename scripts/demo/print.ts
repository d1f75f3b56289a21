import { PICO_PER_UNIT, picoToUnitsUp } from "../../src/protocol/units.ts";
import type { Audit, EnvelopeKind } from "./audit.ts";
import type { Money } from "./money.ts";
import { table } from "./table.ts";

const NAMES: Record<EnvelopeKind, string> = {
  identityUpdate: "identity updates (on chain)",
  commit: "commits (on chain)",
  keyPackage: "key packages",
  welcome: "welcomes",
  message: "messages",
};

/** Fees per kind in whole base units that sum to what is charged: the largest remainders are rounded up first. */
export function wholeFees(kinds: Audit["kinds"], feesCharged: bigint): Record<EnvelopeKind, bigint> {
  const entries = Object.entries(kinds) as [EnvelopeKind, Audit["kinds"][EnvelopeKind]][];
  const parts = entries.map(([kind, { feesPico }]) => ({
    kind,
    whole: feesPico / PICO_PER_UNIT,
    rest: feesPico % PICO_PER_UNIT,
  }));
  const missing = feesCharged - parts.reduce((sum, { whole }) => sum + whole, 0n);
  const byRest = [...parts].sort((a, b) => Number(b.rest - a.rest));
  // Each channel's fees are rounded up by themselves: with many channels a kind may take more than one unit.
  for (let i = 0; i < missing; i++) byRest[i % byRest.length]!.whole++;
  return Object.fromEntries(parts.map(({ kind, whole }) => [kind, whole])) as Record<EnvelopeKind, bigint>;
}

export function printResult(kinds: Audit["kinds"], money: Money): void {
  const { totals, shares } = money;
  const perRow = money.rows === 0 ? 0n : money.gasUsed / BigInt(money.rows);
  console.log(
    table(
      "Envelopes",
      ["kind", "count", "bytes", "fees, USD"],
      Object.entries(kinds).map(([kind, { count, bytes, feesPico }]) => [
        NAMES[kind as EnvelopeKind],
        String(count),
        String(bytes),
        picoText(feesPico),
      ]),
    ),
  );
  console.log(
    table(
      `Channel${money.channels.length === 1 ? "" : "s"}, base units (1 USD = 1,000,000)`,
      ["", "deposited", "used", "authorised", "settled"],
      money.channels.map(({ channel, deposited, usagePico, authorised, settled }) => {
        return [channel, ...[deposited, picoToUnitsUp(usagePico), authorised, settled].map(String)];
      }),
    ),
  );
  console.log(
    table(
      "Nodes, base units",
      ["node", "share", "claimed"],
      shares.map(({ nodeId, share, claimed }) => [String(nodeId), String(share), String(claimed)]),
    ),
  );
  console.log(
    table(
      "Where the settled fees went, base units",
      ["", "amount"],
      Object.entries({
        "treasury (10 %)": totals.treasury,
        "settler's bounty (0.5 %)": totals.bounty,
        "claimed by operators": totals.claimed,
        "still streaming": totals.streaming,
        "rounding dust": totals.dust,
        "= settled": totals.settled,
      }).map(([name, amount]) => [name, String(amount)]),
    ),
  );
  console.log(
    `\n  ${perRow} gas per settled row (${money.rows} row${money.rows === 1 ? "" : "s"}; many rows share the fixed part of a transaction)`,
  );
}

/** Picodollars as dollars, to the eighth decimal: a message costs a few of those. */
function picoText(pico: bigint): string {
  const digits = (pico / 10_000n).toString().padStart(9, "0");
  return `${digits.slice(0, -8)}.${digits.slice(-8)}`;
}

/** The same for a program to read. */
export function resultOf(kinds: Audit["kinds"], money: Money, audited: bigint): object {
  const { totals, shares, rows, gasUsed } = money;
  const fees = wholeFees(kinds, totals.feesCharged);
  return {
    envelopes: Object.fromEntries(
      Object.entries(kinds).map(([kind, { count, bytes, feesPico }]) => [
        kind,
        { count, bytes, fees: fees[kind as EnvelopeKind], feesPico },
      ]),
    ),
    channels: money.channels.map(({ channel, deposited, usagePico, authorised, settled }) => {
      return { channel, deposited, used: picoToUnitsUp(usagePico), usedPico: usagePico, authorised, settled };
    }),
    nodes: shares,
    settle: { rows, gasUsed, gasPerRow: rows === 0 ? 0 : Number(gasUsed) / rows },
    audit: { usagePico: audited },
    totals,
  };
}

/** As JSON: amounts are decimal strings of base units. */
export function toJson(result: object): string {
  const print = (_: string, value: unknown) => (typeof value === "bigint" ? value.toString() : value);
  return JSON.stringify(result, print, 2) + "\n";
}
