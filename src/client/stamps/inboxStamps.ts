import type { Clock } from "../../platform/clock.ts";
import type { Address, Hex } from "../../protocol/bytes.ts";
import type { Block, Note, Statement } from "../../protocol/stamps/notes.ts";
import { noteSubject } from "../../protocol/stamps/rules.ts";
import { MOST_SHOWN } from "../../protocol/stamps/stampsJson.ts";
import type { PostageDomain } from "../../protocol/voucher.ts";
import type { Random } from "../ports.ts";
import type { ReportLibrary } from "../receipts/reportLibrary.ts";
import type { AskOptions } from "./askDaemons.ts";
import { askDaemons, problemsIn, saidBy } from "./askDaemons.ts";
import type { SignedBlock } from "./blocks.ts";
import { mergeBlocks, nextNumber } from "./blocks.ts";
import type { Brought } from "./bringNote.ts";
import { bringNote } from "./bringNote.ts";
import type { ClaimOptions, ReportClaim } from "./claimPayouts.ts";
import { claimPayouts } from "./claimPayouts.ts";
import { StampsError } from "./errors.ts";
import type { InboxStamp } from "./mergeStamps.ts";
import { mergeStamps } from "./mergeStamps.ts";
import { signedBy } from "./noteSigner.ts";
import type { NoteSigner, ShownStamp, StampDaemons, StampsChain } from "./ports.ts";
import type { MadeWaiver, WaiverTerms } from "./waivers.ts";
import { attachWaivers, checkedAccount, createWaiver } from "./waivers.ts";

const NEVER = new AbortController().signal;
/** Pages of 100 stamps that one daemon is asked for. */
const MOST_PAGES = 10;

export interface InboxStampsOptions {
  domain: PostageDomain;
  /** 0x and 64 lowercase hex digits. */
  inbox: Hex;
  signer: NoteSigner;
  chain: StampsChain;
  daemons: StampDaemons;
  library: Pick<ReportLibrary, "refresh" | "finals">;
  clock: Clock;
  random: Random;
  chainTimeoutMs: number;
  nodeTimeoutMs: number;
  /** Daemons that are asked, or told, one thing. */
  mostServers: number;
}

export interface InboxView {
  /** Newest first. */
  stamps: InboxStamp[];
  /** Nodes whose daemons answered. */
  answeredBy: number[];
  /** Why others did not; empty when all did. */
  problems: string;
}

/** Who is blocked: one user of a payer's app by the tag that its welcome carried, or everybody behind the payer. */
export interface Blocked {
  payer: string;
  tag?: Hex | undefined;
}

/**
 * What an inbox says to the network about who writes to it, and what it gets for spam. Everything rejects with StampsError.
 * Each note may be brought again at any time, and counts once.
 */
export class InboxStamps {
  readonly inboxId: Hex;
  /** Waivers: `create` one, `attach` those one was given to a publish, `revoke` one. */
  readonly waiver: {
    create(terms: WaiverTerms, signal?: AbortSignal): Promise<MadeWaiver>;
    attach(
      headers: Readonly<Record<string, string>>,
      waivers: readonly (string | Uint8Array)[],
      payer: string,
    ): Record<string, string>;
    revoke(waiver: { payer: string; waiverId: bigint }, signal?: AbortSignal): Promise<Brought>;
  };
  readonly #options: InboxStampsOptions;

  constructor(options: InboxStampsOptions) {
    if (!/^0x[0-9a-f]{64}$/.test(options.inbox)) {
      throw new StampsError("bad_input", "an inbox id is 0x and 64 lowercase hex digits");
    }
    const { domain, inbox, signer, clock } = options;
    this.#options = options;
    this.inboxId = inbox;
    this.waiver = {
      create: (terms, signal = NEVER) => createWaiver(terms, { domain, inbox, signer, nowMs: clock.now() }, signal),
      attach: (headers, waivers, payer) => attachWaivers(headers, waivers, { domain, payer }),
      revoke: async ({ payer, waiverId }, signal = NEVER) =>
        this.#say({ kind: "revocation", inbox, payer: checkedAccount("payer", payer), waiverId }, signal),
    };
  }

  /**
   * Stamps that came for the inbox, as several daemons tell of them: what is `open` and `until` then may be accepted or reported.
   * @param limit about so many of the newest, 100 unless told, at most 1,000
   */
  async inbox({
    limit = MOST_SHOWN,
    signal = NEVER,
  }: { limit?: number; signal?: AbortSignal } = {}): Promise<InboxView> {
    if (!Number.isSafeInteger(limit) || limit < 1 || limit > MOST_PAGES * MOST_SHOWN) {
      throw new StampsError("bad_input", `a view has 1 to ${MOST_PAGES * MOST_SHOWN} stamps`);
    }
    const pages = Math.ceil(limit / MOST_SHOWN);
    const { answers, needed } = await askDaemons(this.#asking, (at, own) => this.#pagesOf(at, pages, own), signal);
    const shown = saidBy(answers);
    this.#requireSome(shown.length, needed, problemsIn(answers));
    return {
      stamps: mergeStamps(shown, needed).slice(0, limit),
      answeredBy: shown.map(({ nodeId }) => nodeId).sort((a, b) => a - b),
      problems: problemsIn(answers),
    };
  }

  async #pagesOf(httpAddress: string, pages: number, signal: AbortSignal): Promise<ShownStamp[]> {
    const all: ShownStamp[] = [];
    let before: bigint | undefined;
    for (let page = 0; page < pages; page++) {
      const stamps = await this.#options.daemons.stamps(httpAddress, this.inboxId, before, signal);
      all.push(...stamps);
      const last = stamps.at(-1)?.openedAt;
      if (stamps.length < MOST_SHOWN || last === undefined) break;
      // Once more the last second, of which the page may have only some; unless it has nothing else.
      const next = before === last + 1n ? last : last + 1n;
      if (before !== undefined && next >= before) break;
      before = next;
    }
    return all;
  }

  /** Frees the stamp: the sender pays nothing for it. Beats a report of spam, until a final report has charged that. */
  accept(stamp: { payer: string; welcome: string }, signal: AbortSignal = NEVER): Promise<Brought> {
    return this.#state(stamp, { verdict: "accept" }, signal);
  }

  /** The stamp is charged in full, and `account` gets the recipient's share of it once a report is final. See `claim`. */
  reportSpam(
    stamp: { payer: string; welcome: string },
    account: string,
    signal: AbortSignal = NEVER,
  ): Promise<Brought> {
    return this.#state(stamp, { verdict: "spam", account: checkedAccount("account to be paid", account) }, signal);
  }

  async #state(
    { payer, welcome }: { payer: string; welcome: string },
    verdict: Pick<Statement, "verdict" | "account">,
    signal: AbortSignal,
  ): Promise<Brought> {
    const who = { inbox: this.inboxId, payer: checkedAccount("payer", payer) };
    return this.#say({ kind: "statement", ...who, welcome: welcome.toLowerCase() as Hex, ...verdict }, signal);
  }

  /** From then on no node lets welcomes of them through to this inbox, from whatever app they come. */
  block(who: Blocked, signal: AbortSignal = NEVER): Promise<Brought> {
    return this.#setBlock(who, true, signal);
  }

  unblock(who: Blocked, signal: AbortSignal = NEVER): Promise<Brought> {
    return this.#setBlock(who, false, signal);
  }

  /** What is blocked, as more than one daemon says or this signer signed. */
  async blocks(signal: AbortSignal = NEVER): Promise<Block[]> {
    return (await this.#blocks(signal)).map(({ note }) => note).filter(({ isBlocked }) => isBlocked);
  }

  async #setBlock({ payer, tag }: Blocked, isBlocked: boolean, signal: AbortSignal): Promise<Brought> {
    const fields = { inbox: this.inboxId, payer: checkedAccount("payer", payer), ...(tag ? { tag } : {}) };
    const note: Block = { kind: "block", ...fields, number: 0n, isBlocked };
    const known = (await this.#blocks(signal)).find((one) => noteSubject(one.note) === noteSubject(note));
    const number = nextNumber(known, this.#options.clock.now());
    return this.#say({ ...note, number }, signal);
  }

  async #blocks(signal: AbortSignal): Promise<SignedBlock[]> {
    const { clock, daemons, domain, signer } = this.#options;
    const { answers, needed } = await askDaemons(
      this.#asking,
      (at, own) => daemons.blocks(at, this.inboxId, own),
      signal,
    );
    const shown = saidBy(answers);
    this.#requireSome(shown.length, needed, problemsIn(answers));
    return mergeBlocks(shown, { domain, inbox: this.inboxId, signer, needed, nowMs: clock.now() });
  }

  /** Pays what final reports owe to an account, each payout once. Anybody may send it; see `claimPayouts`. */
  async claim(
    request: Omit<ClaimOptions, "account"> & { account: string },
    signal: AbortSignal = NEVER,
  ): Promise<ReportClaim[]> {
    const account: Address = checkedAccount("account", request.account);
    return claimPayouts(this.#options, { ...request, account }, signal);
  }

  async #say(note: Note, signal: AbortSignal): Promise<Brought> {
    const signed = await signedBy(this.#options.signer, this.#options.domain, note, signal);
    return bringNote(signed, this.#options, signal);
  }

  get #asking(): AskOptions {
    return this.#options;
  }

  #requireSome(answered: number, needed: number, problems: string): void {
    if (answered >= needed) return;
    const words = `${answered} daemons answered, ${needed} are needed, because one alone is not believed`;
    throw new StampsError("too_few_daemons", `${words} (${problems}): try again later`, { retryable: true });
  }
}
