import type { NodeSeats } from "#typechain";

import { bytesToUint, fromHex } from "../protocol/bytes.ts";

/** The sum of all keys is in front; then per seat `id 4 | weight 12 | key 192`. See IRegistryVersions. */
const [SUM_LENGTH, SEAT_LENGTH] = [192, 208];

/** A seat of a registry version. */
export interface VersionSeat {
  nodeId: number;
  weight: bigint;
  /** 192 bytes. */
  attestationKey: Uint8Array;
}

/** The seats of a registry version, by position. Rejects for an unknown version. */
export async function readSeats(nodeSeats: NodeSeats, version: bigint): Promise<VersionSeat[]> {
  const blob = fromHex(await nodeSeats.blobOf(version));
  const count = Math.floor((blob.length - SUM_LENGTH) / SEAT_LENGTH);
  return Array.from({ length: count }, (_, i) => {
    const row = blob.subarray(SUM_LENGTH + i * SEAT_LENGTH, SUM_LENGTH + (i + 1) * SEAT_LENGTH);
    return {
      nodeId: Number(bytesToUint(row.subarray(0, 4))),
      weight: bytesToUint(row.subarray(4, 16)),
      attestationKey: row.slice(16),
    };
  });
}
