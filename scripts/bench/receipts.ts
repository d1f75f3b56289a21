import type { TransactionReceipt } from "ethers";

import type { World } from "../../test/contracts/fixtures.ts";

export type Sent = Promise<{ wait(): Promise<TransactionReceipt | null> }>;

/** Of a measured transaction, which has to succeed. */
export async function receiptOf(sent: Sent): Promise<TransactionReceipt> {
  const receipt = await (await sent).wait();
  if (receipt?.status !== 1) throw new Error("a measured transaction failed");
  return receipt;
}

export async function gasOf(sent: Sent): Promise<number> {
  return Number((await receiptOf(sent)).gasUsed);
}

/** What the simulated Base charged for the transaction's data, wei. */
export async function dataFeeOf(world: World, hash: string): Promise<number> {
  const params = [hash];
  const receipt: unknown = await world.net.provider.request({ method: "eth_getTransactionReceipt", params });
  const fee = Number((receipt as { l1Fee?: string }).l1Fee);
  if (!(fee > 0)) throw new Error("the simulated chain charges no data fee: L1Block is not written as it reads it");
  return fee;
}
