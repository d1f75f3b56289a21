/** What gas may cost. */
export interface GasPolicy {
  /** Routine work costs at most this part of what it collects, in basis points. */
  maxGasBps: bigint;
  /** Price of the chain's own token: base units of the fee token for 1e18 wei. */
  nativeTokenPrice: bigint;
}

const WEI = 10n ** 18n;
/** Work with a deadline, or at the exposure cap, may cost up to half of what it saves. */
const URGENT_BPS = 5_000n;

/** Whether collecting `value` base units is worth `gas` at this price. */
export function isWorth(
  { maxGasBps, nativeTokenPrice }: GasPolicy,
  { value, gas, gasPrice, urgent }: { value: bigint; gas: bigint; gasPrice: bigint; urgent: boolean },
): boolean {
  const cost = (gas * gasPrice * nativeTokenPrice) / WEI;
  const bps = urgent && maxGasBps < URGENT_BPS ? URGENT_BPS : maxGasBps;
  return value > 0n && value * bps >= cost * 10_000n;
}
