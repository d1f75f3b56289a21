import type { Hex } from "../bytes.ts";
import { compareBytes } from "../bytes.ts";
import { TopicKind } from "../topics.ts";
import type { Topic } from "../topics.ts";
import type { SignedNote } from "./signedNote.ts";
import type { Block, Note, Statement, Waiver, WalletConsent } from "./notes.ts";

/** A recipient says accept or spam within this time; after it, it was silent. */
export const STAMP_WINDOW_SECONDS = 7n * 86_400n;
/** One stamp per (payer, inbox) covers every welcome dated so long after it, on whatever installation. */
export const STAMP_COVERS_SECONDS = 30n * 86_400n;

/** Of a wallet consent. */
export const CONSENT_ID = 0n;

/** The installation key that a welcome is addressed to, undefined for everything else. */
export function welcomeKeyOf({ kind, identifier }: Topic): Uint8Array | undefined {
  return kind === TopicKind.welcome ? identifier : undefined;
}

/** What frees of a stamp: a waiver, or a wallet consent, which has no end and no limit. */
export type FreePass = Waiver | WalletConsent;

export function isFreePass(note: Note): note is FreePass {
  return note.kind === "waiver" || note.kind === "consent";
}

export function waiverIdOf(note: FreePass): bigint {
  return note.kind === "waiver" ? note.waiverId : CONSENT_ID;
}

export function mostUsesOf(note: FreePass): number {
  return note.kind === "waiver" ? note.mostUses : Number.MAX_SAFE_INTEGER;
}

/** Whether a waiver holds for a welcome dated then (unix seconds). */
export function isInForce(note: FreePass, at: bigint): boolean {
  return note.kind === "consent" || at < note.notAfter;
}

/** Costs of a stamp, in base units. Both round down. */
export function silentCost(price: bigint, silentBps: number): bigint {
  return (price * BigInt(silentBps)) / 10_000n;
}

export function recipientsShare(price: bigint, recipientsBps: number): bigint {
  return (price * BigInt(recipientsBps)) / 10_000n;
}

interface Said<T extends Note> extends SignedNote {
  note: T;
}

/**
 * Which of two statements about one welcome counts: accept, whatever their times; of two of a kind the one with the larger
 * bytes. A join: commutative, associative, idempotent, so that whoever hears the same statements ends with the same one.
 */
export function joinStatements<T extends Said<Statement>>(a: T, b: T): T {
  if (a.note.verdict !== b.note.verdict) return a.note.verdict === "accept" ? a : b;
  return compareBytes(a.packed, b.packed) >= 0 ? a : b;
}

/** The larger number counts, of equal ones the block; then the larger bytes. A join too. */
export function joinBlocks<T extends Said<Block>>(a: T, b: T): T {
  if (a.note.number !== b.note.number) return a.note.number > b.note.number ? a : b;
  if (a.note.isBlocked !== b.note.isBlocked) return a.note.isBlocked ? a : b;
  return compareBytes(a.packed, b.packed) >= 0 ? a : b;
}

/** Under which notes replace one another. */
export function noteSubject(note: Note): string {
  switch (note.kind) {
    case "waiver":
    case "revocation":
      return `${note.kind}:${note.inbox}:${note.payer}:${note.waiverId}`;
    case "statement":
      return `${note.kind}:${note.inbox}:${note.payer}:${note.welcome}`;
    case "block":
      return `${note.kind}:${note.inbox}:${note.payer}:${note.tag ?? "all"}`;
    case "consent":
      return `${note.kind}:${note.inbox}:${note.payer}`;
  }
}

/** Whether a block keeps out a welcome with that tag, or without one: a payer that leaves tags away is blocked as a whole. */
export function keepsOut({ tag, isBlocked }: Block, carried: Hex | undefined): boolean {
  return isBlocked && (tag === undefined || carried === undefined || tag === carried);
}

/**
 * How long after its listing an installation needs stamps: until then not every node has read of it from a block that
 * stays. On a chain of one machine, whose newest block stays, at once.
 */
export function inboxSettlesSeconds(chainId: bigint): bigint {
  return chainId === 31_337n ? 0n : 1_800n;
}
