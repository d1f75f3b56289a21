import type { Provider } from "ethers";
import { Interface } from "ethers";

import type { Clock } from "../../platform/clock.ts";
import { systemClock } from "../../platform/clock.ts";

/** Where chains of the OP stack, Base among them, say what a transaction pays for its data on L1. */
export const GAS_PRICE_ORACLE = "0x420000000000000000000000000000000000000F";
const oracle = new Interface(["function getL1FeeUpperBound(uint256 unsignedTxSize) view returns (uint256)"]);
/** The fee is linear in the size, with a part taken off: per byte of the largest it is enough for every other. */
const SAMPLE_BYTES = 131_072n;
/** The oracle's bound leaves out what its compression adds to bytes that do not compress: one in 32. */
const [LITERAL_BYTES, LITERAL_RUN_BYTES] = [32n, 33n];
/** L1's price moves an eighth per 12 s at most, as a rule far less. */
const REMEMBERED_MS = 60_000;

/**
 * Most wei that a byte of a transaction costs beside its gas, as the chain's own oracle bounds it; 0 on a chain that has
 * no such oracle. Rejects when the chain cannot be asked.
 */
export function dataFeePerByte(
  provider: Pick<Provider, "getCode" | "call">,
  clock: Pick<Clock, "elapsed"> = systemClock,
): () => Promise<bigint> {
  let hasOracle: boolean | undefined;
  let last: { fee: bigint; at: number } | undefined;
  return async () => {
    hasOracle ??= (await provider.getCode(GAS_PRICE_ORACLE)) !== "0x";
    if (!hasOracle) return 0n;
    if (last && clock.elapsed() - last.at < REMEMBERED_MS) return last.fee;
    const data = oracle.encodeFunctionData("getL1FeeUpperBound", [SAMPLE_BYTES]);
    const answer = await provider.call({ to: GAS_PRICE_ORACLE, data });
    const [bound] = oracle.decodeFunctionResult("getL1FeeUpperBound", answer) as unknown as [bigint];
    const part = SAMPLE_BYTES * LITERAL_BYTES;
    last = { fee: (bound * LITERAL_RUN_BYTES + part - 1n) / part, at: clock.elapsed() };
    return last.fee;
  };
}
