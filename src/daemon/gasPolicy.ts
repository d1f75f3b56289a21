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

/** Base units that something costs on chain. */
export function costInUnits(
  { nativeTokenPrice }: Pick<GasPolicy, "nativeTokenPrice">,
  { gas, gasPrice, dataWei }: Cost,
): bigint {
  return ((gas * gasPrice + dataWei) * nativeTokenPrice) / WEI;
}

/** Of a transaction beside its calldata: its other fields, and what RLP adds. */
const ENVELOPE_BYTES = 120;
/** Selector, offset and length of the one argument of bytes. */
const ARGUMENT_BYTES = 68;

/** Bytes of a transaction that are paid for beside its gas, of calldata with one argument of so many bytes. */
export function transactionBytes(argumentBytes: number): bigint {
  return BigInt(ENVELOPE_BYTES + ARGUMENT_BYTES + argumentBytes);
}

/** What a transaction of this calldata pays for its data, as 0x and hex digits. */
export function dataFeeWei(data: string, dataFeePerByte = 0n): bigint {
  return BigInt(ENVELOPE_BYTES + (data.length - 2) / 2) * dataFeePerByte;
}

/** What something costs on chain: gas at a price, and what is paid for data beside it, in wei. */
export interface Cost {
  gas: bigint;
  gasPrice: bigint;
  dataWei: bigint;
}

/** Whether collecting `value` base units is worth its cost. */
export function isWorth(
  { maxGasBps, nativeTokenPrice }: GasPolicy,
  { value, gas, gasPrice, dataWei, urgent }: Cost & { value: bigint; urgent: boolean },
): boolean {
  const cost = costInUnits({ nativeTokenPrice }, { gas, gasPrice, dataWei });
  const bps = urgent && maxGasBps < URGENT_BPS ? URGENT_BPS : maxGasBps;
  return value > 0n && value * bps >= cost * 10_000n;
}

/** Where gas costs nothing: more than there is of any chain's token, and still a number to divide. */
const NO_LIMIT_WEI = 10n ** 30n;

/**
 * Wei that a transaction may cost for what `isWorth` allows: its data, and the whole gas limit at a price at which `gas`,
 * the part of the limit that is used, costs what is left of its worth.
 */
export function gasBudgetWei(
  { maxGasBps, nativeTokenPrice }: GasPolicy,
  { value, gas, dataWei, urgent }: Omit<Cost, "gasPrice"> & { value: bigint; urgent: boolean },
): bigint {
  if (nativeTokenPrice === 0n) return NO_LIMIT_WEI;
  const bps = urgent && maxGasBps < URGENT_BPS ? URGENT_BPS : maxGasBps;
  const worthWei = (value * bps * WEI) / (10_000n * nativeTokenPrice);
  if (worthWei <= dataWei) return worthWei;
  return dataWei + ((worthWei - dataWei) * withGasMargin(gas)) / gas;
}

/** On an operator's demand: whatever it costs, up to a few times what it costs now. */
export function demandBudgetWei({ gas, gasPrice, dataWei }: Cost): bigint {
  return DEMAND_FACTOR * (withGasMargin(gas) * gasPrice + dataWei);
}
