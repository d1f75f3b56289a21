import { toBeHex } from "ethers";

/**
 * What Base charges a transaction for its data, simulated: the L1Block predeploy is empty on a local chain and the fee
 * would be 0. The scalars are Base's own; the two L1 prices are assumed, and stated with every figure.
 */
export const DATA_FEE = {
  startsAt: new Date("2027-01-01T00:00:00Z"),
  l1BaseFeeWei: 1_000_000_000n,
  l1BlobBaseFeeWei: 100_000_000n,
  baseFeeScalar: 2_269n,
  blobBaseFeeScalar: 1_055_762n,
} as const;

const L1_BLOCK = "0x4200000000000000000000000000000000000015";

interface Provider {
  request(call: { method: string; params: unknown[] }): Promise<unknown>;
}

/** Slots 1, 3 and 7 of L1Block: base fee, the two scalars, blob base fee. */
export async function writeDataFeeParameters(provider: Provider): Promise<void> {
  const slots: [bigint, bigint][] = [
    [1n, DATA_FEE.l1BaseFeeWei],
    [3n, (DATA_FEE.baseFeeScalar << 96n) | (DATA_FEE.blobBaseFeeScalar << 64n)],
    [7n, DATA_FEE.l1BlobBaseFeeWei],
  ];
  for (const [slot, value] of slots) {
    await provider.request({
      method: "hardhat_setStorageAt",
      params: [L1_BLOCK, `0x${slot.toString(16)}`, toBeHex(value, 32)],
    });
  }
}
