import type { Address, Hex } from "../../protocol/bytes.ts";
import type { Note } from "../../protocol/stamps/notes.ts";
import type { StampStanding } from "../../protocol/stamps/stampsJson.ts";

/** What one update of the identity log changes in an inbox, in the order of its actions. Members as `memberKey` has them. */
export type InboxAction =
  { kind: "add"; member: string; addedBy: string | undefined; isAccount: boolean } | { kind: "remove"; member: string };

export interface InboxChange {
  /** Of the whole log. */
  sequenceId: bigint;
  inbox: Hex;
  /** Of the block, unix seconds. */
  at: bigint;
  actions: readonly InboxAction[];
}

/** A stretch of the identity log, up to a block that stays. */
export interface InboxProgress {
  /** Where the one before ended, undefined before the first: what another process has overtaken is refused. */
  after: bigint | undefined;
  readTo: bigint;
  /** Of that block, unix seconds. */
  readToAt: bigint;
  changes: readonly InboxChange[];
}

/** The inbox that listed an installation key first, and when. */
export interface Listing {
  inbox: Hex;
  listedAt: bigint;
}

/** An update as the chain has it. */
export interface IdentityUpdateOnChain {
  sequenceId: bigint;
  inbox: Hex;
  clientEnvelope: Uint8Array;
  at: bigint;
}

/** What stamps read of the chain. Every call may fail. */
export interface StampChain {
  /** In base units. */
  price(): Promise<bigint>;
  /** Shares in force at a moment (unix seconds), as basis points. */
  sharesAt(at: bigint): Promise<{ recipientsBps: number; silentBps: number }>;
  /** The identity log after a block, up to the safe head or not so far. Undefined when there is nothing newer. */
  updatesAfter(
    block: bigint | undefined,
  ): Promise<{ readTo: bigint; readToAt: bigint; isEnd: boolean; updates: IdentityUpdateOnChain[] } | undefined>;
}

/** Of one payer and inbox: what the payer owes for having written unasked. */
export interface Stamp {
  payer: Address;
  inbox: Hex;
  /** The welcome that opened it: the first 16 bytes of its payer digest. */
  welcome: Hex;
  /** Date of that welcome, unix seconds. */
  openedAt: bigint;
  price: bigint;
  standing: StampStanding;
}

export interface Pair {
  payer: Address;
  inbox: Hex;
}

/** A note as it is kept. */
export interface KeptNote {
  /** Grows with each note that is kept: what peers were not told yet is above what they were told. */
  id: bigint;
  note: Note;
  packed: Uint8Array;
  /** Unix milliseconds of this machine. */
  heardAt: number;
}

/** What a gate let a welcome in with, here or elsewhere. */
export interface KeptPass {
  id: bigint;
  payer: Address;
  /** 32 bytes. */
  payerDigest: Hex;
  inbox: Hex;
  note: Uint8Array | undefined;
  tag: Uint8Array | undefined;
  heardAt: number;
}

/** `taken`: new. `known`: nothing changed. `used_up`: the waiver has no use left. */
export type PassOutcome = "taken" | "known" | "used_up";

export interface NewPass extends Omit<KeptPass, "id"> {
  waiverId: bigint | undefined;
  mostUses: number;
}

/** Inboxes, stamps, notes and passes of one database. Every call may fail. */
export interface StampStore {
  inboxCursor(): Promise<{ block: bigint; at: bigint } | undefined>;
  /** Answers false when another process was faster. */
  recordInboxes(progress: InboxProgress): Promise<boolean>;
  /** By installation key. */
  listingsOf(keys: readonly Hex[]): Promise<Map<Hex, Listing>>;
  /** Whether someone was a member, with a key and not a smart account, after every update before a moment; undefined: now. */
  isMember(inbox: Hex, member: string, before: bigint | undefined): Promise<boolean>;

  /** The last stamp of each pair that was opened after a moment, as `inbox:payer`. */
  stampsSince(pairs: readonly Pair[], after: bigint): Promise<Map<string, Stamp>>;
  stamp(pair: Pair, welcome: Hex): Promise<Stamp | undefined>;
  /** Newest first, opened before a moment. */
  stampsOf(inbox: Hex, before: bigint, limit: number): Promise<Stamp[]>;
  countsOf(inbox: Hex): Promise<Record<StampStanding, bigint>>;
  /** Sets what became of an open stamp, or an accept after spam, and gives the channel back what it need not hold. */
  settleStamp(pair: Pair, welcome: Hex, standing: StampStanding, cost: bigint): Promise<void>;
  /** Open ones that were opened at or before a moment, the oldest first, without so many of the oldest. */
  overdue(openedBy: bigint, limit: number, passedOver?: number): Promise<Stamp[]>;
  totals(): Promise<{ open: bigint; notes: bigint }>;

  /** In place of the one with the same subject. Answers false when that is what is kept already. */
  putNote(note: Note, packed: Uint8Array, heardAt: number): Promise<boolean>;
  note(subject: string): Promise<KeptNote | undefined>;
  notesOf(inbox: Hex, kind: Note["kind"], limit: number): Promise<KeptNote[]>;
  countNotes(inbox: Hex, kind: Note["kind"]): Promise<number>;
  /** Blocks and revocations for pairs. */
  rulesFor(pairs: readonly Pair[]): Promise<KeptNote[]>;
  notesAfter(id: bigint, limit: number): Promise<KeptNote[]>;
  /** Statements heard of in a time. */
  statements(heardFrom: number, heardBefore: number, limit: number): Promise<KeptNote[]>;

  takePass(pass: NewPass): Promise<PassOutcome>;
  /** By the first 16 bytes of the payer digest, as `welcome:payer`. */
  passesOf(welcomes: readonly { payer: Address; welcome: Hex }[]): Promise<Map<string, KeptPass>>;
  passesAfter(id: bigint, limit: number): Promise<KeptPass[]>;
  /** Uses of waivers heard of in a time, the newest first. */
  uses(heardFrom: number, heardBefore: number, limit: number): Promise<KeptPass[]>;
  /** Drops what no report can need any more. */
  forget(openedBefore: bigint, heardBefore: number): Promise<void>;
}

/** A welcome as metering meets it, the first of its payer digest. */
export interface MeteredWelcome {
  payer: Address;
  welcome: Hex;
  /** The installation key that it is addressed to. */
  key: Hex;
  seconds: bigint;
  sequenceId: bigint;
}

/** What stamps cost now. */
export interface StampTerms {
  price: bigint;
  /** How long after its listing an installation needs stamps: until then not every node knows of it. */
  settlesSeconds: bigint;
}
