import { isError } from "ethers";

import type { EpochReports } from "#typechain";

import type { Hex } from "../protocol/bytes.ts";
import { revertDataOf } from "./decodeRevert.ts";

/** A receipt, and the report that is said to contradict it. */
export interface ContradictionClaim {
  /** Digest. */
  report: Hex;
  nodeId: number;
  sequenceId: bigint;
  payerEnvelopeHash: Hex;
  /** As FaultProofs takes it, see `encodeContradiction`. */
  proof: Hex;
}

/** Whether EpochReports sees the contradiction, as FaultProofs will ask it. Rejects when the chain does not answer. */
export async function readContradicts(
  epochReports: EpochReports,
  { report, nodeId, sequenceId, payerEnvelopeHash, proof }: ContradictionClaim,
): Promise<boolean> {
  try {
    return await epochReports.contradicts(report, nodeId, sequenceId, payerEnvelopeHash, proof);
  } catch (error) {
    // A proof that it cannot read reverts, and convicts nobody.
    if (isRevert(error)) return false;
    throw error;
  }
}

/** Ethers says so of what an endpoint answers; a chain in this process has the data, which may be none. */
function isRevert(error: unknown): boolean {
  if (isError(error, "CALL_EXCEPTION") || revertDataOf(error) !== undefined) return true;
  return (error as { data?: unknown }).data === "0x";
}
