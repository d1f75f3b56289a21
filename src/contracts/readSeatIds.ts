import type { NodeSeats } from "#typechain";

import { bytesToUint, fromHex } from "../protocol/bytes.ts";

/** The sum of all keys is in front; then per seat `id 4 | weight 12 | key 192`. See IRegistryVersions. */
const SUM_LENGTH = 192;
const SEAT_LENGTH = 208;
const ID_LENGTH = 4;

/** The nodes with a seat in a registry version, by position. Rejects for an unknown version. */
export async function readSeatIds(nodeSeats: NodeSeats, version: bigint): Promise<number[]> {
  const blob = fromHex(await nodeSeats.blobOf(version));
  const ids: number[] = [];
  for (let at = SUM_LENGTH; at + SEAT_LENGTH <= blob.length; at += SEAT_LENGTH) {
    ids.push(Number(bytesToUint(blob.subarray(at, at + ID_LENGTH))));
  }
  return ids;
}
