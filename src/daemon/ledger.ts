import { Batcher } from "../platform/batcher.ts";
import type { Address } from "../protocol/bytes.ts";
import type { SignedVoucher } from "../protocol/voucher.ts";
import { mergeVouchers } from "../protocol/voucher.ts";
import { MinuteBook } from "./minuteBook.ts";
import type { Account, ChainProgress, Charge, LedgerStore, MeterBatch } from "./ports.ts";
import { Reservations } from "./holdings/reservations.ts";

const CACHED_ACCOUNTS = 50_000;
/** What one read or one commit covers at most. */
const MOST_PER_BATCH = 1_000;
/** What waits for one at most; more is turned away. */
const MOST_WAITING = 20_000;
/** Turns of the event loop that a commit waits for more. */
const MOST_TURNS = 8;
/** An account may be written again and again while it is read. */
const MOST_READS = 5;

export interface LedgerOptions {
  /** Hears of each channel whose largest vouchers may have grown, once that is on disk. */
  onRaise?: (channel: Address) => void;
  /** Whether other processes write to the same store: then no account is kept in memory. */
  isShared?: boolean;
}

type ChargeKey = Pick<Charge, "channel" | "digest">;

/**
 * The accounts in use, over the durable store.
 *
 * Every change reaches the store first and the cached account in the same turn of the event loop in which the store
 * answered, so a check and a reservation without an `await` between them cannot be overtaken.
 */
export class Ledger {
  readonly reservations = new Reservations();
  readonly minutes: MinuteBook;
  readonly #store: LedgerStore;
  readonly #cache = new Map<Address, Account>();
  readonly #onRaise: (channel: Address) => void;
  readonly #isShared: boolean;
  readonly #reads: Batcher<Address, Account | undefined>;
  readonly #looks: Batcher<ChargeKey, boolean>;
  readonly #raises: Batcher<readonly SignedVoucher[], void>;
  /** The last write of each channel while something is being read: what was read before it is old when it arrives. */
  readonly #writes = new Map<Address, number>();
  #writeCount = 0;
  #reading = 0;
  #meterings = 0;

  constructor(store: LedgerStore, { onRaise = () => {}, isShared = false }: LedgerOptions = {}) {
    this.#store = store;
    this.#onRaise = onRaise;
    this.#isShared = isShared;
    this.minutes = new MinuteBook(store, isShared);
    const bounds = { mostPerBatch: MOST_PER_BATCH, mostWaiting: MOST_WAITING, mostTurns: MOST_TURNS };
    this.#reads = new Batcher({ ...bounds, run: (channels) => this.#read(channels) });
    this.#looks = new Batcher({ ...bounds, run: (charges) => this.#look(charges) });
    this.#raises = new Batcher({ ...bounds, run: (raises) => this.#raise(raises) });
  }

  /**
   * The live account: its fields change as envelopes are metered; of a shared store, as it was a moment ago. Undefined for a channel nobody funded or used. Throws
   * BatcherFullError when too many wait.
   */
  async account(channel: Address): Promise<Account | undefined> {
    if (this.#isShared) return this.#reads.add(channel);
    const cached = this.#cache.get(channel);
    if (cached) return cached;
    this.#reading++;
    try {
      return await this.#load(channel);
    } finally {
      if (--this.#reading === 0) this.#writes.clear();
    }
  }

  async #load(channel: Address): Promise<Account | undefined> {
    let stored: Account | undefined;
    for (let tries = 0; tries < MOST_READS; tries++) {
      const writes = this.#writes.get(channel);
      stored = await this.#reads.add(channel);
      // Another call may have loaded it meanwhile; there must be one object per channel.
      const raced = this.#cache.get(channel);
      if (raced) return raced;
      if (this.#writes.get(channel) !== writes) continue;
      if (stored) this.#keep(stored);
      return stored;
    }
    return stored;
  }

  /**
   * False when the account may be old: it was dropped from memory since it was asked for, or none is kept. What was metered
   * meanwhile is not in such a one, and not among the reservations any more.
   */
  isLive(account: Account): boolean {
    return this.#cache.get(account.channel) === account;
  }

  accounts(after: Address | undefined, limit: number): Promise<Account[]> {
    return this.#store.accounts(after, limit);
  }

  /** Resolves when the vouchers are on disk; many calls share one flush. Throws BatcherFullError when too many wait. */
  async raise(vouchers: readonly SignedVoucher[]): Promise<void> {
    if (vouchers.length > 0) await this.#raises.add(vouchers);
  }

  async recordChain(progress: ChainProgress): Promise<void> {
    await this.#orForget(progress.states.keys(), this.#store.recordChain(progress));
    for (const [channel, chain] of progress.states) {
      this.#noteWrite(channel);
      const account = this.#cache.get(channel);
      if (account) account.chain = chain;
    }
  }

  async meter(batch: MeterBatch): Promise<Charge[]> {
    const channels = new Set(batch.charges.map(({ channel }) => channel));
    const charged = await this.#orForget(channels, this.#store.meter(batch));
    this.#meterings++;
    this.minutes.note(batch);
    for (const { channel, feePico } of charged) {
      this.#noteWrite(channel);
      const account = this.#cache.get(channel);
      if (account) account.usagePico += feePico;
    }
    for (const { channel, digest } of batch.charges) this.reservations.remove(channel, digest);
    return charged;
  }

  /** Whether an envelope was charged already, or is about to be. */
  async isCharged(channel: Address, digest: string): Promise<boolean> {
    return this.reservations.has(channel, digest) || (await this.#looks.add({ channel, digest }));
  }

  /** What channels used of their ceilings for stamps, of a moment in which nothing was being metered. */
  async stampsUsed(channels: readonly Address[]): Promise<ReadonlyMap<Address, bigint>> {
    for (let tries = 1; ; tries++) {
      const meterings = this.#meterings;
      const used = await this.#store.stampsUsed(channels);
      // What was held when it was read, and is metered now, would be in neither.
      if (meterings === this.#meterings || tries === MOST_READS) return used;
    }
  }

  async #read(channels: readonly Address[]): Promise<(Account | undefined)[]> {
    const found = await this.#store.accountsOf([...new Set(channels)]);
    return channels.map((channel) => found.get(channel));
  }

  async #look(charges: readonly ChargeKey[]): Promise<boolean[]> {
    const found = await this.#store.chargedOf(charges);
    return charges.map(({ channel, digest }) => found.has(`${channel}:${digest}`));
  }

  async #raise(raises: readonly (readonly SignedVoucher[])[]): Promise<void[]> {
    const vouchers = raises.flat();
    await this.#orForget(new Set(vouchers.map(({ channel }) => channel)), this.#store.raise(vouchers));
    this.noteRaised(vouchers);
    return raises.map(() => undefined);
  }

  /** Of vouchers that are on disk. */
  noteRaised(vouchers: readonly SignedVoucher[]): void {
    for (const voucher of vouchers) {
      this.#noteWrite(voucher.channel);
      this.#onRaise(voucher.channel);
      const account = this.#cache.get(voucher.channel);
      if (!account) continue;
      const both = { fees: voucher, stamps: voucher };
      account.vouchers = account.vouchers ? mergeVouchers(account.vouchers, both) : both;
    }
  }

  /** A write that failed may be on disk all the same: what memory says of its channels is not to be relied on. */
  async #orForget<T>(channels: Iterable<Address>, write: Promise<T>): Promise<T> {
    try {
      return await write;
    } catch (error) {
      for (const channel of channels) {
        this.#noteWrite(channel);
        this.#cache.delete(channel);
      }
      this.minutes.forget();
      throw error;
    }
  }

  #noteWrite(channel: Address): void {
    this.#writeCount++;
    if (this.#reading > 0) this.#writes.set(channel, this.#writeCount);
  }

  #keep(account: Account): void {
    if (this.#cache.size >= CACHED_ACCOUNTS) this.#evict();
    this.#cache.set(account.channel, account);
  }

  #evict(): void {
    for (const channel of this.#cache.keys()) {
      if (!this.reservations.isEmpty(channel)) continue;
      this.#cache.delete(channel);
      return;
    }
  }
}
