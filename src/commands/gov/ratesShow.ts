import { readRates } from "../../contracts/readRates.ts";
import type { Rates } from "../../protocol/fees.ts";
import { usd } from "../core/amounts.ts";
import type { Context } from "../core/context.ts";
import { chainNow } from "../core/context.ts";
import type { Report, Row } from "../core/plan.ts";
import { moment } from "../core/time.ts";

/** A short text, as clients send it. */
const TYPICAL_BYTES = 300n;
const PICO = 1_000_000_000_000n;

/** What carriage costs now and later. */
export async function ratesShow(context: Context): Promise<Report> {
  const { rateRegistry } = context.contracts;
  const [history, retentionDays, stampPrice, now] = await Promise.all([
    readRates(rateRegistry),
    rateRegistry.retentionDays(),
    rateRegistry.stampPrice(),
    chainNow(context),
  ]);
  const current = history.filter(({ startAt }) => startAt <= now).at(-1);
  const later = history.filter(({ startAt }) => startAt > now);
  return {
    kind: "report",
    title: current ? "Rates in force" : "No rates are in force: nodes refuse to publish.",
    sections: [
      {
        rows: [
          ...(current ? rows(current, retentionDays) : []),
          ["kept for", `${retentionDays} days`],
          ["a stamp", usd(stampPrice)],
        ],
      },
      ...later.map((rates) => ({ heading: `From ${moment(rates.startAt, now)}`, rows: rows(rates, retentionDays) })),
    ],
    notes: later.length > 0 ? [] : ["No change is scheduled; a change is announced at least 24 hours ahead."],
    data: {
      current: current ?? null,
      scheduled: later,
      count: history.length,
      retentionDays: Number(retentionDays),
      stampPrice,
    },
  };
}

function rows({ messageFeePico, storageFeePico, congestionFeePico, targetRatePerMinute }: Rates, days: bigint): Row[] {
  const typical = messageFeePico + storageFeePico * TYPICAL_BYTES * days;
  return [
    ["per message", `${messageFeePico} pico`],
    ["per byte and day", `${storageFeePico} pico`],
    ["per congestion unit", `${congestionFeePico} pico`],
    ["congestion above", `${targetRatePerMinute} messages a minute`],
    [`a text of ${TYPICAL_BYTES} bytes`, `${decimal(typical)} USD`],
  ];
}

function decimal(pico: bigint): string {
  const fraction = (pico % PICO).toString().padStart(12, "0").replace(/0+$/, "");
  return `${pico / PICO}${fraction && `.${fraction}`}`;
}
