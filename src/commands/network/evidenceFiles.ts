import { readFileSync } from "node:fs";

import type { Exhibits, ReportExhibit } from "../../contracts/faultEvidence.ts";
import { fromHex, toHex } from "../../protocol/bytes.ts";
import { CommandError } from "../core/errors.ts";

const HEX = /^(0x)?([0-9a-fA-F]{2})+$/;

export interface Shown {
  envelopes: Exhibits;
  /** Of the one envelope. */
  contradiction: ReportExhibit | undefined;
}

interface Content {
  envelopes: Uint8Array[];
  contradiction?: ReportExhibit;
}

/**
 * Stored OriginatorEnvelopes from one or two files: raw bytes, hex, or JSON. A daemon's `/evidence` answers JSON that holds
 * both; `receipts prove` writes JSON with a receipt and the report that contradicts it. Throws CommandError `bad_file` or
 * `bad_evidence`.
 */
export function readExhibits(files: readonly string[]): Shown {
  const contents = files.map(readContent);
  const envelopes = contents.flatMap((content) => content.envelopes);
  const contradiction = contents.find((content) => content.contradiction)?.contradiction;
  const [first, second, ...more] = envelopes;
  if (!first || more.length > 0) {
    const problem = `one envelope or two make evidence, ${files.join(" and ")} hold ${envelopes.length}`;
    throw new CommandError("bad_evidence", `${problem}: give one file per envelope`);
  }
  if (contradiction && second) {
    throw new CommandError("bad_evidence", "a receipt that a report contradicts stands alone: give its file only");
  }
  return { envelopes: second ? [first, second] : [first], contradiction };
}

function readContent(file: string): Content {
  let content: Buffer;
  try {
    content = readFileSync(file);
  } catch (error) {
    throw new CommandError("bad_file", `cannot read the evidence: ${(error as Error).message}`, { cause: error });
  }
  const text = content.toString("latin1").trim();
  if (HEX.test(text)) return { envelopes: [fromHex(text)] };
  if (!text.startsWith("{")) return { envelopes: [Uint8Array.from(content)] };
  return fromJson(file, text);
}

function fromJson(file: string, text: string): Content {
  try {
    const { envelopes, report, proof } = JSON.parse(text) as Record<string, unknown>;
    if (Array.isArray(envelopes) && envelopes.every(isHex)) {
      const read = envelopes.map((one) => fromHex(one));
      if (report === undefined && proof === undefined) return { envelopes: read };
      if (isHex(report) && fromHex(report).length === 32 && isHex(proof)) {
        return { envelopes: read, contradiction: { report: toHex(fromHex(report)), proof: toHex(fromHex(proof)) } };
      }
    }
  } catch {
    // Said below.
  }
  const forms = "give an envelope's bytes, their hex, what a daemon's /evidence answers, or what receipts prove writes";
  throw new CommandError("bad_evidence", `${file} is no evidence: ${forms}`);
}

function isHex(value: unknown): value is string {
  return typeof value === "string" && HEX.test(value);
}
