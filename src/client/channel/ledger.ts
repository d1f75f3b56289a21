import type { Clock } from "../../platform/clock.ts";
import { Serial } from "../../platform/serial.ts";
import type { Address } from "../../protocol/bytes.ts";
import { addressOf } from "../../protocol/ecdsa.ts";
import { FIRST_NODE_ID } from "../../protocol/envelope.ts";
import { formatUnits, picoToUnitsUp, unitsToPico } from "../../protocol/units.ts";
import type { PostageDomain } from "../../protocol/voucher.ts";
import { readVoucher, signVoucher, voucherAmounts } from "../../protocol/voucher.ts";
import type { PostageNumbers } from "../errors.ts";
import { GatewayError } from "../errors.ts";
import type {
  Attempt,
  AttemptKey,
  GatewayStore,
  KeptReceipt,
  LedgerCommit,
  Refusal,
  Spend,
  Spender,
  StoredAnswer,
  StoredChannel,
} from "../ports.ts";
import type { Budgets } from "./budgetBook.ts";
import { BudgetBook } from "./budgetBook.ts";
import { OpenPublishes, outlayOf } from "./openPublishes.ts";
import { dayOf, spendFor, stampSpend, unnamedSpend } from "./spend.ts";

/** Least tolerance towards a node that counts more than we do: 0.01 USD. */
const LEAST_TOLERANCE_UNITS = 10_000n;

const EVER = { from: 0, to: Number.MAX_SAFE_INTEGER };

/** Refusals kept for verification; beyond, the oldest are forgotten. */
const MOST_REFUSALS = 10_000;

/** What a node's log proves to be charged to this channel, by hash of the client envelope. */
export interface ProvenUsage {
  totalPico: bigint;
  feePico: ReadonlyMap<string, bigint>;
}

/** What the channel allows at this moment, in base units. */
export interface ChannelTerms {
  /** What the deposit still backs, fees already collected included. */
  backed: bigint;
  headroom: bigint;
}

/** The same for who signs stamps: `backed` is what is left beside this ceiling, the larger of ours and the chain's. */
export interface StampTerms extends ChannelTerms {
  stampsSigned: bigint;
}

export interface LedgerOptions {
  store: GatewayStore;
  domain: PostageDomain;
  /** 32 bytes. */
  postageKey: Uint8Array;
  clock: Pick<Clock, "now">;
  /** Unlimited when left out. */
  budgets?: Budgets;
}

export interface Reserved {
  voucherRow: Uint8Array;
  /** Resolves when the reservation outlives the machine too. */
  onDisk: Promise<void>;
}

/**
 * What the payer owes in all, over every node, and what it has signed. Three amounts, of which none ever falls:
 * `usage` (receipts seen), `usage + in flight` (what could be owed) and `authorised` (the largest voucher). A voucher
 * is on disk before anybody sees it, and a reservation before its envelope is sent; so after a crash the ledger knows
 * of everything that a node may hold.
 */
export class ChannelLedger {
  readonly channel: Address;
  readonly #options: LedgerOptions;
  readonly #serial = new Serial();
  readonly #budgets: BudgetBook;
  readonly #open: OpenPublishes;
  #state: StoredChannel;
  #authorised: bigint;
  #problem: string | undefined;
  #flushProblem: string | undefined;

  private constructor(
    options: LedgerOptions,
    state: StoredChannel,
    attempts: readonly Attempt[],
    refusals: readonly Refusal[],
  ) {
    this.#options = options;
    this.channel = addressOf(options.postageKey);
    this.#state = state;
    this.#budgets = new BudgetBook({ channel: this.channel, store: options.store, budgets: options.budgets ?? {} });
    this.#authorised = state.voucherRow ? readVoucher(options.domain, state.voucherRow).fees : 0n;
    this.#open = new OpenPublishes(this.#budgets, attempts, refusals);
  }

  /** Reads what the store has; publishes that were under way when it was last closed count as used. */
  static async open(options: LedgerOptions): Promise<ChannelLedger> {
    const channel = addressOf(options.postageKey);
    const state = await options.store.loadChannel(channel);
    const attempts = await options.store.loadAttempts(channel);
    const refusals = await options.store.loadRefusals(channel);
    // A process that ended may have left it written and not flushed: from here on it counts as signed and reserved.
    await options.store.flush();
    const empty = { usagePico: 0n, usageByNode: new Map(), voucherRow: undefined, doubles: 0n, revision: 0n };
    const ledger = new ChannelLedger(options, state ?? empty, attempts, refusals);
    const row = state?.voucherRow;
    if (row && readVoucher(options.domain, row).channel !== channel) {
      throw new GatewayError(
        "ledger_conflict",
        `the store's voucher is not one of channel ${channel} under this PostageChannels contract: use its own store`,
        { retryable: false },
      );
    }
    await ledger.#nameUsage();
    return ledger;
  }

  /** What a store was told of before it knew who spent it. */
  async #nameUsage(): Promise<void> {
    const { clock, store } = this.#options;
    if (this.usagePico === 0n && this.stampsSigned === 0n) return;
    if ((await store.spendPage(this.channel, EVER, undefined, 1)).length > 0) return;
    const amounts = { postagePico: this.usagePico, stampUnits: this.stampsSigned };
    await this.#commit({}, { spend: [unnamedSpend(clock.now(), amounts)] });
  }

  get usagePico(): bigint {
    return this.#state.usagePico;
  }
  /** Reserved for envelopes whose fate is not known. */
  get inFlightPico(): bigint {
    return this.#open.inFlightPico;
  }
  /** Base units of the largest voucher signed. */
  get authorised(): bigint {
    return this.#authorised;
  }
  /** Base units of the largest ceiling for stamps that was signed here. */
  get stampsSigned(): bigint {
    const row = this.#state.voucherRow;
    return row ? voucherAmounts(row).stamps : 0n;
  }
  get doubles(): bigint {
    return this.#state.doubles;
  }
  /** Packed row of the largest voucher signed. */
  get voucherRow(): Uint8Array | undefined {
    return this.#state.voucherRow;
  }
  /** Why the last step could not be written or flushed; undefined while all is well. */
  get problem(): string | undefined {
    return this.#problem ?? this.#flushProblem;
  }
  attempts(): Attempt[] {
    return this.#open.attempts();
  }
  attemptsOf(envelopeHash: string): Attempt[] {
    return this.#open.attemptsOf(envelopeHash);
  }

  /** Refused by a node, and not verified yet. They are not reserved. */
  refusals(): Refusal[] {
    return this.#open.refusals();
  }
  isRefused(key: AttemptKey): boolean {
    return this.#open.refusal(key) !== undefined;
  }

  /**
   * Reserves what envelopes may cost and returns a voucher row that covers them; a new one is signed, and on disk, only when
   * the last one's headroom is used up. Those reserved before are not counted again. They outlive this process; whoever
   * answers for one to a user awaits `onDisk` first.
   * Throws GatewayError `out_of_money` when the channel does not back it and `budget_exhausted` when a budget does not; then
   * nothing has changed.
   */
  reserve(attempts: readonly Attempt[], terms: ChannelTerms): Promise<Reserved> {
    return this.#serial.run(async () => {
      const fresh = attempts.filter((attempt) => !this.#open.attempt(attempt));
      await this.#budgets.check(fresh.map(outlayOf));
      const added = fresh.reduce((sum, { reservedPico }) => sum + reservedPico, 0n);
      const voucherRow = this.#rowFor(picoToUnitsUp(this.usagePico + this.inFlightPico + added), terms);
      const isNew = voucherRow !== this.#state.voucherRow;
      const again = fresh.filter((attempt) => this.isRefused(attempt));
      if (isNew || fresh.length > 0) {
        // A voucher that nobody has seen must never be forgotten; an attempt that a power cut takes was never answered.
        await this.#commit({ voucherRow }, { addAttempts: fresh, removeRefusals: again, isFlushedLater: !isNew });
      }
      return { voucherRow, onDisk: isNew ? Promise.resolve() : this.flush() };
    });
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

  /** Notes, before it is sent, what goes on chain: it costs no postage, but its fate has to be known after a crash. */
  note(attempt: Attempt): Promise<void> {
    return this.#serial.run(async () => {
      if (!this.#open.attempt(attempt)) await this.#commit({}, { addAttempts: [attempt] });
    });
  }

  /**
   * Reserves gas for a transaction of what was noted. Throws GatewayError `budget_exhausted`; then nothing has changed, and nothing
   * may be sent.
   */
  reserveGas(key: AttemptKey, mostWei: bigint): Promise<void> {
    return this.#serial.run(async () => {
      const attempt = this.#open.attempt(key);
      if (!attempt) return;
      await this.#budgets.check([{ ...outlayOf(attempt), pico: 0n, wei: mostWei }]);
      await this.#setGas(attempt, attempt.reservedWei + mostWei);
    });
  }

  /** What a transaction cost, in place of what was reserved for it. */
  settleGas(key: AttemptKey, mostWei: bigint, spentWei: bigint): Promise<void> {
    return this.#serial.run(async () => {
      const attempt = this.#open.attempt(key);
      if (!attempt) return;
      const rest = attempt.reservedWei > mostWei ? attempt.reservedWei - mostWei : 0n;
      await this.#setGas(attempt, rest, spentWei > 0n ? [spendFor(attempt, { gasWei: spentWei })] : []);
    });
  }

  async #setGas(attempt: Attempt, reservedWei: bigint, spend: readonly Spend[] = []): Promise<void> {
    await this.#commit({}, { addAttempts: [{ ...attempt, reservedWei }], spend });
  }

  /** Base units that a node may ask for: our own total plus 1 % or 0.01 USD. */
  #mostExplained(): bigint {
    const total = picoToUnitsUp(this.usagePico + this.inFlightPico);
    return total + (total / 100n > LEAST_TOLERANCE_UNITS ? total / 100n : LEAST_TOLERANCE_UNITS);
  }

  explains(required: bigint): boolean {
    return required <= this.#mostExplained();
  }

  /**
   * Signs what a node asks for, if the ledger can explain it: at most its own total plus 1 % or 0.01 USD.
   * Throws GatewayError `demand_above_ledger` or `out_of_money`; then nothing is signed.
   */
  raise(required: bigint, terms: ChannelTerms): Promise<Uint8Array> {
    return this.#serial.run(async () => {
      const total = picoToUnitsUp(this.usagePico + this.inFlightPico);
      if (!this.explains(required)) {
        const limit = formatUnits(this.#mostExplained());
        throw new GatewayError(
          "demand_above_ledger",
          `a node asks for ${formatUnits(required)} USD, our own total explains at most ${limit}: nothing was signed`,
          { retryable: true, numbers: this.#numbers(required, terms) },
        );
      }
      const voucherRow = this.#rowFor(required > total ? required : total, terms);
      if (voucherRow !== this.#state.voucherRow) await this.#commit({ voucherRow });
      return voucherRow;
    });
  }

  /**
   * Signs a ceiling for stamps, on disk before anybody sees it. What it takes of the deposit is no longer there for fees.
   * Throws GatewayError `out_of_money` when the deposit does not back it beside the fees, `budget_exhausted` when a budget does
   * not; then nothing is signed.
   */
  raiseStamps(ceiling: bigint, terms: StampTerms, spender: Spender): Promise<void> {
    return this.#serial.run(async () => {
      if (ceiling <= this.stampsSigned) return;
      const total = picoToUnitsUp(this.usagePico + this.inFlightPico);
      const backed = terms.backed - (ceiling - terms.stampsSigned);
      if (total > backed) {
        const words = `a stamp needs a ceiling of ${formatUnits(ceiling)} USD, and the deposit backs no more beside the fees`;
        throw new GatewayError("out_of_money", `channel ${this.channel} is out of money: ${words}: deposit`, {
          retryable: true,
          numbers: this.#numbers(total + ceiling, terms),
        });
      }
      const { clock, domain, postageKey } = this.#options;
      const now = clock.now();
      // The chain may know of ceilings that this store does not: they are nobody's here.
      const known = ceiling < terms.stampsSigned ? ceiling : terms.stampsSigned;
      const [unnamed, bought] = [known - this.stampsSigned, ceiling - known];
      await this.#budgets.check([{ day: dayOf(now), spender, pico: unitsToPico(bought), wei: 0n }]);
      const fees = this.#authorised > total ? this.#authorised : total;
      const spend = [stampSpend(now, spender, bought), unnamedSpend(now, { stampUnits: unnamed })];
      const voucherRow = signVoucher(domain, { fees, stamps: ceiling }, postageKey);
      await this.#commit({ voucherRow }, { spend: spend.filter(({ stampUnits }) => stampUnits > 0n) });
    });
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
    return this.#serial.run(async () => {
      const held = this.#open.attempt(key);
      const publish = held ?? this.#open.refusal(key);
      if (!publish) return false;
      const isDouble = (await this.#options.store.findAnswer(this.channel, key.envelopeHash)) !== undefined;
      const doubles = this.#state.doubles + (isDouble ? 1n : 0n);
      const usagePico = this.usagePico + chargedPico;
      const usageByNode = new Map(this.#state.usageByNode);
      if (chargedPico > 0n) usageByNode.set(key.originatorId, this.usageAtPico(key.originatorId) + chargedPico);
      const removed = { removeAttempts: [key], removeRefusals: [key] };
      const kept = { answer: { envelopeHash: key.envelopeHash, answer }, ...(receipt ? { receipt } : {}) };
      // Of a transaction that was never seen mined, all that it may have cost counts.
      const amounts = { count: 1n, postagePico: chargedPico, gasWei: held?.reservedWei ?? 0n };
      const spend = [spendFor(publish, amounts)];
      // Lost in a power cut, a publish is found open again, looked up and booked; what was sent to the chain is not.
      const isFlushedLater = key.originatorId >= FIRST_NODE_ID;
      await this.#commit({ usagePico, usageByNode, doubles }, { ...removed, ...kept, spend, isFlushedLater });
      return isDouble;
    });
  }

  /**
   * A node says that it does not store these: what was reserved for them is free again, and they are kept to be
   * verified at other nodes.
   * @param unless asked when it is this call's turn, so that an attempt which was taken up again stays reserved
   */
  refuse(keys: readonly AttemptKey[], refusedAt: number, unless: () => boolean = () => false): Promise<void> {
    return this.#serial.run(async () => {
      const held = this.#open.held(keys);
      if (held.length === 0 || unless()) return;
      const refusals = held.map(({ envelopeHash, originatorId, topic, spender }) => {
        return { envelopeHash, originatorId, topic, spender, refusedAt };
      });
      const known = this.refusals();
      const oldest = known.slice(0, Math.max(0, known.length + refusals.length - MOST_REFUSALS));
      await this.#commit({}, { removeAttempts: held, addRefusals: refusals, removeRefusals: oldest });
    });
  }

  /** These refusals were true, as far as could be told in time. */
  forgetRefusals(keys: readonly AttemptKey[]): Promise<void> {
    return this.#serial.run(async () => {
      const known = keys.filter((key) => this.isRefused(key));
      if (known.length > 0) await this.#commit({}, { removeRefusals: known });
    });
  }

  /** These are surely not stored: what was reserved for them is free again. */
  release(keys: readonly AttemptKey[]): Promise<void> {
    return this.#serial.run(async () => {
      const held = this.#open.held(keys);
      if (held.length === 0) return;
      const sent = held.filter(({ reservedWei }) => reservedWei > 0n);
      const spend = sent.map((attempt) => spendFor(attempt, { gasWei: attempt.reservedWei }));
      await this.#commit({}, { removeAttempts: held, spend });
    });
  }

  /**
   * What the chain collected was signed by this key, whatever this store remembers: an empty or restored store starts
   * from there. @returns whether the store knew less
   */
  reconcile(feesSpent: bigint): Promise<boolean> {
    if (feesSpent <= this.#authorised || unitsToPico(feesSpent) <= this.usagePico) return Promise.resolve(false);
    return this.#serial.run(async () => {
      const usagePico = unitsToPico(feesSpent);
      if (usagePico <= this.usagePico) return false;
      const missed = usagePico - this.usagePico;
      const spend = [unnamedSpend(this.#options.clock.now(), { postagePico: missed })];
      await this.#commit({ usagePico }, { spend });
      return true;
    });
  }

  /** What receipts and logs of one originator tell of. */
  usageAtPico(originatorId: number): bigint {
    return this.#state.usageByNode.get(originatorId) ?? 0n;
  }

  /**
   * Raises the usage to what the nodes' logs prove, by originator. What is in flight stays reserved and is booked as
   * usual; an unnamed part, which the chain told of, is taken to be among what the logs prove.
   * @returns whether the ledger knew less
   */
  recover(proven: ReadonlyMap<number, ProvenUsage>): Promise<boolean> {
    return this.#serial.run(async () => {
      const usageByNode = new Map(this.#state.usageByNode);
      for (const [originatorId, { totalPico, feePico }] of proven) {
        const open = this.attempts().filter((attempt) => attempt.originatorId === originatorId);
        const pico = open.reduce((rest, { envelopeHash }) => rest - (feePico.get(envelopeHash) ?? 0n), totalPico);
        if (pico > this.usageAtPico(originatorId)) usageByNode.set(originatorId, pico);
      }
      const named = [...usageByNode.values()].reduce((sum, pico) => sum + pico, 0n);
      const usagePico = named > this.usagePico ? named : this.usagePico;
      const isNew = [...usageByNode].some(([originatorId, pico]) => pico > this.usageAtPico(originatorId));
      const missed = usagePico - this.usagePico;
      const spend = missed > 0n ? [unnamedSpend(this.#options.clock.now(), { postagePico: missed })] : [];
      if (isNew) await this.#commit({ usagePico, usageByNode }, { spend });
      return isNew;
    });
  }

  /** Signs, if need be, what is used and in flight without any headroom. Undefined when nothing was ever used. */
  settleUp(backed: bigint): Promise<Uint8Array | undefined> {
    return this.#serial.run(async () => {
      const total = picoToUnitsUp(this.usagePico + this.inFlightPico);
      if (total === 0n) return this.#state.voucherRow;
      const voucherRow = this.#rowFor(total, { backed, headroom: 0n });
      if (voucherRow !== this.#state.voucherRow) await this.#commit({ voucherRow });
      return voucherRow;
    });
  }

  /** The row that covers `total` base units: the one there is, or a new one with headroom, within what is backed. */
  #rowFor(total: bigint, terms: ChannelTerms): Uint8Array {
    if (total > terms.backed) {
      const numbers = this.#numbers(total, terms);
      const missing = formatUnits(total - terms.backed);
      throw new GatewayError(
        "out_of_money",
        `channel ${this.channel} is out of money: ${formatUnits(total)} USD required in all, ` +
          `${formatUnits(terms.backed)} available: deposit at least ${missing} USD to this channel`,
        { retryable: true, numbers },
      );
    }
    const row = this.#state.voucherRow;
    if (row && total <= this.#authorised) return row;
    const wanted = total + terms.headroom;
    const fees = wanted < terms.backed ? wanted : terms.backed;
    return signVoucher(this.#options.domain, { fees, stamps: this.stampsSigned }, this.#options.postageKey);
  }

  #numbers(required: bigint, terms: ChannelTerms): PostageNumbers {
    return { channel: this.channel, required, authorised: this.#authorised, available: terms.backed };
  }

  async #commit(change: Partial<StoredChannel>, step: Partial<LedgerCommit> = {}): Promise<void> {
    const state = { ...this.#state, ...change, revision: this.#state.revision + 1n };
    // The columns of a voucher only grow: refuse to write, let alone to send, anything else.
    const authorised =
      state.voucherRow === this.#state.voucherRow
        ? this.#authorised
        : readVoucher(this.#options.domain, state.voucherRow!).fees;
    const stamps = state.voucherRow ? voucherAmounts(state.voucherRow).stamps : 0n;
    if (authorised < this.#authorised || stamps < this.stampsSigned || state.usagePico < this.usagePico) {
      throw new GatewayError("ledger_conflict", "the ledger would go backwards", { retryable: false });
    }
    try {
      await this.#options.store.commit({ channel: this.channel, state, ...step });
      this.#problem = undefined;
    } catch (error) {
      this.#problem = `the ledger could not be written: ${String(error)}`;
      throw error;
    }
    this.#state = state;
    this.#authorised = authorised;
    this.#open.apply(step);
    this.#budgets.spend(step.spend ?? []);
  }
}
