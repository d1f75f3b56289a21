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

const ID_STEP = 100;
/** Nodes without a seat that are read, the latest ones: registering costs a stake, so they are few. */
const MOST_UNSEATED = 500;

/** Every node with a seat in this epoch or the next. Rejects when the chain does not answer. */
export async function readNodes(nodeRegistry: NodeRegistry): Promise<RegistryNode[]> {
  const nodes = await nodeRegistry.getAllNodes();
  return nodes.map(({ nodeId, node }) => toRegistryNode(nodeId, node));
}

/** Also the latest 500 of those without a seat, whether they wait for one or have left. */
export async function readAllNodes(nodeRegistry: NodeRegistry): Promise<RegistryNode[]> {
  const [seated, last] = await Promise.all([readNodes(nodeRegistry), nodeRegistry.lastNodeId()]);
  const known = new Set(seated.map(({ id }) => id));
  const unseated: number[] = [];
  for (let id = Number(last); id > 0 && unseated.length < MOST_UNSEATED; id -= ID_STEP) {
    if (!known.has(id)) unseated.push(id);
  }
  const others = unseated.map(async (id) => toRegistryNode(id, await nodeRegistry.getNode(id)));
  return [...seated, ...(await Promise.all(others))].sort((a, b) => a.id - b.id);
}

function toRegistryNode(
  id: bigint | number,
  { signer, isCanonical, httpAddress }: { signer: string; isCanonical: boolean; httpAddress: string },
): RegistryNode {
  return { id: Number(id), signer: toAddress(signer), isCanonical, httpAddress };
}
