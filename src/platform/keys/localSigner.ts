import { Wallet } from "ethers";

import type { TransactionSigner } from "./transactionSigner.ts";

/** Signs with a key in this process. The same transaction always gets the same bytes. */
export function localSigner(key: Uint8Array): TransactionSigner {
  const wallet = new Wallet(`0x${Buffer.from(key).toString("hex")}`);
  return {
    address: wallet.address.toLowerCase() as `0x${string}`,
    async sign(transaction) {
      return (await wallet.signTransaction({ ...transaction, type: 2, value: 0n })) as `0x${string}`;
    },
  };
}
