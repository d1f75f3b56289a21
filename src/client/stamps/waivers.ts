import type { Address, Hex } from "../../protocol/bytes.ts";
import { bytesToUint, fromBase64Url, toAddress, toBase64Url } from "../../protocol/bytes.ts";
import { MOST_PER_HEADER, WAIVER_HEADER, listFromHeader, listToHeader } from "../../protocol/stamps/headers.ts";
import type { Waiver } from "../../protocol/stamps/notes.ts";
import type { FreePass } from "../../protocol/stamps/rules.ts";
import { isFreePass } from "../../protocol/stamps/rules.ts";
import { readNote } from "../../protocol/stamps/signedNote.ts";
import type { PostageDomain } from "../../protocol/voucher.ts";
import { StampsError, toStampsError } from "./errors.ts";
import { signedBy } from "./noteSigner.ts";
import type { NoteSigner } from "./ports.ts";

const YEAR_SECONDS = 31_536_000n;
const DEFAULT_USES = 1_000;

export interface WaiverTerms {
  payer: string;
  /** Unix seconds: welcomes dated then or later need a stamp again. A year from now unless told. */
  notAfter?: bigint;
  /** 1,000 unless told. */
  mostUses?: number;
  /** 1 to 2^64-1, by which it is revoked. By chance unless told. */
  waiverId?: bigint;
}

/** A waiver to hand to the sender, out of band or in a conversation. No daemon has to know of it before it is used. */
export interface MadeWaiver {
  waiver: Waiver;
  packed: Uint8Array;
  /** The same as base64url, as it travels and as `attachWaivers` takes it. */
  text: string;
}

/** Rejects with StampsError `bad_input`, `declined`, `bad_signature`, `aborted`. */
export async function createWaiver(
  { payer, notAfter, mostUses = DEFAULT_USES, waiverId = randomId() }: WaiverTerms,
  { domain, inbox, signer, nowMs }: { domain: PostageDomain; inbox: Hex; signer: NoteSigner; nowMs: number },
  signal: AbortSignal,
): Promise<MadeWaiver> {
  if (!Number.isSafeInteger(mostUses) || mostUses < 1) throw new StampsError("bad_input", "a waiver has 1 use or more");
  const end = notAfter ?? BigInt(Math.floor(nowMs / 1_000)) + YEAR_SECONDS;
  const waiver: Waiver = {
    kind: "waiver",
    ...{ inbox, payer: checkedAccount("payer", payer), waiverId, notAfter: end, mostUses },
  };
  const { packed } = await signedBy(signer, domain, waiver, signal);
  return { waiver, packed, text: toBase64Url(packed) };
}

function randomId(): bigint {
  const id = bytesToUint(crypto.getRandomValues(new Uint8Array(8)));
  return id === 0n ? 1n : id;
}

/** A waiver, or a wallet's consent, that somebody handed over. Throws StampsError `bad_input`, `bad_signature`. */
export function readWaiver(
  handed: string | Uint8Array,
  { domain, payer }: { domain: PostageDomain; payer: Address },
): { note: FreePass; packed: Uint8Array } {
  const packed = typeof handed === "string" ? fromBase64Url(handed.trim()) : handed;
  if (!packed) throw new StampsError("bad_input", "a waiver is base64url without padding");
  try {
    const { note } = readNote(domain, packed);
    if (!isFreePass(note)) throw new StampsError("bad_input", `this is no waiver but a ${note.kind}`);
    if (note.payer === payer) return { note, packed };
    throw new StampsError(
      "bad_input",
      `the waiver is for payer ${note.payer}, not for ${payer}: only that one can use it`,
    );
  } catch (error) {
    throw toStampsError(error);
  }
}

/**
 * Headers of a publish call with waivers among them, each once. They go to nodes: attach those of the inboxes that the call
 * writes to, and no others. Throws StampsError `bad_input`, `bad_signature`.
 */
export function attachWaivers(
  headers: Readonly<Record<string, string>>,
  waivers: readonly (string | Uint8Array)[],
  use: { domain: PostageDomain; payer: string },
): Record<string, string> {
  const payer = checkedAccount("payer", use.payer);
  const name = Object.keys(headers).find((one) => one.toLowerCase() === WAIVER_HEADER) ?? WAIVER_HEADER;
  try {
    const parts = [
      ...listFromHeader(WAIVER_HEADER, headers[name] ?? null),
      ...waivers.map((one) => readWaiver(one, { domain: use.domain, payer }).packed),
    ];
    const distinct = [...new Map(parts.map((packed) => [toBase64Url(packed), packed])).values()];
    if (distinct.length > MOST_PER_HEADER) {
      throw new StampsError(
        "bad_input",
        `a call carries at most ${MOST_PER_HEADER} waivers: send fewer welcomes in one`,
      );
    }
    return distinct.length === 0 ? { ...headers } : { ...headers, [name]: listToHeader(distinct) };
  } catch (error) {
    throw toStampsError(error);
  }
}

export function checkedAccount(what: string, account: string): Address {
  try {
    return toAddress(account);
  } catch (cause) {
    throw new StampsError("bad_input", `${what}: "${account}" is no account, which is 0x and 40 hex digits`, { cause });
  }
}
