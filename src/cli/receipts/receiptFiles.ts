import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { z } from "zod";

import type { KeptReceipt } from "../../index.ts";
import { CommandError } from "../../commands/core/errors.ts";
import type { Hex } from "../../protocol/bytes.ts";
import { fromHex, toHex } from "../../protocol/bytes.ts";
import { readOriginatorEnvelope } from "../../protocol/envelope.ts";
import { ProtocolError } from "../../protocol/errors.ts";

/** A file of receipts that is read whole; more have to be split. */
const MOST_FILE_BYTES = 256 * 1024 * 1024;

const hex = z
  .string()
  .regex(/^0x([0-9a-f]{2})*$/)
  .transform((text) => text as Hex);
const line = z.object({
  envelope: hex,
  keptAt: z.int().min(0),
  contradiction: z.object({ report: hex, proof: hex.optional(), reason: z.string().optional() }).optional(),
});

/** One receipt as a line of JSON, with what is needed to read it without this program. */
export function receiptLine({ originatorId, sequenceId, envelope, keptAt, contradiction }: KeptReceipt): string {
  const place = { node: originatorId, sequenceId: String(sequenceId) };
  return JSON.stringify({ ...place, keptAt, contradiction, envelope: toHex(envelope) });
}

/** Receipts from what `receipts export` wrote. Throws CommandError `bad_file`. */
export function readReceipts(file: string): KeptReceipt[] {
  let text: string;
  try {
    const bytes = readFileSync(file);
    if (bytes.length > MOST_FILE_BYTES) throw new Error(`it has more than ${MOST_FILE_BYTES} bytes: split it`);
    text = bytes.toString("utf8");
  } catch (error) {
    throw new CommandError("bad_file", `cannot read the receipts: ${(error as Error).message}`, { cause: error });
  }
  const lines = text.split("\n").filter((one) => one.trim() !== "");
  return lines.map((one, i) => {
    try {
      const { envelope, keptAt, contradiction } = line.parse(JSON.parse(one));
      const { originatorId, sequenceId } = readOriginatorEnvelope(fromHex(envelope));
      const found = contradiction && {
        report: contradiction.report,
        proof: contradiction.proof,
        reason: contradiction.reason,
      };
      return { originatorId, sequenceId, envelope: fromHex(envelope), keptAt, contradiction: found };
    } catch (error) {
      if (!(error instanceof z.ZodError || error instanceof SyntaxError || error instanceof ProtocolError)) throw error;
      const problem = `line ${i + 1} of ${file} is no receipt`;
      throw new CommandError("bad_file", `${problem}: give what \`receipts export\` wrote`, { cause: error });
    }
  });
}

/** Writes what `fault prove` takes, and answers the file's name; one that says the same already stays. */
export function writeEvidence(directory: string, name: string, evidence: object): string {
  const file = join(directory, name);
  const text = `${JSON.stringify(evidence, undefined, 2)}\n`;
  try {
    mkdirSync(directory, { recursive: true });
    writeFileSync(file, text, { flag: "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") {
      throw new CommandError("bad_file", `cannot write evidence: ${(error as Error).message}`, { cause: error });
    }
    if (readFileSync(file, "utf8") !== text) {
      throw new CommandError("file_exists", `${file} says something else: name another directory`, { cause: error });
    }
  }
  return file;
}
