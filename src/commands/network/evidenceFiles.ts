import { readFileSync } from "node:fs";

import type { Exhibits } from "../../contracts/faultEvidence.ts";
import { fromHex } from "../../protocol/bytes.ts";
import { CommandError } from "../core/errors.ts";

const HEX = /^(0x)?([0-9a-fA-F]{2})+$/;

/**
 * Stored OriginatorEnvelopes from one or two files: raw bytes, hex, or what a daemon's `/evidence` answers, which holds
 * both. Throws CommandError `bad_file` or `bad_evidence`.
 */
export function readExhibits(files: readonly string[]): Exhibits {
  const envelopes = files.flatMap(readEnvelopes);
  const [first, second, ...more] = envelopes;
  if (!first || more.length > 0) {
    const problem = `one envelope or two make evidence, ${files.join(" and ")} hold ${envelopes.length}`;
    throw new CommandError("bad_evidence", `${problem}: give one file per envelope`);
  }
  return second ? [first, second] : [first];
}

function readEnvelopes(file: string): Uint8Array[] {
  let content: Buffer;
  try {
    content = readFileSync(file);
  } catch (error) {
    throw new CommandError("bad_file", `cannot read the evidence: ${(error as Error).message}`, { cause: error });
  }
  const text = content.toString("latin1").trim();
  if (HEX.test(text)) return [fromHex(text)];
  if (!text.startsWith("{")) return [Uint8Array.from(content)];
  return fromJson(file, text);
}

function fromJson(file: string, text: string): Uint8Array[] {
  try {
    const { envelopes } = JSON.parse(text) as { envelopes?: unknown };
    if (Array.isArray(envelopes) && envelopes.every((one): one is string => typeof one === "string" && HEX.test(one))) {
      return envelopes.map((one) => fromHex(one));
    }
  } catch {
    // Said below.
  }
  const forms = "give an envelope's bytes, their hex, or what a daemon's /evidence answers";
  throw new CommandError("bad_evidence", `${file} is no evidence: ${forms}`);
}
