import type { Signer } from "ethers";

import { ethersTransactions } from "../../src/daemon/adapters/ethersTransactions.ts";
import type { Transactions } from "../../src/daemon/transactions/send.ts";
import type { Hex } from "../../src/protocol/bytes.ts";

/** Sends with an account of the simulated chain, which has no key to sign with and mines at once. */
export function walletTransactions(signer: Signer): Transactions {
  return {
    async send({ to, data }) {
      const { hash } = (await (await signer.sendTransaction({ to, data })).wait())!;
      return (await ethersTransactions(signer.provider!).receipt(hash as Hex))!;
    },
    underway: async () => [],
  };
}
