import type { NodeRegistry } from "#typechain";

import type { Address } from "../protocol/bytes.ts";

/** A signing key that a node has, or had. */
export interface SigningKey {
  /** Unix seconds; undefined while it is in use. */
  retiredAt: bigint | undefined;
  /** Until when evidence under it is taken, unix seconds; undefined while it is in use. */
  takenUntil: bigint | undefined;
}

/** Undefined for a key that never was the node's. Rejects when the chain does not answer. */
export async function readSigningKey(
  nodeRegistry: NodeRegistry,
  nodeId: number,
  signer: Address,
): Promise<SigningKey | undefined> {
  const { known, retiredAt, takenUntil } = await nodeRegistry.keyOf(nodeId, signer);
  if (!known) return undefined;
  const isRetired = retiredAt > 0n;
  return { retiredAt: isRetired ? retiredAt : undefined, takenUntil: isRetired ? takenUntil : undefined };
}
