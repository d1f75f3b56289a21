import type { Provider } from "ethers";
import { JsonRpcApiProvider } from "ethers";

/**
 * What the L2s of the OP stack charge for a transaction's bytes, beside its gas: in receipts as `l1Fee`, which ethers leaves out.
 * A chain whose receipt has none is asked no second time.
 */
export function dataFees(provider: Provider): (hash: string) => Promise<bigint> {
  let hasNone = !(provider instanceof JsonRpcApiProvider);
  return async (hash) => {
    if (hasNone) return 0n;
    const receipt = (await (provider as JsonRpcApiProvider).send("eth_getTransactionReceipt", [hash])) as {
      l1Fee?: string;
    } | null;
    if (!receipt) throw new Error(`the endpoint no longer shows the receipt of ${hash}`);
    hasNone = receipt.l1Fee === undefined;
    return hasNone ? 0n : BigInt(receipt.l1Fee!);
  };
}
