import { FairQueue, QueueFullError } from "../../platform/fairQueue.ts";
import { fastRecoverAddress } from "../../platform/fastEcdsa.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Address, Hex } from "../../protocol/bytes.ts";
import { fromHex } from "../../protocol/bytes.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import type { Member } from "../../protocol/identity/member.ts";
import { memberKey } from "../../protocol/identity/member.ts";
import type { Block, Note, Statement } from "../../protocol/stamps/notes.ts";
import {
  isFreePass,
  isInForce,
  joinBlocks,
  joinStatements,
  mostUsesOf,
  noteSubject,
  waiverIdOf,
} from "../../protocol/stamps/rules.ts";
import { readSenderTag } from "../../protocol/stamps/senderTag.ts";
import type { SignedNote } from "../../protocol/stamps/signedNote.ts";
import { claimOf } from "../../protocol/stamps/signedNote.ts";
import type { NoteRefusal, NoteResult, WelcomePass } from "../../protocol/stamps/stampsJson.ts";
import type { PostageDomain } from "../../protocol/voucher.ts";
import type { Recorder } from "../metrics/ports.ts";
import type { ReportedStamps } from "../reports/stamps/reportedStamps.ts";
import { BAD_PER_MINUTE, NoteChecks } from "./noteChecks.ts";
import type { Stamp, StampStore } from "./ports.ts";
import { Rate } from "../../platform/rate.ts";

/** Signatures of notes take a millisecond each: one call at a time, by turns among callers. */
const QUEUE = { concurrency: 1, mostPerKey: 8, mostInAll: 256, startsPerTurn: 1 };
/** What one inbox keeps of blocks, and of revocations. */
const MOST_KEPT = 1_000;
/** Notes of one inbox, and passes of one payer, that are looked at in a minute. */
const PER_MINUTE = 60;
const PASSES_PER_MINUTE = 6_000;

export interface NoteDeskOptions {
  domain: PostageDomain;
  store: StampStore;
  /** Whether a channel has a deposit: only then passes of it are kept. */
  isFunded: (payer: Address) => Promise<boolean>;
  /** What reports on chain say: nothing frees a stamp any more that one has charged as spam. */
  reported: Pick<ReportedStamps, "isCharged" | "outcomesOf">;
  recorder?: Recorder;
  clock: Clock;
}

/** Takes what recipients say, from whoever brings it, and what other gates let welcomes in with. */
export class NoteDesk {
  readonly #options: NoteDeskOptions;
  readonly #queue = new FairQueue(QUEUE);
  readonly #notes: Rate;
  readonly #passes: Rate;
  readonly #checks: NoteChecks;

  constructor(options: NoteDeskOptions) {
    this.#options = options;
    this.#notes = new Rate(PER_MINUTE, options.clock);
    this.#passes = new Rate(PASSES_PER_MINUTE, options.clock);
    this.#checks = new NoteChecks(options.domain, options.clock);
  }

  /** One result per note, in their order. Never rejects for what the notes are. */
  async take(notes: readonly Uint8Array[], caller: string): Promise<NoteResult[]> {
    try {
      return await this.#queue.run(caller, async () => {
        const results: NoteResult[] = [];
        for (const packed of notes) results.push(await this.#takeOne(packed, caller));
        return results;
      });
    } catch (error) {
      if (!(error instanceof QueueFullError)) throw error;
      return notes.map(() => refused("busy", "too many bring notes at once: try again soon, or another node"));
    }
  }

  /** How many were new. */
  async takePasses(passes: readonly WelcomePass[], caller: string): Promise<number> {
    return this.#queue.run(caller, async () => {
      let taken = 0;
      for (const pass of passes) if (await this.#takePass(pass, caller)) taken++;
      return taken;
    });
  }

  async #takeOne(packed: Uint8Array, caller: string): Promise<NoteResult> {
    try {
      const { note, claimed } = claimOf(packed);
      const { store } = this.#options;
      if (claimed && !isFreePass(note) && !(await store.isMember(note.inbox, memberKey(claimed), undefined))) {
        return notAMember(claimed, note.inbox);
      }
      if (!isFreePass(note) && this.#notes.waitMs(note.inbox) > 0) return tooMany(note.inbox);
      if (this.#checks.isClosedTo(caller)) {
        return refused("busy", `more than ${BAD_PER_MINUTE} bad signatures from ${caller} in a minute: try again then`);
      }
      const signed = await this.#checks.check(packed, caller);
      const result = (await this.#whyNot(signed)) ?? (await this.#keep(signed));
      const { kind } = signed.note;
      this.#options.recorder?.count("stampNotes", 1, { kind, result: result.taken ? "taken" : result.code! });
      return result;
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      return refused(error.code === "bad_signature" ? "bad_signature" : "malformed_note", error.message);
    }
  }

  async #whyNot({ note, signer }: SignedNote): Promise<NoteResult | undefined> {
    if (isFreePass(note)) return refused("malformed_note", "a waiver goes with the publish that uses it, not here");
    if (!this.#notes.take(note.inbox)) return tooMany(note.inbox);
    if (await this.#options.store.isMember(note.inbox, memberKey(signer), undefined)) return undefined;
    return notAMember(signer, note.inbox);
  }

  async #keep(signed: SignedNote): Promise<NoteResult> {
    const { note } = signed;
    const known = await this.#options.store.note(noteSubject(note));
    switch (note.kind) {
      case "statement":
        return this.#state({ ...signed, note }, known as { note: Statement; packed: Uint8Array } | undefined);
      case "block": {
        const kept = known && { ...signed, note: known.note as Block, packed: known.packed };
        const next = kept ? joinBlocks({ ...signed, note }, kept) : signed;
        return this.#put(next.note, next.packed, known !== undefined);
      }
      default:
        return this.#put(note, signed.packed, known !== undefined);
    }
  }

  async #put(note: Note, packed: Uint8Array, isKnown: boolean): Promise<NoteResult> {
    const { store, clock } = this.#options;
    if (!isKnown && (await store.countNotes(note.inbox, note.kind)) >= MOST_KEPT) {
      return refused("too_many", `inbox ${note.inbox} has ${MOST_KEPT} of these already: block the payer as a whole`);
    }
    await store.putNote(note, packed, clock.now());
    return { taken: true };
  }

  async #state(
    signed: SignedNote & { note: Statement },
    known: { note: Statement; packed: Uint8Array } | undefined,
  ): Promise<NoteResult> {
    const { store, clock } = this.#options;
    const { note } = signed;
    const stamp = await store.stamp(note, note.welcome);
    if (!stamp) {
      return refused("no_such_stamp", `no stamp of ${note.payer} for this inbox was opened by welcome ${note.welcome}`);
    }
    const next = known ? joinStatements(signed, { ...signed, note: known.note, packed: known.packed }) : signed;
    if (known && next.note === known.note) return { taken: true };
    if (await this.#isLate(stamp, next.note))
      return refused("window_over", `the stamp is ${stamp.standing} and stays so`);
    await store.putNote(next.note, next.packed, clock.now());
    const isSpam = next.note.verdict === "spam";
    await store.settleStamp(stamp, stamp.welcome, isSpam ? "spam" : "accepted", isSpam ? stamp.price : 0n);
    return { taken: true };
  }

  async #isLate(stamp: Stamp, { verdict }: Statement): Promise<boolean> {
    const { reported } = this.#options;
    // By the originator's date it is over; where reports date it later, there is time until one has decided.
    if (stamp.standing === "silent") return (await reported.outcomesOf([stamp]))[0] !== "open";
    if (stamp.standing === "spam") return verdict === "accept" && reported.isCharged(stamp);
    return stamp.standing === "waived";
  }

  async #takePass({ payer, payerDigest, inbox, note: packed, tag }: WelcomePass, caller: string): Promise<boolean> {
    const { domain, store, clock, isFunded } = this.#options;
    if (this.#checks.isClosedTo(caller) || !this.#passes.take(payer) || !(await isFunded(payer))) return false;
    try {
      if (tag) readSenderTag(domain, tag, { payer, payerDigest: fromHex(payerDigest) }, fastRecoverAddress);
      const signed = packed && (await this.#checks.check(packed, caller));
      if (signed && !(await this.#isUsable(signed, { payer, inbox }))) return false;
      const waiver = signed && isFreePass(signed.note) ? signed.note : undefined;
      const outcome = await store.takePass({
        ...{ payer, payerDigest, inbox, tag, note: waiver && packed, heardAt: clock.now() },
        ...{ waiverId: waiver && waiverIdOf(waiver), mostUses: waiver ? mostUsesOf(waiver) : 0 },
      });
      return outcome === "taken";
    } catch (error) {
      if (error instanceof ProtocolError) return false;
      throw error;
    }
  }

  async #isUsable({ note, signer }: SignedNote, { payer, inbox }: { payer: Address; inbox: Hex }): Promise<boolean> {
    if (!isFreePass(note) || note.payer !== payer || note.inbox !== inbox) return false;
    if (!isInForce(note, BigInt(Math.floor(this.#options.clock.now() / 1_000)))) return false;
    return this.#options.store.isMember(inbox, memberKey(signer), undefined);
  }
}

const tooMany = (inbox: Hex) =>
  refused("busy", `more than ${PER_MINUTE} notes of inbox ${inbox} in a minute: try again then`);

const notAMember = ({ kind, identifier }: Member, inbox: Hex) =>
  refused("not_a_member", `${kind} ${identifier} is no wallet key and no installation of inbox ${inbox}`);

const refused = (code: NoteRefusal, message: string): NoteResult => ({ taken: false, code, message });
