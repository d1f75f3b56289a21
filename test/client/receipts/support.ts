import type { GatewayStore, KeptReceipt } from "../../../src/client/ports.ts";
import { concatBytes, uintToBytes } from "../../../src/protocol/bytes.ts";
import type { OriginatorFields } from "../../../src/protocol/envelope.ts";
import { signOriginatorEnvelope } from "../../../src/protocol/envelope.ts";
import { CHANNEL } from "../support/fakeNetwork.ts";

export const keyOfNode = (nodeId: number) => new Uint8Array(32).fill(0x20 + (nodeId % 97));

/** What a node signs, as it serves it. */
export function signedEnvelope(
  originatorId: number,
  sequenceId: bigint,
  changes: Partial<OriginatorFields> = {},
  key: Uint8Array = keyOfNode(originatorId),
): Uint8Array {
  const payerEnvelope = concatBytes(uintToBytes(BigInt(originatorId), 4), uintToBytes(sequenceId, 8));
  const fields = { originatorId, sequenceId, originatorNs: 1_000_000_000n, payerEnvelope };
  return signOriginatorEnvelope({ ...fields, baseFeePico: 1n, congestionFeePico: 0n, expiryAt: 0n, ...changes }, key);
}

export function keptReceipt(originatorId: number, sequenceId: bigint): KeptReceipt {
  const envelope = signedEnvelope(originatorId, sequenceId);
  return { originatorId, sequenceId, envelope, keptAt: 1_000, contradiction: undefined };
}

/** Writes receipts as the ledger does, one a commit. */
export async function commitReceipts(store: GatewayStore, receipts: readonly KeptReceipt[]): Promise<void> {
  const known = await store.loadChannel(CHANNEL);
  let revision = known?.revision ?? 0n;
  for (const receipt of [undefined, ...receipts]) {
    const state = { usagePico: 5n, usageByNode: new Map(), voucherRow: undefined, doubles: 0n, revision: ++revision };
    await store.commit({ channel: CHANNEL, state, ...(receipt ? { receipt } : {}) });
  }
}
