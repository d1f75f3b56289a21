import type { NodeRegistry } from "#typechain";

import type { Address } from "../protocol/bytes.ts";
import { toAddress } from "../protocol/bytes.ts";

export interface RegistryNode {
  id: number;
  /** The account whose key signs the node's envelopes. */
  signer: Address;
  /** Holds an active seat. */
  isCanonical: boolean;
  httpAddress: string;
}

/** Every registered node, seated or not. Rejects when the chain does not answer. */
export async function readNodes(nodeRegistry: NodeRegistry): Promise<RegistryNode[]> {
  const nodes = await nodeRegistry.getAllNodes();
  return nodes.map(({ nodeId, node: { signer, isCanonical, httpAddress } }) => ({
    ...{ id: Number(nodeId), signer: toAddress(signer), isCanonical, httpAddress },
  }));
}
