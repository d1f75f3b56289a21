/** A seat of a registry version: its position is its bit. */
export interface Seat {
  nodeId: number;
  weight: bigint;
  /** 192 bytes. */
  attestationKey: Uint8Array;
}

export interface SeatList {
  version: bigint;
  /** By position. */
  seats: readonly Seat[];
}

/** Whether nodes hold more than two thirds of the weight and are more than half of the seats. Others than seats count nothing. */
export function isQuorum({ seats }: SeatList, nodeIds: ReadonlySet<number>): boolean {
  const there = seats.filter(({ nodeId }) => nodeIds.has(nodeId));
  return 3n * weightOf(there) > 2n * weightOf(seats) && 2 * there.length > seats.length;
}

/** The bits of nodes. */
export function bitsOf({ seats }: SeatList, nodeIds: ReadonlySet<number>): bigint {
  return seats.reduce((bits, { nodeId }, i) => (nodeIds.has(nodeId) ? bits | (1n << BigInt(i)) : bits), 0n);
}

/** The nodes of bits. */
export function nodesOf({ seats }: SeatList, bits: bigint): number[] {
  return seats.filter((_, i) => (bits >> BigInt(i)) & 1n).map(({ nodeId }) => nodeId);
}

function weightOf(seats: readonly Seat[]): bigint {
  return seats.reduce((sum, { weight }) => sum + weight, 0n);
}
