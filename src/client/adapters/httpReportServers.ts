import { z } from "zod";

import { fetchJson } from "../../platform/fetchBounded.ts";
import { REPORT_FIELDS, hex32, u32, uint } from "../../protocol/report/reportJson.ts";
import type { ReportServers } from "../receipts/ports.ts";

/** Ranges of 512 originators, and debits. */
const MOST_REPORT_BYTES = 1024 * 1024;
/** Two entries, each with a hash per bit of their number. */
const MOST_PROOF_BYTES = 64 * 1024;
const MOST_RANGES = 512;
const MOST_SIBLINGS = 64;

const report = z.object(REPORT_FIELDS);
const range = z.object({
  originatorId: u32,
  firstSequenceId: uint(64),
  lastSequenceId: uint(64),
  firstMinute: u32,
  lastMinute: u32,
  count: uint(64),
  root: hex32,
});
const proof = z.object({
  index: z.int().min(0),
  count: z.int().min(0),
  total: uint(128),
  siblings: z.array(hex32).max(MOST_SIBLINGS),
});
const entry = z.object({ sequenceId: uint(64), payerEnvelopeHash: hex32, proof });

const reportAnswer = z.object({ report, ranges: z.array(range).max(MOST_RANGES) });
const entryAnswer = z.object({ entry: z.object({ entries: z.array(entry).max(2) }) });

/** Asks daemons at their nodes' registered addresses. */
export const httpReportServers: ReportServers = {
  async report(httpAddress, digest, signal) {
    return reportAnswer.parse(await get(httpAddress, digest, signal, MOST_REPORT_BYTES));
  },

  async entry(httpAddress, { digest, originatorId, sequenceId }, signal) {
    const path = `${digest}/ranges/${originatorId}/${sequenceId}`;
    return entryAnswer.parse(await get(httpAddress, path, signal, MOST_PROOF_BYTES)).entry;
  },
};

function get(httpAddress: string, path: string, signal: AbortSignal, most: number): Promise<unknown> {
  return fetchJson(httpAddress, `/reports/${path}`, { signal }, most, "it");
}
