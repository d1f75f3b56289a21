import type { Provider, Signer } from "ethers";

import type { Contracts } from "../../contracts/connectContracts.ts";
import { readNodes } from "../../contracts/readNodes.ts";
import { readPot } from "../../contracts/readPot.ts";
import type { Hex } from "../../protocol/bytes.ts";
import { StampsError } from "../stamps/errors.ts";
import type { StampsChain } from "../stamps/ports.ts";

export interface EthersStampsChainOptions {
  contracts: Pick<Contracts, "stamps" | "nodeRegistry">;
  provider: Pick<Provider, "getBlock">;
  chainId: bigint;
}

/** Stamps over ethers. `contracts` only read. */
export function ethersStampsChain({ contracts, provider, chainId }: EthersStampsChainOptions): StampsChain {
  const { stamps, nodeRegistry } = contracts;
  return {
    nodes: () => readNodes(nodeRegistry),
    async now() {
      const block = await provider.getBlock("latest");
      if (!block) throw new Error("the chain has no latest block");
      return BigInt(block.timestamp);
    },
    pot: (digest) => readPot(stamps, digest),
    isClaimed: (digest, index) => stamps.isClaimed(digest, index),
    async claim(sender: Signer, digest, { leaf, proof }) {
      const network = await sender.provider?.getNetwork();
      if (network && network.chainId !== chainId) {
        const problem = `the signer is on chain ${network.chainId}, the network on ${chainId}`;
        throw new StampsError("wrong_chain", `${problem}: switch the wallet's chain`);
      }
      const sent = await stamps.connect(sender).claim(digest, leaf.account, leaf.amount, proof);
      const receipt = await sent.wait();
      const address = (await stamps.getAddress()).toLowerCase();
      for (const log of receipt?.logs ?? []) {
        const event = log.address.toLowerCase() === address ? stamps.interface.parseLog(log) : null;
        if (event?.name !== "Claimed") continue;
        const { amount, credited } = event.args as unknown as { amount: bigint; credited: boolean };
        return { transactionHash: sent.hash as Hex, amount, isCredited: credited };
      }
      const problem = `transaction ${sent.hash} was not seen to pay`;
      throw new StampsError("chain_unavailable", `${problem}: try again, it pays once`, { retryable: true });
    },
  };
}
