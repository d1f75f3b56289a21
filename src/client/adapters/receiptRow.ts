import type { Hex } from "../../protocol/bytes.ts";
import { toHex } from "../../protocol/bytes.ts";
import type { KeptReceipt } from "../ports.ts";

/** A receipt that is kept, as both databases have it. */
export interface ReceiptRow {
  originator_id: bigint;
  sequence_id: string;
  envelope: Uint8Array;
  kept_at: bigint;
  report: Uint8Array | null;
  proof: Uint8Array | null;
  reason: string | null;
}

export function toReceipt(row: ReceiptRow): KeptReceipt {
  const hex = (bytes: Uint8Array | null): Hex | undefined => (bytes ? toHex(bytes) : undefined);
  const { report, proof, reason } = row;
  return {
    originatorId: Number(row.originator_id),
    sequenceId: BigInt(row.sequence_id),
    envelope: new Uint8Array(row.envelope),
    keptAt: Number(row.kept_at),
    contradiction: report ? { report: toHex(report), proof: hex(proof), reason: reason ?? undefined } : undefined,
  };
}
