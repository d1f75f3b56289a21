import type { Clock } from "../../platform/clock.ts";
import { fastRecoverAddress } from "../../platform/fastEcdsa.ts";
import type { Address, Hex } from "../../protocol/bytes.ts";
import { toHex } from "../../protocol/bytes.ts";
import type { ReadPayerEnvelope } from "../../protocol/envelope.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import type { Member } from "../../protocol/identity/member.ts";
import { memberKey } from "../../protocol/identity/member.ts";
import type { Note } from "../../protocol/stamps/notes.ts";
import type { StampHeaders } from "../../protocol/stamps/headers.ts";
import { SENDER_HEADER, WAIVER_HEADER, listFromHeader } from "../../protocol/stamps/headers.ts";
import {
  STAMP_COVERS_SECONDS,
  isFreePass,
  isInForce,
  keepsOut,
  mostUsesOf,
  waiverIdOf,
  welcomeKeyOf,
} from "../../protocol/stamps/rules.ts";
import type { FreePass } from "../../protocol/stamps/rules.ts";
import { readSenderTag, welcomeOfTag } from "../../protocol/stamps/senderTag.ts";
import type { SignedNote } from "../../protocol/stamps/signedNote.ts";
import { claimOf } from "../../protocol/stamps/signedNote.ts";
import type { PostageDomain } from "../../protocol/voucher.ts";
import { PostageRefused } from "../refusal.ts";
import { BAD_PER_MINUTE, NoteChecks } from "./noteChecks.ts";
import type { KeptNote, NewPass, Pair, StampStore, StampTerms } from "./ports.ts";

/** What a welcome needs beside its fee, and why nothing that came with it frees it. */
export interface StampNeed {
  inbox: Hex;
  price: bigint;
  why?: string;
}

export interface StampGateOptions {
  domain: PostageDomain;
  store: StampStore;
  /** Undefined until the chain was read. */
  terms: () => StampTerms | undefined;
  clock: Clock;
}

interface Welcome extends Pair {
  envelope: ReadPayerEnvelope;
  welcome: Hex;
  tag?: Hex;
  packedTag?: Uint8Array;
}

/** Says which welcomes of a call need a stamp, and keeps out what recipients block. */
export class StampGate {
  readonly #options: StampGateOptions;
  readonly #checks: NoteChecks;

  constructor(options: StampGateOptions) {
    this.#options = options;
    this.#checks = new NoteChecks(options.domain, options.clock);
  }

  /**
   * By `payer:digest` as charges are. A waiver that is used is on disk when this resolves. Throws PostageRefused for what is
   * blocked or malformed.
   */
  async look(envelopes: readonly ReadPayerEnvelope[], headers: StampHeaders): Promise<Map<string, StampNeed>> {
    const keyed = envelopes.flatMap((envelope) => {
      const key = welcomeKeyOf(envelope.client.topic);
      return key ? [{ envelope, key: toHex(key) }] : [];
    });
    if (keyed.length === 0) return new Map();
    const terms = this.#options.terms();
    if (!terms) throw new PostageRefused("not_ready", "this node has not read what stamps cost: use another node");
    const welcomes = await this.#addressed(keyed, terms);
    if (welcomes.length === 0) return new Map();
    const notes = await refusing(() => this.#notesIn(headers.waiver));
    await refusing(() => this.#readTags(welcomes, headers.sender));
    const pairs = [...new Map(welcomes.map(({ inbox, payer }) => [`${inbox}:${payer}`, { inbox, payer }])).values()];
    const rules = await this.#options.store.rulesFor(pairs);
    for (const welcome of welcomes) requireNoBlock(welcome, rules);
    const covers = await this.#options.store.stampsSince(pairs, this.#now() - STAMP_COVERS_SECONDS);
    const needs = new Map<string, StampNeed>();
    for (const welcome of welcomes) {
      const { inbox, payer } = welcome;
      const why = covers.has(`${inbox}:${payer}`) ? undefined : await this.#whyStamp(welcome, notes, rules);
      await this.#keepTag(welcome);
      if (why === undefined) continue;
      needs.set(`${payer}:${welcome.welcome.slice(2)}`, { inbox, price: terms.price, ...(why ? { why } : {}) });
    }
    return needs;
  }

  /** Those on topics of inboxes that every node knows of. */
  async #addressed(
    keyed: readonly { envelope: ReadPayerEnvelope; key: Hex }[],
    { settlesSeconds }: StampTerms,
  ): Promise<Welcome[]> {
    const listings = await this.#options.store.listingsOf(keyed.map(({ key }) => key));
    return keyed.flatMap(({ envelope, key }) => {
      const listing = listings.get(key);
      if (!listing || this.#now() < listing.listedAt + settlesSeconds) return [];
      const { payer, digest } = envelope;
      return [{ envelope, payer, inbox: listing.inbox, welcome: toHex(digest.subarray(0, 16)) }];
    });
  }

  /** Read, not checked: a check takes milliseconds, and most of what a stranger sends is not worth one. */
  #notesIn(header: string | null): Claim[] {
    return listFromHeader(WAIVER_HEADER, header).map((packed) => ({ ...claimOf(packed), packed }));
  }

  #readTags(welcomes: readonly Welcome[], header: string | null): void {
    const tags = new Map(listFromHeader(SENDER_HEADER, header).map((packed) => [welcomeOfTag(packed), packed]));
    for (const one of welcomes) {
      const packed = tags.get(one.welcome);
      if (!packed) continue;
      const { payer, digest: payerDigest } = one.envelope;
      one.tag = readSenderTag(this.#options.domain, packed, { payer, payerDigest }, fastRecoverAddress);
      one.packedTag = packed;
    }
  }

  /** Undefined when a waiver frees the welcome; why not, or nothing when none came. */
  async #whyStamp(welcome: Welcome, notes: readonly Claim[], rules: readonly KeptNote[]): Promise<string | undefined> {
    let why = "";
    for (const claim of notes) {
      const { note } = claim;
      if (!isFreePass(note) || note.inbox !== welcome.inbox || note.payer !== welcome.payer) continue;
      const problem = await this.#whyNot(claim, note, rules);
      if (problem !== undefined) {
        why = problem;
        continue;
      }
      if (await this.#use(welcome, claim.packed, note)) return undefined;
      why = "the waiver has no use left";
    }
    if (why === "" && notes.length > 0) why = "no waiver is for this inbox and payer";
    return why;
  }

  async #whyNot({ claimed, packed }: Claim, note: FreePass, rules: readonly KeptNote[]): Promise<string | undefined> {
    if (!isInForce(note, this.#now())) return "the waiver has expired";
    const isRevoked = rules.some(({ note: rule }) => {
      return rule.kind === "revocation" && rule.inbox === note.inbox && rule.waiverId === waiverIdOf(note);
    });
    if (isRevoked) return "the waiver is revoked";
    const isMember = (one: Member) => this.#options.store.isMember(note.inbox, memberKey(one), undefined);
    if (claimed && !(await isMember(claimed))) return NOT_A_MEMBERS;
    const { signer } = await this.#checked(packed, note.payer);
    return (await isMember(signer)) ? undefined : NOT_A_MEMBERS;
  }

  /** Only a payer's own envelope gets here, so nobody can use up what it may get wrong but itself. */
  async #checked(packed: Uint8Array, payer: Address): Promise<SignedNote> {
    if (this.#checks.isClosedTo(payer)) {
      throw new PostageRefused(
        "busy",
        `more than ${BAD_PER_MINUTE} bad waivers of ${payer} in a minute: try again then`,
      );
    }
    return refusing(() => this.#checks.check(packed, payer));
  }

  async #use(welcome: Welcome, note: Uint8Array, waiver: FreePass): Promise<boolean> {
    const outcome = await this.#options.store.takePass({
      ...this.#passOf(welcome),
      ...{ note, waiverId: waiverIdOf(waiver), mostUses: mostUsesOf(waiver) },
    });
    return outcome !== "used_up";
  }

  async #keepTag(welcome: Welcome): Promise<void> {
    if (welcome.packedTag) await this.#options.store.takePass(this.#passOf(welcome));
  }

  #passOf({ payer, inbox, envelope, packedTag }: Welcome): NewPass {
    const pass = { payer, payerDigest: toHex(envelope.digest), inbox, tag: packedTag, note: undefined };
    return { ...pass, heardAt: this.#options.clock.now(), waiverId: undefined, mostUses: 0 };
  }

  #now(): bigint {
    return BigInt(Math.floor(this.#options.clock.now() / 1_000));
  }
}

/** A note as it came with a publish. */
interface Claim {
  note: Note;
  claimed: Member | undefined;
  packed: Uint8Array;
}

const NOT_A_MEMBERS = "the waiver is not signed by a wallet key or an installation of the inbox";

function requireNoBlock({ inbox, payer, tag }: Welcome, rules: readonly KeptNote[]): void {
  const block = rules.find(({ note }) => {
    return note.kind === "block" && note.inbox === inbox && note.payer === payer && keepsOut(note, tag);
  });
  if (!block) return;
  const who = block.note.kind === "block" && block.note.tag ? "this sender" : `what payer ${payer} sends`;
  throw new PostageRefused("sender_blocked", `inbox ${inbox} blocks ${who}: only its owner can lift that`, {
    ...{ channel: payer, required: 0n, authorised: 0n, available: 0n },
  });
}

async function refusing<T>(read: () => T | Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    throw new PostageRefused("stamp_malformed", error.message);
  }
}
