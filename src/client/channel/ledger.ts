import type { Clock } from "../../platform/clock.ts";
import type { Log } from "../../platform/log.ts";
import type { Address, Hex } from "../../protocol/bytes.ts";
import { addressOf } from "../../protocol/ecdsa.ts";
import type { Attempt, AttemptKey, GatewayStore, KeptReceipt, Refusal, Spender, StoredAnswer } from "../ports.ts";
import type { Budgets } from "./budgetBook.ts";
import * as decide from "./decisions.ts";
import { LedgerBook } from "./ledgerBook.ts";
import type { ProvenUsage } from "./recovery.ts";
import { reconcile, recover } from "./recovery.ts";
import { SharedTurns } from "./sharedTurns.ts";
import type { ChannelTerms, SignerOptions, StampTerms } from "./signing.ts";
import { VoucherSigner } from "./signing.ts";
import { unnamedSpend } from "./spend.ts";
import type { Turns } from "./turns.ts";
import { OwnTurns } from "./turns.ts";

const EVER = { from: 0, to: Number.MAX_SAFE_INTEGER };

export interface LedgerOptions extends SignerOptions {
  store: GatewayStore;
  clock: Pick<Clock, "now" | "elapsed">;
  log: Log;
  /** Unlimited when left out. */
  budgets?: Budgets;
  /** Of a store that several processes share, see SharedTurns. */
  leaseMs: number;
  graceMs: number;
}

const nameOf = ({ envelopeHash, originatorId }: AttemptKey) => `${envelopeHash}:${originatorId}`;

/** `onDisk` resolves when the reservation outlives the machine too. */
export type Reserved = (decide.ReservedRows & { onDisk: Promise<void> }) | decide.Elsewhere;

/**
 * What the payer owes in all, over every node, and what it has signed. Three amounts, of which none ever falls:
 * `usage` (receipts seen), `usage + in flight` (what could be owed) and `authorised` (the largest voucher). A voucher
 * is on disk before anybody sees it, and a reservation before its envelope is sent; so after a crash the ledger knows
 * of everything that a node may hold. Several processes may have it together, on a store that is made for that.
 */
export class ChannelLedger {
  readonly channel: Address;
  readonly #options: LedgerOptions;
  readonly #book: LedgerBook;
  readonly #turns: Turns;
  readonly #desk: decide.Desk;
  #flushProblem: string | undefined;

  private constructor(options: LedgerOptions) {
    const { store, domain, budgets = {} } = options;
    this.#options = options;
    this.channel = addressOf(options.postageKey);
    this.#book = new LedgerBook({ channel: this.channel, domain, budgets });
    this.#turns = store.shared
      ? new SharedTurns({ ...options, store: store.shared, book: this.#book })
      : new OwnTurns(store, this.#book);
    const signer = new VoucherSigner(options, this.#book);
    this.#desk = { book: this.#book, signer, isShared: this.#turns.isShared };
  }

  /**
   * Reads what the store has. Throws GatewayError `ledger_conflict` when it is another key's, `store_unavailable` when a shared one
   * does not answer.
   */
  static async open(options: LedgerOptions): Promise<ChannelLedger> {
    const ledger = new ChannelLedger(options);
    await ledger.#turns.load();
    if (!ledger.isShared) await ledger.#nameUsage();
    return ledger;
  }

  /** What a store was told of before it knew who spent it. */
  async #nameUsage(): Promise<void> {
    const { clock, store } = this.#options;
    if (this.usagePico === 0n && this.stampsSigned === 0n) return;
    if ((await store.spendPage(this.channel, EVER, undefined, 1)).length > 0) return;
    const amounts = { postagePico: this.usagePico, stampUnits: this.stampsSigned };
    const change = { spend: [unnamedSpend(clock.now(), amounts)] };
    await this.#turns.run([], () => ({ result: undefined, change }));
  }

  get usagePico(): bigint {
    return this.#book.state.usagePico;
  }
  /** Reserved for envelopes whose fate is not known. */
  get inFlightPico(): bigint {
    return this.#book.open.inFlightPico;
  }
  /** Base units of the largest voucher signed. */
  get authorised(): bigint {
    return this.#book.authorised;
  }
  /** Base units of the largest ceiling for stamps that was signed here. */
  get stampsSigned(): bigint {
    return this.#book.stampsSigned;
  }
  /** Envelopes that two nodes carry, and charge for. */
  get doubles(): bigint {
    return this.#book.state.doubles;
  }
  /** Packed row of the largest voucher signed. */
  get voucherRow(): Uint8Array | undefined {
    return this.#turns.voucherRow;
  }
  /** Why the last step could not be written or flushed; undefined while all is well. */
  get problem(): string | undefined {
    return this.#turns.problem ?? this.#flushProblem;
  }
  /** Whether other processes may have this ledger too. */
  get isShared(): boolean {
    return this.#turns.isShared;
  }
  /** Processes that have this ledger, this one included. */
  get processes(): number {
    return this.#turns.processes;
  }
  /** Whether this process does what one is enough for: the oldest of those that live. */
  get isFirst(): boolean {
    return this.#turns.isFirst;
  }
  /** Whether nobody can have taken this process for gone; to be asked right before something is sent. */
  get isSure(): boolean {
    return this.#turns.isSure;
  }

  attempts(): Attempt[] {
    return this.#book.open.attempts();
  }
  /** Those that nobody publishes, as they were sent: their fate has to be found out. */
  async strayAttempts(isStray: (attempt: Attempt) => boolean): Promise<Attempt[]> {
    const stray = this.attempts().filter((attempt) => !this.#book.isElsewhere(attempt) && isStray(attempt));
    if (!this.isShared || stray.length === 0) return stray;
    const free = new Set(stray.filter(({ process }) => process === undefined).map(nameOf));
    return (await this.#options.store.loadAttempts(this.channel)).filter((attempt) => free.has(nameOf(attempt)));
  }
  attemptsOf(envelopeHash: string): Attempt[] {
    return this.#book.open.attemptsOf(envelopeHash);
  }
  /** Those that no other process publishes. */
  attemptsHere(envelopeHash: string): Attempt[] {
    return this.attemptsOf(envelopeHash).filter((attempt) => !this.#book.isElsewhere(attempt));
  }
  /** Whether another process publishes it, as far as this one has heard. */
  isElsewhere(envelopeHash: string): boolean {
    return this.attemptsOf(envelopeHash).some((attempt) => this.#book.isElsewhere(attempt));
  }

  /** Refused by a node, and not verified yet. They are not reserved. */
  refusals(): Refusal[] {
    return this.#book.open.refusals();
  }
  isRefused(key: AttemptKey): boolean {
    return this.#book.open.refusal(key) !== undefined;
  }

  /** Hears what other processes did. */
  catchUp(): Promise<void> {
    return this.#turns.catchUp();
  }
  /** Says to other processes that this one lives and what it publishes, and buries those that are gone. */
  tend(isActive: (envelopeHash: Hex) => boolean): Promise<void> {
    return this.#turns.tend(decide.letGo(this.#desk, isActive));
  }
  /** To be called when nothing is under way any more. */
  async close(): Promise<void> {
    if (this.isShared)
      await this.#turns.run(
        [],
        decide.letGo(this.#desk, () => false),
      );
    return this.#turns.leave();
  }

  /**
   * Reserves what envelopes may cost and returns a voucher row that covers them; a new one is signed, and on disk, only when
   * the last one's headroom is used up. Those reserved before are not counted again. They outlive this process; whoever
   * answers for one to a user awaits `onDisk` first.
   * Throws GatewayError `out_of_money` when the channel does not back it and `budget_exhausted` when a budget does not; then
   * nothing has changed.
   * @param terms asked at the moment of the decision
   */
  async reserve(attempts: readonly Attempt[], terms: () => ChannelTerms): Promise<Reserved> {
    const hashes = attempts.map(({ envelopeHash }) => envelopeHash);
    const reserved = await this.#turns.run(hashes, decide.reserve(this.#desk, attempts, terms));
    if (reserved.kind === "elsewhere") return reserved;
    const { isNew, ...result } = reserved;
    return { ...result, onDisk: isNew ? Promise.resolve() : this.flush() };
  }

  /** Whoever answers a user awaits it: what the answer rests on outlives the machine then. */
  async flush(): Promise<void> {
    try {
      await this.#options.store.flush();
      this.#flushProblem = undefined;
    } catch (error) {
      this.#flushProblem = `the ledger could not be flushed: ${String(error)}`;
      throw error;
    }
  }

  /** After a write that failed: writes a step that changes nothing, so that `problem` ends when the store works again. */
  async retry(): Promise<void> {
    if (this.#turns.problem !== undefined) await this.#turns.run([], () => ({ result: undefined, change: {} }));
    if (this.#flushProblem !== undefined) await this.flush();
  }

  /**
   * Notes, before it is sent, what goes on chain: it costs no postage, but its fate has to be known after a crash.
   * @returns false when it is another process's matter, or has its answer: then nothing may be sent
   */
  note(attempt: Attempt): Promise<boolean> {
    return this.#turns.run([attempt.envelopeHash], decide.note(this.#desk, attempt));
  }

  /**
   * Reserves gas for a transaction of what was noted. Throws GatewayError `budget_exhausted`, or `in_progress` when another process
   * has it in hand by now; then nothing has changed, and nothing may be sent.
   */
  reserveGas(key: AttemptKey, mostWei: bigint): Promise<void> {
    return this.#turns.run([], decide.reserveGas(this.#desk, key, mostWei));
  }

  /** What a transaction cost, in place of what was reserved for it. */
  settleGas(key: AttemptKey, mostWei: bigint, spentWei: bigint): Promise<void> {
    return this.#turns.run([], decide.settleGas(this.#desk, key, mostWei, spentWei));
  }

  /** Whether our own total explains what a node asks for, as far as this process has heard: `catchUp` first. */
  explains(required: bigint): boolean {
    return this.#desk.signer.explains(required);
  }

  /**
   * Signs what a node asks for, if the ledger can explain it: at most its own total plus 1 % or 0.01 USD.
   * Throws GatewayError `demand_above_ledger` or `out_of_money`; then nothing is signed.
   */
  raise(required: bigint, terms: () => ChannelTerms): Promise<Uint8Array> {
    return this.#sign(() => this.#desk.signer.rowForDemand(required, terms()));
  }

  /** Signs, if need be, what is used and in flight without any headroom. Undefined when nothing was ever used. */
  settleUp(backed: () => bigint): Promise<Uint8Array | undefined> {
    return this.#sign(() => {
      const { total } = this.#book;
      return total === 0n
        ? this.#book.state.voucherRow
        : this.#desk.signer.rowFor(total, { backed: backed(), headroom: 0n });
    });
  }

  #sign<T extends Uint8Array | undefined>(rowOf: () => T): Promise<T> {
    return this.#turns.run([], () => {
      const voucherRow = rowOf();
      const isNew = voucherRow !== this.#book.state.voucherRow;
      return { result: voucherRow, ...(isNew ? { change: { voucherRow } } : {}) };
    });
  }

  /**
   * Signs a ceiling for stamps, on disk before anybody sees it. What it takes of the deposit is no longer there for fees.
   * Throws GatewayError `out_of_money` when the deposit does not back it beside the fees, `budget_exhausted` when a budget does
   * not; then nothing is signed.
   * @returns base units by which the ceiling was raised
   */
  raiseStamps(ceiling: bigint, terms: () => StampTerms, spender: Spender): Promise<bigint> {
    const asked = { ceiling, terms, spender, now: this.#options.clock.now() };
    return this.#turns.run([], decide.raiseStamps(this.#desk, asked));
  }

  /**
   * The envelope is stored at that node for this fee. Counts once: what is neither reserved nor refused was counted.
   * @param receipt kept in the same step, where it is given
   * @returns whether two nodes now carry, and charge for, the same envelope
   */
  complete(
    key: AttemptKey,
    chargedPico: bigint,
    answer: StoredAnswer,
    receipt: KeptReceipt | undefined = undefined,
  ): Promise<boolean> {
    const completion = { key, chargedPico, answer, receipt };
    return this.#turns.run([key.envelopeHash], decide.complete(this.#desk, completion));
  }

  /**
   * A node says that it does not store these: what was reserved for them is free again, and they are kept to be
   * verified at other nodes.
   * @param unless asked when it is this call's turn, so that an attempt which was taken up again stays reserved
   */
  refuse(keys: readonly AttemptKey[], refusedAt: number, unless: () => boolean = () => false): Promise<void> {
    return this.#turns.run([], decide.refuse(this.#desk, { keys, refusedAt, unless }));
  }

  /** These refusals were true, as far as could be told in time. */
  forgetRefusals(keys: readonly AttemptKey[]): Promise<void> {
    return this.#turns.run([], decide.forgetRefusals(this.#desk, keys));
  }

  /** These are surely not stored: what was reserved for them is free again. */
  release(keys: readonly AttemptKey[]): Promise<void> {
    return this.#turns.run([], decide.release(this.#desk, keys));
  }

  /**
   * What the chain collected was signed by this key, whatever this store remembers: an empty or restored store starts
   * from there. @returns whether the store knew less
   */
  async reconcile(feesSpent: bigint): Promise<boolean> {
    const learn = reconcile(this.#book, feesSpent, this.#options.clock.now());
    return learn ? this.#turns.run([], learn) : false;
  }

  /**
   * Raises the usage to what the nodes' logs prove, by originator. What is in flight stays reserved and is booked as
   * usual; an unnamed part, which the chain told of, is taken to be among what the logs prove.
   * @returns whether the ledger knew less
   */
  recover(usage: ReadonlyMap<number, ProvenUsage>): Promise<boolean> {
    return this.#turns.run([], recover(this.#book, usage, this.#options.clock.now()));
  }
}
