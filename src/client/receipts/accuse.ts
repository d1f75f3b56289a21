import { encodeContradiction } from "../../contracts/contradiction.ts";
import type { Hex } from "../../protocol/bytes.ts";
import { toHex } from "../../protocol/bytes.ts";
import { recoverAddress } from "../../protocol/ecdsa.ts";
import { originatorDigest, payerEnvelopeHash } from "../../protocol/envelope.ts";
import { readAsGo, readSignedAsGo } from "../../protocol/goEnvelope.ts";
import { logsTree } from "../../protocol/report/leaves.ts";
import { proveLeaf } from "../../protocol/report/tree.ts";
import type { KeptReceipt } from "../ports.ts";
import type { ReportsChain } from "./ports.ts";
import type { Contradicted } from "./proveReceipt.ts";

/** What convicts a node of a receipt, or why nothing does. */
export type Accusation = { kind: "evidence"; report: Hex; proof: Hex } | { kind: "none"; reason: string };

/**
 * Turns a contradicted receipt into what FaultProofs takes. Whatever was read before is asked again: an honest node is
 * never accused of a receipt from outside the range, of a report that is not final or that it did not sign, or of what it
 * did not sign itself. Rejects when the chain does not answer.
 */
export async function accuse(
  { originatorId, sequenceId, envelope }: Pick<KeptReceipt, "originatorId" | "sequenceId" | "envelope">,
  { report: { digest, report, ranges }, range, entries }: Contradicted,
  chain: ReportsChain,
  signal: AbortSignal,
): Promise<Accusation> {
  const none = (reason: string): Accusation => ({ kind: "none", reason });
  // As the contract reads it.
  const signed = readSignedAsGo(envelope);
  const read = signed && readAsGo(signed.unsigned);
  if (!read || read.originatorNodeId !== originatorId || read.sequenceId !== sequenceId) {
    return none("the chain reads its bytes otherwise");
  }
  if (sequenceId < range.firstSequenceId || sequenceId > range.lastSequenceId) {
    return none("it lies outside the range that the report gives the node");
  }
  const signer = recoverAddress(originatorDigest(signed.unsigned), signed.signature);
  const key = signer && (await chain.signingKey(originatorId, signer, signal));
  if (!key) return none("no key signed it that the node has or had");
  if (key.takenUntil !== undefined && (await chain.now(signal)) >= key.takenUntil) {
    return none("its key was retired too long ago");
  }
  if (!(await chain.isFinal(digest, signal))) return none("the report is not final");
  const position = (await chain.seats(report.registryVersion, signal)).indexOf(originatorId);
  if (position < 0) return none("the node had no seat when the report was made");
  if (((await chain.signers(digest, signal)) >> BigInt(position)) % 2n === 0n) {
    return none("the node did not attest the report: the log is not its word");
  }
  const index = ranges.findIndex((one) => one.originatorId === originatorId);
  const provedRange = { range, proof: proveLeaf(logsTree(ranges), index) };
  const proof = encodeContradiction({ report, position, range: provedRange, entries });
  const hash = toHex(payerEnvelopeHash(read.payerEnvelope));
  const claim = { report: digest, nodeId: originatorId, sequenceId, payerEnvelopeHash: hash, proof };
  if (!(await chain.contradicts(claim, signal))) return none("the chain sees no contradiction");
  return { kind: "evidence", report: digest, proof };
}
