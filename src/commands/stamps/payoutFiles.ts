import { readFileSync } from "node:fs";

import { z } from "zod";

import type { Hex } from "../../protocol/bytes.ts";
import { toAddress } from "../../protocol/bytes.ts";
import type { PayoutLeaf } from "../../protocol/report/leaves.ts";
import type { LeafProof } from "../../protocol/report/tree.ts";
import { CommandError } from "../core/errors.ts";

const whole = z.union([z.string().regex(/^\d{1,39}$/), z.int().nonnegative()]).transform(BigInt);
const payoutSchema = z.object({
  leaf: z.object({
    account: z
      .string()
      .regex(/^0x[0-9a-fA-F]{40}$/)
      .transform((text) => toAddress(text)),
    amount: whole,
  }),
  proof: z.object({
    index: z.int().nonnegative(),
    count: z.int().nonnegative(),
    total: whole,
    siblings: z
      .array(
        z
          .string()
          .regex(/^0x[0-9a-fA-F]{64}$/)
          .transform((text) => text.toLowerCase() as Hex),
      )
      .max(64),
  }),
});

/** A payout of a report and the proof of it. */
export interface ProvedPayout {
  leaf: PayoutLeaf;
  proof: LeafProof;
}

/** Payouts from files, each with one or a list of `{ leaf, proof }`. Throws CommandError `bad_file`. */
export function readPayouts(files: readonly string[]): ProvedPayout[] {
  return files.flatMap((file) => {
    try {
      const json = JSON.parse(readFileSync(file, "utf8")) as unknown;
      return z.array(payoutSchema).parse(Array.isArray(json) ? json : [json]);
    } catch (cause) {
      const form = '{"leaf":{"account","amount"},"proof":{"index","count","total","siblings"}}, one or a list of them';
      throw new CommandError("bad_file", `${file} has no payouts of a report: they are ${form}`, { cause });
    }
  });
}

/** Throws CommandError `bad_identifier`. */
export function parseDigest(text: string): Hex {
  if (/^0x[0-9a-fA-F]{64}$/.test(text)) return text.toLowerCase() as Hex;
  throw new CommandError("bad_identifier", `"${text}" is no report's digest, which is 0x and 64 hex digits`);
}
