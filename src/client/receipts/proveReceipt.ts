import type { Hex } from "../../protocol/bytes.ts";
import { toHex } from "../../protocol/bytes.ts";
import { payerEnvelopeHash, readOriginatorEnvelope } from "../../protocol/envelope.ts";
import type { EntryProof } from "../../protocol/report/logProofs.ts";
import type { LogRange } from "../../protocol/report/leaves.ts";
import type { KeptReceipt } from "../ports.ts";
import type { FinalReport, ReportLibrary } from "./reportLibrary.ts";
import { NotServedError } from "./reportLibrary.ts";

/** A final report that has something else in a receipt's place. */
export interface Contradicted {
  kind: "contradicted";
  report: FinalReport;
  range: LogRange;
  entries: EntryProof["entries"];
  /** What the log has there; undefined when it has nothing. */
  payerEnvelopeHash: Hex | undefined;
}

/** What final reports say of a receipt. */
export type Finding =
  | { kind: "included"; report: FinalReport }
  /** Later than what the last final report has of this originator; or earlier than the first report. */
  | { kind: "notCovered" }
  | Contradicted
  /** Some daemon has to show more before anything can be said. */
  | { kind: "unserved"; error: NotServedError };

/**
 * Looks a receipt up in the final report that covers its place, and checks what is served against the roots on chain.
 * `library` says which report is the last: refresh it before. Rejects when the chain does not answer.
 */
export async function proveReceipt(
  receipt: Pick<KeptReceipt, "originatorId" | "sequenceId" | "envelope">,
  library: Pick<ReportLibrary, "covering" | "place">,
  signal: AbortSignal,
): Promise<Finding> {
  try {
    const covering = await library.covering(receipt, signal);
    if (!covering) return { kind: "notCovered" };
    const { report, range } = covering;
    const { entries, finding } = await library.place(report, range, receipt.sequenceId, signal);
    const own = toHex(payerEnvelopeHash(readOriginatorEnvelope(receipt.envelope).payerEnvelope));
    const found = finding.kind === "present" ? finding.payerEnvelopeHash : undefined;
    if (found === own) return { kind: "included", report };
    return { kind: "contradicted", report, range, entries, payerEnvelopeHash: found };
  } catch (error) {
    if (error instanceof NotServedError) return { kind: "unserved", error };
    throw error;
  }
}
