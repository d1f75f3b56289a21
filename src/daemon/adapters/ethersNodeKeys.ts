import type { Contracts } from "../../contracts/connectContracts.ts";
import type { NodeKeys } from "../ports.ts";

/** Signing keys and their history, as the registry has them. */
export function ethersNodeKeys({ nodeRegistry }: Pick<Contracts, "nodeRegistry">): NodeKeys {
  return {
    async keyOf(nodeId, signer) {
      const { known, retiredAt } = await nodeRegistry.keyOf(nodeId, signer);
      if (!known) return undefined;
      return retiredAt === 0n ? {} : { retiredAt };
    },
  };
}
