import { Serial } from "../../platform/serial.ts";
import type { Address } from "../../protocol/bytes.ts";
import { addressOf } from "../../protocol/ecdsa.ts";
import { formatUnits, picoToUnitsUp, unitsToPico } from "../../protocol/units.ts";
import type { PostageDomain } from "../../protocol/voucher.ts";
import { readVoucher, signVoucher } from "../../protocol/voucher.ts";
import type { PostageNumbers } from "../errors.ts";
import { GatewayError } from "../errors.ts";
import type { Attempt, AttemptKey, GatewayStore, LedgerCommit, StoredAnswer, StoredChannel } from "../ports.ts";

/** Least tolerance towards a node that counts more than we do: 0.01 USD. */
const LEAST_TOLERANCE_UNITS = 10_000n;

/** What the channel allows at this moment, in base units. */
export interface ChannelTerms {
  /** What the deposit still backs, fees already collected included. */
  backed: bigint;
  headroom: bigint;
}

export interface LedgerOptions {
  store: GatewayStore;
  domain: PostageDomain;
  /** 32 bytes. */
  postageKey: Uint8Array;
}

function idOf({ envelopeHash, originatorId }: AttemptKey): string {
  return `${envelopeHash}:${originatorId}`;
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
  readonly #attempts: Map<string, Attempt>;
  #state: StoredChannel;
  #authorised: bigint;
  #inFlightPico = 0n;
  #problem: string | undefined;
  /** Envelopes with an attempt, to find them without a scan. */
  readonly #byEnvelope = new Map<string, Set<string>>();

  private constructor(options: LedgerOptions, state: StoredChannel, attempts: readonly Attempt[]) {
    this.#options = options;
    this.channel = addressOf(options.postageKey);
    this.#state = state;
    this.#authorised = state.voucherRow ? readVoucher(options.domain, state.voucherRow).fees : 0n;
    this.#attempts = new Map();
    for (const attempt of attempts) this.#remember(attempt);
  }

  /** Reads what the store has; publishes that were under way when it was last closed count as used. */
  static async open(options: LedgerOptions): Promise<ChannelLedger> {
    const channel = addressOf(options.postageKey);
    const state = await options.store.loadChannel(channel);
    const attempts = await options.store.loadAttempts(channel);
    const empty = { usagePico: 0n, voucherRow: undefined, doubles: 0n, revision: 0n };
    const ledger = new ChannelLedger(options, state ?? empty, attempts);
    const row = state?.voucherRow;
    if (row && readVoucher(options.domain, row).channel !== channel) {
      throw new GatewayError(
        "ledger_conflict",
        `the store's voucher is not one of channel ${channel} under this PostageChannels contract: use its own store`,
        { retryable: false },
      );
    }
    return ledger;
  }

  get usagePico(): bigint {
    return this.#state.usagePico;
  }
  /** Reserved for envelopes whose fate is not known. */
  get inFlightPico(): bigint {
    return this.#inFlightPico;
  }
  /** Base units of the largest voucher signed. */
  get authorised(): bigint {
    return this.#authorised;
  }
  get doubles(): bigint {
    return this.#state.doubles;
  }
  /** Packed row of the largest voucher signed. */
  get voucherRow(): Uint8Array | undefined {
    return this.#state.voucherRow;
  }
  /** Why the last step could not be written; undefined while all is well. */
  get problem(): string | undefined {
    return this.#problem;
  }
  attempts(): Attempt[] {
    return [...this.#attempts.values()];
  }
  attemptsOf(envelopeHash: string): Attempt[] {
    return [...(this.#byEnvelope.get(envelopeHash) ?? [])].map((id) => this.#attempts.get(id)!);
  }

  /**
   * Reserves what envelopes may cost and returns a voucher row that covers them; a new one is signed only when the
   * last one's headroom is used up. Those reserved before are not counted again.
   * Throws GatewayError `out_of_money` when the channel does not back it; then nothing has changed.
   */
  reserve(attempts: readonly Attempt[], terms: ChannelTerms): Promise<Uint8Array> {
    return this.#serial.run(async () => {
      const fresh = attempts.filter((attempt) => !this.#attempts.has(idOf(attempt)));
      const added = fresh.reduce((sum, { reservedPico }) => sum + reservedPico, 0n);
      const voucherRow = this.#rowFor(picoToUnitsUp(this.usagePico + this.#inFlightPico + added), terms);
      const isNew = voucherRow !== this.#state.voucherRow;
      if (isNew || fresh.length > 0) await this.#commit({ voucherRow }, { addAttempts: fresh });
      for (const attempt of fresh) this.#remember(attempt);
      return voucherRow;
    });
  }

  /** Notes, before it is sent, what goes on chain: it costs no postage, but its fate has to be known after a crash. */
  note(attempt: Attempt): Promise<void> {
    return this.#serial.run(async () => {
      if (this.#attempts.has(idOf(attempt))) return;
      await this.#commit({}, { addAttempts: [attempt] });
      this.#remember(attempt);
    });
  }

  /**
   * Signs what a node asks for, if the ledger can explain it: at most its own total plus 1 % or 0.01 USD.
   * Throws GatewayError `demand_above_ledger` or `out_of_money`; then nothing is signed.
   */
  raise(required: bigint, terms: ChannelTerms): Promise<Uint8Array> {
    return this.#serial.run(async () => {
      const total = picoToUnitsUp(this.usagePico + this.#inFlightPico);
      const tolerance = total / 100n > LEAST_TOLERANCE_UNITS ? total / 100n : LEAST_TOLERANCE_UNITS;
      if (required > total + tolerance) {
        const limit = formatUnits(total + tolerance);
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
   * The envelope is stored at that node for this fee. Counts once: an attempt that is not reserved has been counted.
   * @returns whether two nodes now carry, and charge for, the same envelope
   */
  complete(key: AttemptKey, chargedPico: bigint, answer: StoredAnswer): Promise<boolean> {
    return this.#serial.run(async () => {
      if (!this.#attempts.has(idOf(key))) return false;
      const isDouble = (await this.#options.store.findAnswer(this.channel, key.envelopeHash)) !== undefined;
      const doubles = this.#state.doubles + (isDouble ? 1n : 0n);
      const usagePico = this.usagePico + chargedPico;
      await this.#commit(
        { usagePico, doubles },
        { removeAttempts: [key], answer: { envelopeHash: key.envelopeHash, answer } },
      );
      this.#forget(key);
      return isDouble;
    });
  }

  /**
   * These are surely not stored: what was reserved for them is free again.
   * @param unless asked when it is this call's turn, so that an attempt which was taken up again stays reserved
   */
  release(keys: readonly AttemptKey[], unless: () => boolean = () => false): Promise<void> {
    return this.#serial.run(async () => {
      const held = keys.filter((key) => this.#attempts.has(idOf(key)));
      if (held.length === 0 || unless()) return;
      await this.#commit({}, { removeAttempts: held });
      for (const key of held) this.#forget(key);
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
      await this.#commit({ usagePico });
      return true;
    });
  }

  /** Signs, if need be, what is used and in flight without any headroom. Undefined when nothing was ever used. */
  settleUp(backed: bigint): Promise<Uint8Array | undefined> {
    return this.#serial.run(async () => {
      const total = picoToUnitsUp(this.usagePico + this.#inFlightPico);
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
    return signVoucher(this.#options.domain, { fees, stamps: this.#stamps() }, this.#options.postageKey);
  }

  #stamps(): bigint {
    const row = this.#state.voucherRow;
    return row ? readVoucher(this.#options.domain, row).stamps : 0n;
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
    if (authorised < this.#authorised || state.usagePico < this.usagePico) {
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
  }

  #remember(attempt: Attempt): void {
    const id = idOf(attempt);
    this.#attempts.set(id, attempt);
    this.#inFlightPico += attempt.reservedPico;
    const ids = this.#byEnvelope.get(attempt.envelopeHash) ?? new Set();
    this.#byEnvelope.set(attempt.envelopeHash, ids.add(id));
  }

  #forget(key: AttemptKey): void {
    const id = idOf(key);
    this.#inFlightPico -= this.#attempts.get(id)!.reservedPico;
    this.#attempts.delete(id);
    const ids = this.#byEnvelope.get(key.envelopeHash);
    ids?.delete(id);
    if (ids?.size === 0) this.#byEnvelope.delete(key.envelopeHash);
  }
}
