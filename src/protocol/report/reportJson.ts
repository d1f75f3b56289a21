import { z } from "zod";

import type { Hex } from "../bytes.ts";
import type { Report } from "./report.ts";

export const hex32 = z
  .string()
  .regex(/^0x[0-9a-f]{64}$/)
  .transform((text) => text as Hex);

/** A decimal number of at most so many bits. */
export const uint = (bits: number) =>
  z
    .string()
    .regex(/^\d{1,39}$/)
    .transform((text) => BigInt(text))
    .refine((value) => value >> BigInt(bits) === 0n, `more than ${bits} bits`);

export const u32 = z.int().min(0).max(0xffffffff);

export const REPORT_FIELDS = {
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
};
export const reportSchema = z.strictObject(REPORT_FIELDS);

/** Throws what zod throws for anything else. */
export function reportFromJson(json: unknown): Report {
  return reportSchema.parse(json);
}

/** Numbers that can be large as decimal strings. */
export function reportToJson(report: Report): z.input<typeof reportSchema> {
  const { epoch, registryVersion, absentSeats } = report;
  return {
    ...report,
    ...{ epoch: String(epoch), registryVersion: String(registryVersion), absentSeats: String(absentSeats) },
  };
}
