import { fastRecoverAddress } from "../../../platform/fastEcdsa.ts";
import type { Address, Hex } from "../../../protocol/bytes.ts";
import { ProtocolError } from "../../../protocol/errors.ts";
import { memberKey } from "../../../protocol/identity/member.ts";
import { isFreePass, joinStatements } from "../../../protocol/stamps/rules.ts";
import type { SignedNote } from "../../../protocol/stamps/signedNote.ts";
import { readNote } from "../../../protocol/stamps/signedNote.ts";
import type { Statement } from "../../../protocol/stamps/notes.ts";
import type { FreePass } from "../../../protocol/stamps/rules.ts";
import type { PostageDomain } from "../../../protocol/voucher.ts";
import type { StampStore } from "../../stamps/ports.ts";
import { CannotAttestError } from "../errors.ts";
import type { Said, StampReportTerms } from "./nextStamps.ts";
import { saidKey } from "./nextStamps.ts";

/** Statements, and uses of waivers, that one proposal carries: the rest goes with the next. */
export const MOST_STATEMENTS = 5_000;
export const MOST_USES = 5_000;
/** Statements count that were held so long before the epoch's end, so that every node has heard of them. */
const HELD_SECONDS = 3_600n;
/** Of an epoch, where that is less. */
const HELD_PART = 12n;
/**
 * A use frees a welcome only in the report that covers it, so a proposal carries all that were heard of until it is made. Who
 * signs checks each of them, and need not have heard of it.
 */
export const UNTIL_NOW = 10n ** 11n;

/** A waiver that was used for a welcome. */
export interface WaiverUse {
  payer: Address;
  /** The first 16 bytes of the welcome's payer digest. */
  welcome: Hex;
  note: Uint8Array;
}

/** What a proposal comes with about stamps. */
export interface StampEvidence {
  statements: readonly Uint8Array[];
  uses: readonly WaiverUse[];
}

export const NO_EVIDENCE: StampEvidence = { statements: [], uses: [] };

/** What a daemon with stamps builds reports with. */
export interface StampSources {
  domain: PostageDomain;
  store: StampStore;
  /** As in the last second of an epoch. */
  termsAt(endsAt: bigint): Promise<StampReportTerms & { settlesSeconds: bigint }>;
}

/** Evidence that was checked. */
export interface ReadEvidence {
  said: Map<string, Said>;
  /** For welcomes with a waiver, by `payer:welcome`. */
  waivers: Map<string, FreePass>;
}

export const useKey = ({ payer, welcome }: { payer: Address; welcome: Hex }) => `${payer}:${welcome}`;

/** How long before an epoch's end statements are taken. */
export function heldSeconds(epochSeconds: bigint): bigint {
  const part = epochSeconds / HELD_PART;
  return part < HELD_SECONDS ? part : HELD_SECONDS;
}

/** From when on, and before when, pieces were heard; unix seconds. */
export interface HeardIn {
  from: bigint;
  before: bigint;
  /** Of uses of waivers. */
  usedBefore: bigint;
}

/** What this node has heard of in a time, as a proposal carries it: statements the oldest first, uses the newest. */
export async function heldEvidence(
  { store }: StampSources,
  { from, before, usedBefore }: HeardIn,
  isOpen: (statement: Statement) => boolean,
): Promise<StampEvidence> {
  const fromMs = Number(from) * 1_000;
  const notes = await store.statements(fromMs, Number(before) * 1_000, 10 * MOST_STATEMENTS);
  const statements = notes.filter(({ note }) => note.kind === "statement" && isOpen(note)).map(({ packed }) => packed);
  const passes = await store.uses(fromMs, Number(usedBefore) * 1_000, MOST_USES);
  const uses = passes.map(({ payer, payerDigest, note }) => {
    return { payer, welcome: payerDigest.slice(0, 34) as Hex, note: note! };
  });
  return { statements: statements.slice(0, MOST_STATEMENTS), uses };
}

/**
 * Checks each piece: its signature, and that whoever signed belonged to the inbox when the epoch ended. Throws
 * CannotAttestError `stamps_differ` for one that does not hold.
 */
export async function readEvidence(
  { domain, store }: StampSources,
  evidence: StampEvidence,
  endsAt: bigint,
): Promise<ReadEvidence> {
  const said = new Map<string, SignedNote & { note: Statement }>();
  for (const packed of evidence.statements) {
    const signed = await read(packed);
    const { note } = signed;
    if (note.kind !== "statement") throw refused("a statement is another note");
    const key = saidKey(note);
    const known = said.get(key);
    said.set(key, known ? joinStatements(known, { ...signed, note }) : { ...signed, note });
  }
  const waivers = new Map<string, FreePass>();
  for (const use of evidence.uses) {
    const { note } = await read(use.note);
    if (!isFreePass(note) || note.payer !== use.payer) throw refused("a waiver is another note, or another payer's");
    waivers.set(useKey(use), note);
  }
  return { said: new Map([...said].map(([key, { note }]) => [key, saidOf(note)])), waivers };

  async function read(packed: Uint8Array): Promise<SignedNote> {
    try {
      const signed = readNote(domain, packed, fastRecoverAddress);
      if (await store.isMember(signed.note.inbox, memberKey(signed.signer), endsAt)) return signed;
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      throw refused(error.message);
    }
    throw refused("a note is not signed by who belonged to its inbox");
  }
}

function saidOf({ verdict, account }: Statement): Said {
  return verdict === "spam" ? { verdict, account: account! } : { verdict: "accept" };
}

function refused(problem: string): CannotAttestError {
  return new CannotAttestError("stamps_differ", `what the proposal says of stamps does not hold: ${problem}`);
}
