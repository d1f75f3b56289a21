import type { Rates } from "../protocol/fees.ts";
import { baseFeePico, ratesAt } from "../protocol/fees.ts";
import type { NetworkView } from "./views.ts";

/** A read receipt, a chat message, a picture's thumbnail. */
const TYPICAL_BYTES = [500, 1_000, 10_000];

export interface KnownRates {
  /** Ascending by `startAt`. */
  history: readonly Rates[];
  retentionDays: number;
  stampPrice?: bigint;
}

/** What messages cost now, and what they will; nothing when no rates are in force. */
export function feesView(
  { history, retentionDays, stampPrice }: KnownRates,
  nowSeconds: number,
): Pick<NetworkView, "fees"> {
  const now = BigInt(nowSeconds);
  if (history.length === 0) return {};
  const rates = ratesAt(history, now);
  const next = history.find(({ startAt }) => startAt > now);
  return {
    fees: {
      ...{ messageFeePico: String(rates.messageFeePico), storageFeePico: String(rates.storageFeePico) },
      ...{ congestionFeePico: String(rates.congestionFeePico), targetRatePerMinute: Number(rates.targetRatePerMinute) },
      ...{ retentionDays, sinceSeconds: Number(rates.startAt) },
      ...(stampPrice === undefined ? {} : { stampPrice: String(stampPrice) }),
      ...(next
        ? {
            next: {
              atSeconds: Number(next.startAt),
              ...{ messageFeePico: String(next.messageFeePico), storageFeePico: String(next.storageFeePico) },
            },
          }
        : {}),
      typical: TYPICAL_BYTES.map((bytes) => ({ bytes, feePico: String(baseFeePico(rates, bytes, retentionDays)) })),
    },
  };
}
