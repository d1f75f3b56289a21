import type { RateRegistry } from "#typechain";

import type { Rates } from "../protocol/fees.ts";

const RATES_PER_CALL = 100n;
/** Governance schedules rates at least a day apart; more than this is not our registry. */
const MOST_RATES = 10_000n;

/** Every rate that was ever scheduled, ascending by `startAt`, for `ratesAt`. Rejects when the chain does not answer. */
export async function readRates(rateRegistry: RateRegistry): Promise<Rates[]> {
  const count = await rateRegistry.getRatesCount();
  if (count > MOST_RATES) throw new Error(`the RateRegistry lists ${count} rates, at most ${MOST_RATES} are read`);
  const history: Rates[] = [];
  for (let from = 0n; from < count; from += RATES_PER_CALL) {
    const left = count - from;
    const page = await rateRegistry.getRates(from, left < RATES_PER_CALL ? left : RATES_PER_CALL);
    for (const { messageFee, storageFee, congestionFee, targetRatePerMinute, startTime } of page) {
      history.push({
        messageFeePico: messageFee,
        storageFeePico: storageFee,
        congestionFeePico: congestionFee,
        targetRatePerMinute,
        startAt: startTime,
      });
    }
  }
  return history;
}
