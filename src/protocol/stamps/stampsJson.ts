import { z } from "zod";

import type { Address, Hex } from "../bytes.ts";
import { fromHex, toHex } from "../bytes.ts";
import { uint } from "../report/reportJson.ts";
import { MOST_NOTE_BYTES } from "./noteBytes.ts";
import { SENDER_TAG_LENGTH } from "./senderTag.ts";

// What a daemon takes and serves about stamps, below its node's registered address. Amounts are base units as decimal
// strings, bytes are 0x and lowercase hex, times unix seconds as decimal strings.

/** POST `{notes}`, anybody: answers `{results}`, one per note. */
export const NOTES_PATH = "/postage/notes";
/** POST `{passes}`, by daemons: answers `{taken}`. */
export const PASSES_PATH = "/postage/passes";
/** Notes, and passes, that one call carries. */
export const MOST_NOTES = 100;
/** Stamps, or blocks, of one page. */
export const MOST_SHOWN = 100;

/** GET: the stamps that came for an inbox, newest first; with `before`, those opened before that second. */
export const stampsPath = (inbox: Hex, before?: bigint) =>
  `/postage/inboxes/${inbox}/stamps${before === undefined ? "" : `/${before}`}`;
/** GET: what an inbox blocks. */
export const blocksPath = (inbox: Hex) => `/postage/inboxes/${inbox}/blocks`;
/** GET: how many stamps an inbox got, and what became of them. */
export const ratesPath = (inbox: Hex) => `/postage/inboxes/${inbox}/rates`;
/** GET: which inbox an installation is of, 404 when it is of none. */
export const installationPath = (key: Hex) => `/postage/installations/${key}`;
/** GET: what a channel used of its ceiling. */
export const channelStampsPath = (channel: Address) => `/postage/channels/${channel}/stamps`;
/** GET: what a channel owes under a report, or an account gets of it, with the proof. */
export const chargePath = (digest: Hex, channel: Address) => `/reports/${digest}/charges/${channel}`;
export const payoutPath = (digest: Hex, account: Address) => `/reports/${digest}/payouts/${account}`;

const hex = (bytes: number) =>
  z
    .string()
    .regex(new RegExp(`^0x[0-9a-f]{${2 * bytes}}$`))
    .transform((text) => text as Hex);
const packed = (most: number) =>
  z
    .string()
    .max(2 + 2 * most)
    .regex(/^0x([0-9a-f]{2})+$/)
    .transform((text) => fromHex(text));

export const notesSchema = z.strictObject({ notes: z.array(packed(MOST_NOTE_BYTES)).min(1).max(MOST_NOTES) });

/** Why a note was not taken; all but `busy` and `too_many` for good. */
export const NOTE_REFUSALS = [
  "malformed_note",
  "bad_signature",
  "not_a_member",
  "no_such_stamp",
  "window_over",
  "too_many",
  "busy",
] as const;
export type NoteRefusal = (typeof NOTE_REFUSALS)[number];

const LATER: ReadonlySet<string> = new Set<NoteRefusal>(["busy", "no_such_stamp", "not_a_member"]);

/** Whether a daemon may take the same note a little later: it has not read so far, or has too much to do. */
export function isForLater(code: NoteRefusal | undefined): boolean {
  return code !== undefined && LATER.has(code);
}

export const noteResultsSchema = z.object({
  results: z
    .array(
      z.object({
        taken: z.boolean(),
        code: z.enum(NOTE_REFUSALS).optional(),
        message: z.string().max(1_000).optional(),
      }),
    )
    .max(MOST_NOTES),
});
export type NoteResult = z.infer<typeof noteResultsSchema>["results"][number];

/** What a gate let a welcome in with: the waiver that it used, the sender tag that it carried. */
export interface WelcomePass {
  payer: Address;
  inbox: Hex;
  /** The whole payer digest, 32 bytes. */
  payerDigest: Hex;
  note?: Uint8Array;
  tag?: Uint8Array;
}

export const passesSchema = z.strictObject({
  passes: z
    .array(
      z.strictObject({
        payer: hex(20),
        inbox: hex(32),
        payerDigest: hex(32),
        note: packed(MOST_NOTE_BYTES).optional(),
        tag: packed(SENDER_TAG_LENGTH).optional(),
      }),
    )
    .min(1)
    .max(MOST_NOTES),
});

export function passToJson({ payer, inbox, payerDigest, note, tag }: WelcomePass) {
  return { payer, inbox, payerDigest, ...(note ? { note: toHex(note) } : {}), ...(tag ? { tag: toHex(tag) } : {}) };
}

/**
 * What becomes of a stamp. `open`: the recipient may say something; `accepted`: freed; `spam`: to be paid in full; `silent`:
 * nothing was said in time; `waived`: a waiver that was heard of later freed it.
 */
export const STANDINGS = ["open", "accepted", "spam", "silent", "waived"] as const;
export type StampStanding = (typeof STANDINGS)[number];

export const stampsSchema = z.object({
  stamps: z
    .array(
      z.object({
        payer: hex(20),
        welcome: hex(16),
        openedAt: uint(64),
        /** Until when the recipient may say something. */
        until: uint(64),
        price: uint(64),
        standing: z.enum(STANDINGS),
        tag: hex(32).optional(),
      }),
    )
    .max(MOST_SHOWN),
});
export type ShownStamp = z.infer<typeof stampsSchema>["stamps"][number];

export const blocksSchema = z.object({ blocks: z.array(packed(MOST_NOTE_BYTES)).max(10 * MOST_SHOWN) });

/** Of the last 44 days, as this node knows it: who runs a farm reports more than others. */
export const ratesSchema = z.object({
  inbox: hex(32),
  ...{ stamps: uint(64), open: uint(64), accepted: uint(64), spam: uint(64), silent: uint(64), waived: uint(64) },
});

export const installationSchema = z.object({ inbox: hex(32) });

export const channelStampsSchema = z.object({
  channel: hex(20),
  /** What it used of its ceiling so far, cumulative: charged, or held for stamps that are open. */
  used: uint(64),
  /** The largest ceiling that it signed. */
  signed: uint(64),
  price: uint(64),
});

const proof = z.object({
  index: z.int().nonnegative(),
  count: z.int().nonnegative(),
  total: uint(128),
  siblings: z.array(hex(32)).max(64),
});
export const provedPayoutSchema = z.object({ leaf: z.object({ account: hex(20), amount: uint(64) }), proof });
export const provedChargeSchema = z.object({ leaf: z.object({ channel: hex(20), cumulativeAmount: uint(64) }), proof });
