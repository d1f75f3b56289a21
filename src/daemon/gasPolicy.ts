import { withGasMargin } from "../contracts/transactionSender.ts";

/** What gas may cost. */
export interface GasPolicy {
  /** Routine work costs at most this part of what it collects, in basis points. */
  maxGasBps: bigint;
  /** Price of the chain's own token: base units of the fee token for 1e18 wei. */
  nativeTokenPrice: bigint;
}

const WEI = 10n ** 18n;
const DEMAND_FACTOR = 4n;
/** Work with a deadline, or at the exposure cap, may cost up to half of what it saves. */
const URGENT_BPS = 5_000n;

/** Base units that so much gas costs at this price. */
export function gasCostOf(
  { nativeTokenPrice }: Pick<GasPolicy, "nativeTokenPrice">,
  { gas, gasPrice }: { gas: bigint; gasPrice: bigint },
): bigint {
  return (gas * gasPrice * nativeTokenPrice) / WEI;
}

/** Whether collecting `value` base units is worth `gas` at this price. */
export function isWorth(
  { maxGasBps, nativeTokenPrice }: GasPolicy,
  { value, gas, gasPrice, urgent }: { value: bigint; gas: bigint; gasPrice: bigint; urgent: boolean },
): boolean {
  const cost = gasCostOf({ nativeTokenPrice }, { gas, gasPrice });
  const bps = urgent && maxGasBps < URGENT_BPS ? URGENT_BPS : maxGasBps;
  return value > 0n && value * bps >= cost * 10_000n;
}

/** Where gas costs nothing: more than there is of any chain's token, and still a number to divide. */
const NO_LIMIT_WEI = 10n ** 30n;

/**
 * Wei that gas may cost for what `isWorth` allows: the whole gas limit at a price at which `gas`, the part of the limit
 * that is used, costs what it is worth.
 */
export function gasBudgetWei(
  { maxGasBps, nativeTokenPrice }: GasPolicy,
  { value, gas, urgent }: { value: bigint; gas: bigint; urgent: boolean },
): bigint {
  if (nativeTokenPrice === 0n) return NO_LIMIT_WEI;
  const bps = urgent && maxGasBps < URGENT_BPS ? URGENT_BPS : maxGasBps;
  const worthWei = (value * bps * WEI) / (10_000n * nativeTokenPrice);
  return (worthWei * withGasMargin(gas)) / gas;
}

/** On an operator's demand: whatever gas costs, up to a few times what it costs now. */
export function demandBudgetWei(gas: bigint, gasPrice: bigint): bigint {
  return DEMAND_FACTOR * withGasMargin(gas) * gasPrice;
}
