import { z } from "zod";

import type { Hex } from "../../protocol/bytes.ts";
import { concatBytes } from "../../protocol/bytes.ts";
import type { ReportServers } from "../receipts/ports.ts";

/** Ranges of 512 originators, and debits. */
const MOST_REPORT_BYTES = 1024 * 1024;
/** Two entries, each with a hash per bit of their number. */
const MOST_PROOF_BYTES = 64 * 1024;
const MOST_RANGES = 512;
const MOST_SIBLINGS = 64;

const u32 = z.int().min(0).max(0xffffffff);
const hex32 = z
  .string()
  .regex(/^0x[0-9a-f]{64}$/)
  .transform((text) => text as Hex);
const uint = (bits: number) =>
  z
    .string()
    .regex(/^\d{1,39}$/)
    .transform((text) => BigInt(text))
    .refine((value) => value >> BigInt(bits) === 0n, `more than ${bits} bits`);

const report = z.object({
  shard: u32,
  epoch: uint(64),
  round: u32,
  parent: hex32,
  registryVersion: uint(64),
  logsRoot: hex32,
  usageRoot: hex32,
  stampChargesRoot: hex32,
  stampPayoutsRoot: hex32,
  debitsHash: hex32,
  absentSeats: uint(128),
});
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

/** Reads no more than so many bytes, whatever the daemon sends. */
async function get(httpAddress: string, path: string, signal: AbortSignal, most: number): Promise<unknown> {
  const url = new URL(`${httpAddress.replace(/\/+$/, "")}/reports/${path}`);
  const response = await fetch(url, { signal, redirect: "error" });
  if (!response.ok || !response.body) {
    await response.body?.cancel();
    throw new Error(`it answered ${response.status}`);
  }
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of response.body as unknown as AsyncIterable<Uint8Array>) {
    length += part.length;
    if (length > most) throw new Error(`it answered more than ${most} bytes`);
    parts.push(part);
  }
  return JSON.parse(new TextDecoder().decode(concatBytes(...parts)));
}
