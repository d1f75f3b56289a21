import { fromBase64Url, toBase64Url } from "../bytes.ts";
import { ProtocolError } from "../errors.ts";
import { MOST_NOTE_BYTES } from "./noteBytes.ts";

/** Metadata of a publish call: packed waivers or wallet consents for its welcomes, base64url, comma between two. */
export const WAIVER_HEADER = "x-postage-waiver";
/** Packed sender tags, one per welcome that has one, in the same way. */
export const SENDER_HEADER = "x-postage-sender";

/** Both as they came, null where they did not. */
export interface StampHeaders {
  waiver: string | null;
  sender: string | null;
}

export const NO_STAMP_HEADERS: StampHeaders = { waiver: null, sender: null };

export function stampHeadersOf(headers: { get(name: string): string | null }): StampHeaders {
  return { waiver: headers.get(WAIVER_HEADER), sender: headers.get(SENDER_HEADER) };
}

/** What one call carries of each. */
export const MOST_PER_HEADER = 64;

export function listToHeader(parts: readonly Uint8Array[]): string {
  return parts.map(toBase64Url).join(",");
}

/**
 * The parts of such a header, none when it is missing. Throws ProtocolError `malformed_header`.
 * @param name for the message
 */
export function listFromHeader(name: string, header: string | null): Uint8Array[] {
  if (header === null) return [];
  const texts = header.split(",", MOST_PER_HEADER + 1).map((text) => text.trim());
  if (texts.length > MOST_PER_HEADER) malformed(name, `has more than ${MOST_PER_HEADER} parts`);
  return texts.map((text) => {
    const bytes = text.length === 0 || text.length > 2 * MOST_NOTE_BYTES ? undefined : fromBase64Url(text);
    return bytes ?? malformed(name, "is base64url without padding, with a comma between two parts");
  });
}

function malformed(name: string, problem: string): never {
  throw new ProtocolError("malformed_header", `header ${name} ${problem}`);
}
