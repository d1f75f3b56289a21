import type { GasPolicy } from "../../../src/daemon/gasPolicy.ts";
import { isWorth } from "../../../src/daemon/gasPolicy.ts";
import { MOST_ROWS, ROW_GAS, TRANSACTION_GAS } from "../../../src/daemon/settle.ts";
import { VOUCHER_ROW_LENGTH } from "../../../src/protocol/voucher.ts";

const DAY = 86_400;
const GWEI = 1e9;
/** What a settler looks at: every 30 seconds it may settle, and no oftener. */
const SETTLE_SECONDS = 30;
/** USD for one ETH: of the order of 2026; costs scale with it. */
const ETH_USD = 3_000;
const POLICY: GasPolicy = { maxGasBps: 200n, nativeTokenPrice: BigInt(ETH_USD) * 1_000_000n };
const EXPOSURE_CAP = 5_000_000n;

/** Gas and data prices of a busy chain of each kind. */
const CHAINS = {
  "Base, 0.005 gwei": { gasPrice: 0.005 * GWEI, dataWeiPerByte: 2e6 },
  "Base, 0.1 gwei": { gasPrice: 0.1 * GWEI, dataWeiPerByte: 4e7 },
  "Ethereum, 1 gwei": { gasPrice: 1 * GWEI, dataWeiPerByte: 0 },
  "Ethereum, 20 gwei": { gasPrice: 20 * GWEI, dataWeiPerByte: 0 },
};

export interface Settlements {
  usdPerRowDue: number;
  minutesBetweenRows: number;
  rowsPerDay: number;
  transactionsPerDay: number;
  gasPerDay: number;
  usdPerDay: number;
}

export interface Traffic {
  payers: number;
  /** Base units. */
  unitsPerPayerAndSecond: number;
}

/** When payers that spend evenly become due, and what settling them all costs the network in a day. */
export function settlementsOf(traffic: Traffic): Record<string, Settlements> {
  return Object.fromEntries(Object.entries(CHAINS).map(([name, chain]) => [name, onChain(traffic, chain)]));
}

function onChain(
  { payers, unitsPerPayerAndSecond }: Traffic,
  { gasPrice, dataWeiPerByte }: { gasPrice: number; dataWeiPerByte: number },
): Settlements {
  // Rows come in full transactions, so each bears its share of the fixed part.
  const gas = ROW_GAS + TRANSACTION_GAS / BigInt(MOST_ROWS);
  const cost = {
    gas,
    gasPrice: BigInt(Math.round(gasPrice)),
    dataWei: BigInt(Math.round(VOUCHER_ROW_LENGTH * dataWeiPerByte)),
  };
  const due = (value: bigint) => isWorth(POLICY, { ...cost, value, urgent: value * 5n >= EXPOSURE_CAP * 4n });
  let [low, high] = [0n, 1n];
  while (!due(high)) high *= 2n;
  while (high - low > 1n) {
    const middle = (low + high) / 2n;
    if (due(middle)) high = middle;
    else low = middle;
  }
  const seconds = Math.max(Number(high) / unitsPerPayerAndSecond, SETTLE_SECONDS);
  const rowsPerDay = (payers * DAY) / seconds;
  const gasPerDay = rowsPerDay * Number(gas);
  const wei = gasPerDay * gasPrice + rowsPerDay * VOUCHER_ROW_LENGTH * dataWeiPerByte;
  return {
    usdPerRowDue: Number(high) / 1e6,
    minutesBetweenRows: seconds / 60,
    rowsPerDay,
    transactionsPerDay: Math.max(rowsPerDay / MOST_ROWS, Math.min(rowsPerDay, DAY / SETTLE_SECONDS)),
    gasPerDay,
    usdPerDay: (wei / 1e18) * ETH_USD,
  };
}
